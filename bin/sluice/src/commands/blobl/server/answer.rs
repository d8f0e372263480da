//! Requests of the page and their answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sluice_bloblang::{Diagnostics, Environment, Program, Span, assist, docs, format};
use tokio::sync::Semaphore;

use super::guard::Guard;
use super::session::Session;
use crate::commands::blobl::lines;

const PAGE: &str = include_str!("page/index.html");
const SCRIPT: &str = include_str!("page/playground.js");
const STYLE: &str = include_str!("page/playground.css");
/// The grammar that editors use, too.
const GRAMMAR: &str = include_str!("../../../../../../editors/codemirror/bloblang.js");

/// Longest request.
const MAX_BODY: usize = 4 * 1024 * 1024;
/// Longest input that is mapped, and longest mapping.
const MAX_TEXT: usize = 1024 * 1024;
/// Mappings that run at once.
const MAX_RUNS: usize = 4;
/// How long a page waits for a mapping. The mapping itself cannot be stopped; it keeps its place
/// among those that run.
const RUN_PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Playground {
    language: Environment,
    session: Arc<Session>,
    runs: Arc<Semaphore>,
}

impl Playground {
    pub(super) fn new(language: Environment, session: Arc<Session>) -> Self {
        Self { language, session, runs: Arc::new(Semaphore::new(MAX_RUNS)) }
    }
}

#[derive(Deserialize)]
struct Texts {
    mapping: String,
    #[serde(default)]
    input: String,
}

#[derive(Deserialize)]
struct Place {
    mapping: String,
    /// In UTF-16 units, as the browser counts.
    offset: usize,
}

/// What a mapping made of its input. The first three are the reference's.
#[derive(Default, Serialize)]
struct Outcome {
    result: Option<String>,
    parse_error: Option<String>,
    mapping_error: Option<String>,
    problems: Vec<Value>,
}

pub(super) async fn answer(
    playground: &Arc<Playground>,
    guard: &Guard,
    request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    if let Some(reason) = guard.refuses(request.headers()) {
        return plain(StatusCode::FORBIDDEN, reason);
    }
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    match (&parts.method, path) {
        (&Method::GET | &Method::HEAD, _) => get(playground, path),
        (&Method::POST, "/execute" | "/format" | "/complete") => {
            match Limited::new(body, MAX_BODY).collect().await {
                Ok(body) => post(playground, path, &body.to_bytes()).await,
                Err(_) => plain(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large"),
            }
        }
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, "this is not done here"),
    }
}

fn get(playground: &Playground, path: &str) -> Response<Full<Bytes>> {
    match path {
        "/" => file("text/html; charset=utf-8", PAGE),
        "/playground.js" => file("text/javascript; charset=utf-8", SCRIPT),
        "/bloblang.js" => file("text/javascript; charset=utf-8", GRAMMAR),
        "/playground.css" => file("text/css; charset=utf-8", STYLE),
        "/state" => {
            let state = playground.session.state();
            data(&json!({ "mapping": state.mapping, "input": state.input }))
        }
        "/words" => data(&words(&playground.language)),
        _ => plain(StatusCode::NOT_FOUND, "there is nothing here"),
    }
}

async fn post(playground: &Arc<Playground>, path: &str, body: &[u8]) -> Response<Full<Bytes>> {
    match path {
        "/execute" => match serde_json::from_slice::<Texts>(body) {
            Ok(texts) => execute(playground, texts).await,
            Err(error) => plain(StatusCode::BAD_REQUEST, error.to_string()),
        },
        "/format" => match serde_json::from_slice::<Texts>(body) {
            Ok(texts) => data(&formatted(&playground.language, &texts.mapping)),
            Err(error) => plain(StatusCode::BAD_REQUEST, error.to_string()),
        },
        _ => match serde_json::from_slice::<Place>(body) {
            Ok(place) if place.mapping.len() > MAX_TEXT => {
                plain(StatusCode::PAYLOAD_TOO_LARGE, "the mapping is too long")
            }
            Ok(place) => data(&completions(&playground.language, &place)),
            Err(error) => plain(StatusCode::BAD_REQUEST, error.to_string()),
        },
    }
}

async fn execute(playground: &Arc<Playground>, texts: Texts) -> Response<Full<Bytes>> {
    playground.session.update(&texts.mapping, &texts.input);
    let busy = "too many mappings are running";
    let Ok(run) = playground.runs.clone().try_acquire_owned() else {
        return plain(StatusCode::SERVICE_UNAVAILABLE, busy);
    };
    let language = playground.language.clone();
    let running = tokio::task::spawn_blocking(move || {
        let outcome = evaluate(&language, &texts);
        drop(run);
        outcome
    });
    let outcome = match tokio::time::timeout(RUN_PATIENCE, running).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => return plain(StatusCode::INTERNAL_SERVER_ERROR, "the mapping broke off"),
        Err(_) => Outcome {
            mapping_error: Some(format!("execution error: no result after {RUN_PATIENCE:?}")),
            ..Outcome::default()
        },
    };
    data(&serde_json::to_value(outcome).unwrap_or_default())
}

