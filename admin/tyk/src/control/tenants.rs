//! `/tyk/streams/tenants`: one line about each tenant of the streams.

use std::collections::HashMap;

use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::Response,
};
use serde_json::{Value, json};

use super::{Shared, reply};

/// Lines of a page, unless the request says less or more, and at most.
const PAGE: usize = 100;
const MOST: usize = 1000;

/// `?api=ID&stream=NAME&group=PART&mode=light|full|connecting&min_lag=N&page=N&limit=N`.
pub(crate) async fn list(
    State(context): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let wanted = match Wanted::read(&query) {
        Ok(wanted) => wanted,
        Err(problem) => return reply::failure(StatusCode::BAD_REQUEST, problem),
    };
    let mut total = 0;
    let mut lines = Vec::new();
    context.plane.tenants(&mut |api, tenant| {
        if !wanted.has(api, &tenant.stream, &tenant.group, &tenant.line) {
            return true;
        }
        if (wanted.first()..wanted.first() + wanted.limit).contains(&total) {
            let mut line = tenant.line;
            line.insert("api".into(), api.into());
            lines.push(Value::Object(line));
        }
        total += 1;
        true
    });
    let pages = total.div_ceil(wanted.limit);
    let page = json!({ "page": wanted.page, "pages": pages, "total": total, "tenants": lines });
    reply::json(StatusCode::OK, &page)
}

struct Wanted<'q> {
    api: Option<&'q str>,
    stream: Option<&'q str>,
    group: Option<&'q str>,
    mode: Option<&'q str>,
    min_lag: i64,
    page: usize,
    limit: usize,
}

impl<'q> Wanted<'q> {
    fn read(query: &'q HashMap<String, String>) -> Result<Self, String> {
        const KNOWN: [&str; 7] = ["api", "stream", "group", "mode", "min_lag", "page", "limit"];
        if let Some(unknown) = query.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(format!("unknown parameter {unknown}: expected {}", KNOWN.join(", ")));
        }
        let text = |name: &str| query.get(name).map(String::as_str);
        let number = |name: &str, default: usize, range: std::ops::RangeInclusive<usize>| {
            let Some(text) = text(name) else { return Ok(default) };
            let number = text.parse().ok().filter(|number| range.contains(number));
            let (low, high) = (range.start(), range.end());
            number.ok_or_else(|| format!("{name}: expected {low} to {high}, found {text}"))
        };
        let most_pages = 1_000_000;
        Ok(Self {
            api: text("api"),
            stream: text("stream"),
            group: text("group"),
            mode: text("mode"),
            min_lag: number("min_lag", 0, 0..=i64::MAX as usize)? as i64,
            page: number("page", 1, 1..=most_pages)?,
            limit: number("limit", PAGE, 1..=MOST)?,
        })
    }

    fn first(&self) -> usize {
        (self.page - 1) * self.limit
    }

    fn has(
        &self,
        api: &str,
        stream: &str,
        group: &str,
        line: &serde_json::Map<String, Value>,
    ) -> bool {
        let lag = || line.get("lag").and_then(Value::as_i64).unwrap_or(0);
        let mode = || line.get("mode").and_then(Value::as_str).unwrap_or_default();
        // Streams are called `<api>_<name>` in logs; here the name is enough.
        let is_stream = |wanted: &str| {
            stream == wanted || stream.strip_suffix(wanted).is_some_and(|rest| rest.ends_with('_'))
        };
        self.api.is_none_or(|wanted| wanted == api)
            && self.stream.is_none_or(is_stream)
            && self.group.is_none_or(|part| group.contains(part))
            && self.mode.is_none_or(|wanted| wanted == mode())
            && (self.min_lag == 0 || lag() >= self.min_lag)
    }
}