fn evaluate(language: &Environment, texts: &Texts) -> Outcome {
    let mut outcome = Outcome::default();
    if texts.mapping.len() > MAX_TEXT || texts.input.len() > MAX_TEXT {
        let reason = format!("mapping and input may have {MAX_TEXT} bytes each");
        outcome.mapping_error = Some(reason);
        return outcome;
    }
    let program = match Program::parse(&texts.mapping, language) {
        Ok(program) => program,
        Err(problems) => {
            outcome.parse_error = Some(match texts.mapping.as_str() {
                "" => "Mapping string cannot be empty".into(),
                _ => format!("failed to parse mapping: {problems}"),
            });
            outcome.problems = self::problems(&texts.mapping, &problems);
            return outcome;
        }
    };
    if texts.input.is_empty() {
        outcome.mapping_error = Some("Input JSON string cannot be empty".into());
        return outcome;
    }
    match lines::map_text(&program, texts.input.clone()) {
        Ok(result) => outcome.result = Some(String::from_utf8_lossy(&result).into_owned()),
        Err(error) => outcome.mapping_error = Some(format!("execution error: {error}")),
    }
    outcome
}

fn formatted(language: &Environment, mapping: &str) -> Value {
    if mapping.len() > MAX_TEXT {
        return json!({ "parse_error": "the mapping is too long" });
    }
    match format(mapping, language) {
        Ok(formatted) => json!({ "formatted": formatted }),
        Err(problems) => json!({ "parse_error": problems.to_string() }),
    }
}

/// What is wrong, with positions as the browser counts them.
fn problems(text: &str, problems: &Diagnostics) -> Vec<Value> {
    let described = problems.0.iter().map(|problem| {
        let (start, end) = units(text, problem.span);
        json!({
            "start": start,
            "end": end,
            "line": problem.line,
            "column": problem.column,
            "code": problem.code,
            "message": problem.message,
            "hint": problem.hint,
        })
    });
    described.collect()
}

fn completions(language: &Environment, place: &Place) -> Value {
    let offset = bytes_before(&place.mapping, place.offset);
    let completion = assist::complete(&place.mapping, offset, language);
    let (start, end) = units(&place.mapping, completion.replace);
    let items = completion.items.iter().map(|item| {
        json!({
            "label": item.label,
            "kind": item.kind.name(),
            "detail": item.detail,
            "documentation": item.documentation,
            "insert": item.insert,
            "deprecated": item.is_deprecated,
        })
    });
    json!({ "start": start, "end": end, "items": items.collect::<Vec<_>>() })
}

/// Everything that has a name, for the page's list and colours.
fn words(language: &Environment) -> Value {
    let shown = |entries: Vec<docs::Entry>| {
        let shown = entries.iter().map(|entry| {
            json!({
                "name": entry.name,
                "signature": entry.signature(),
                "category": entry.category.name(),
                "summary": docs::first_sentence(entry.summary),
                "documentation": entry.markdown(),
            })
        });
        shown.collect::<Vec<_>>()
    };
    let keywords = docs::KEYWORDS.iter().map(|word| {
        json!({
            "name": word.name,
            "signature": word.name,
            "category": "Words",
            "summary": docs::first_sentence(word.summary),
            "documentation": word.markdown(),
        })
    });
    json!({
        "keywords": keywords.collect::<Vec<_>>(),
        "functions": shown(docs::functions(language)),
        "methods": shown(docs::methods(language)),
    })
}

fn units(text: &str, span: Span) -> (usize, usize) {
    let before = |offset: usize| text[..text.floor_char_boundary(offset)].encode_utf16().count();
    (before(span.start), before(span.end.max(span.start)))
}

fn bytes_before(text: &str, units: usize) -> usize {
    let mut counted = 0;
    for (at, c) in text.char_indices() {
        if counted >= units {
            return at;
        }
        counted += c.len_utf16();
    }
    text.len()
}

fn file(content_type: &'static str, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = response(StatusCode::OK, content_type, Bytes::from_static(text.as_bytes()));
    // The page runs nothing but its own files, whatever a result may contain.
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                  img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn data(value: &Value) -> Response<Full<Bytes>> {
    response(StatusCode::OK, "application/json", value.to_string().into())
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", (text.into() + "\n").into())
}

fn response(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    response
}
