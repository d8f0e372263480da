use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};
use sluice_model::Api;
use sluice_plane::{
    ApiExtension, ApiHandler, Body, BodyError, ExtensionError, Outcome, PlaneSettings,
    RequestContext,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Answer, Gateway, Options, PATIENCE, api, echo, fault, proxy_api};

/// Answers the paths its document lists with what it knows about the request.
struct Pages;

struct PageHandler(Vec<String>);

#[async_trait]
impl ApiExtension for Pages {
    async fn load(
        &self,
        _api: &Arc<Api>,
        document: &Arc<Value>,
        _previous: Option<&Arc<dyn ApiHandler>>,
    ) -> Result<Arc<dyn ApiHandler>, ExtensionError> {
        let pages = document["pages"].as_array().ok_or("pages: expected a list")?;
        Ok(Arc::new(PageHandler(pages.iter().filter_map(Value::as_str).map(Into::into).collect())))
    }
}

#[async_trait]
impl ApiHandler for PageHandler {
    async fn handle(&self, request: Request<Body>, context: &RequestContext) -> Outcome {
        if context.stripped_path == "/endless" {
            let frames = futures_util::stream::pending::<Result<Frame<Bytes>, BodyError>>();
            return Outcome::Answered(Response::new(Body::new(StreamBody::new(frames))));
        }
        if context.stripped_path == "/wait" {
            let _waiting = Waiting::begin();
            std::future::pending::<()>().await;
        }
        if !self.0.contains(&context.stripped_path) {
            return Outcome::Continue(request);
        }
        let names = context.stripped_path.trim_start_matches('/').to_owned();
        let (parts, body) = request.into_parts();
        let body = body.bytes(1 << 20).await;
        let Ok(body) = body else {
            let mut response = Response::new(Body::from("too large for me"));
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return Outcome::Answered(response);
        };
        let values = ["request_data_user", "headers_X_Foo", "remote_addr", "request_ip", "path"]
            .map(|name| format!("{name}={}", context.variable(name, &parts)));
        let text = format!(
            "{names} {} {} [{}]",
            context.path,
            values.join(" "),
            String::from_utf8_lossy(&body)
        );
        Outcome::Answered(Response::new(Body::from(text)))
    }
}

/// Requests that wait for ever.
struct Waiting;

static WAITING: AtomicUsize = AtomicUsize::new(0);

impl Waiting {
    fn begin() -> Self {
        WAITING.fetch_add(1, Ordering::SeqCst);
        Self
    }

    async fn until(count: usize) {
        let began = Instant::now();
        while WAITING.load(Ordering::SeqCst) != count {
            let waiting = WAITING.load(Ordering::SeqCst);
            assert!(began.elapsed() < PATIENCE, "{waiting} wait, not {count}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::SeqCst);
    }
}

fn with_pages(mut api: Api, pages: &[&str], variables: bool) -> Api {
    api.extension = Some(Arc::new(json!({ "pages": pages })));
    api.context_variables = variables;
    api
}

fn pages() -> Options {
    Options { extension: Some(Arc::new(Pages)), ..Options::default() }
}

#[tokio::test]
async fn a_handler_sees_the_stripped_and_decoded_path() {
    let api = with_pages(api("a", "/a/"), &["/ev ent"], false);
    let gateway = Gateway::with(pages(), [api]).await;
    let answer = gateway.get("/a/%65v%20ent?x=1").await;
    answer.expect(
        200,
        "ev ent /a/ev ent request_data_user= headers_X_Foo= remote_addr= request_ip= path= []",
    );
    assert!(!answer.headers.contains_key("x-ratelimit-limit"));
    assert!(!answer.headers.contains_key("x-generator"));
}

#[tokio::test]
async fn what_a_handler_leaves_goes_upstream_or_is_not_found() {
    let alone = with_pages(api("alone", "/alone/"), &["/page"], false);
    let backed = with_pages(proxy_api("/backed/", echo().await), &["/page"], false);
    let gateway = Gateway::with(pages(), [alone, backed]).await;
    let answer = gateway.get("/alone/other").await;
    answer.expect(404, &fault("not found"));
    assert_eq!(answer.header("content-length"), "28");
    assert_eq!(answer.header("x-generator"), "tyk.io");
    // A trailing slash makes another path; so does the API's id in place of its listen path.
    gateway.get("/alone/page/").await.expect(404, &fault("not found"));
    let answer = gateway
        .send(
            "POST /backed/other HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\
             Connection: close\r\n\r\nbody",
        )
        .await;
    assert!(answer.body.starts_with("POST /other ") && answer.body.ends_with("body"));
}

#[tokio::test]
async fn variables_carry_what_the_request_said() {
    let api = with_pages(api("a", "/a/"), &["/page"], true);
    let gateway = Gateway::with(pages(), [api]).await;
    let answer = gateway
        .send(
            "GET /a/page?user=al%20ice HTTP/1.1\r\nHost: h\r\nx-foo: a b/c\r\n\
             X-Real-IP: 9.8.7.6\r\nConnection: close\r\n\r\n",
        )
        .await;
    answer.expect(
        200,
        "page /a/page request_data_user=al+ice headers_X_Foo=a+b%2Fc remote_addr=9.8.7.6 \
         request_ip=9.8.7.6 path=%2Fa%2Fpage []",
    );
    let answer = gateway.get("/a/page?user=http://x/y").await;
    assert!(answer.body.contains("request_data_user=http://x/y "), "{}", answer.body);
}

#[tokio::test]
async fn form_fields_are_variables_and_the_body_stays() {
    let settings = PlaneSettings { max_form_body: 64, ..PlaneSettings::default() };
    let options = Options { settings, ..pages() };
    let gateway = Gateway::with(options, [with_pages(api("a", "/a/"), &["/page"], true)]).await;
    let post = |length: &str, body: &str| {
        format!(
            "POST /a/page?user=query HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n{length}\r\n\r\n{body}"
        )
    };
    let answer = gateway.send(&post("Content-Length: 14", "user=a%22b&x=1")).await;
    assert!(answer.body.contains("request_data_user=a%22b "), "{}", answer.body);
    assert!(answer.body.ends_with("[user=a%22b&x=1]"));
    let large = "x".repeat(65);
    let answer = gateway.send(&post("Content-Length: 65", &large)).await;
    answer.expect(413, "Request Entity Too Large\n");
    let chunks = format!("41\r\n{large}\r\n0\r\n\r\n");
    let answer = gateway.send(&post("Transfer-Encoding: chunked", &chunks)).await;
    answer.expect(413, "Request Entity Too Large\n");
}

#[tokio::test]
async fn an_oversized_body_is_413_whatever_the_handler_says() {
    let settings = PlaneSettings { max_request_body: Some(4), ..PlaneSettings::default() };
    let options = Options { settings, ..pages() };
    let gateway = Gateway::with(options, [with_pages(api("a", "/a/"), &["/page"], false)]).await;
    let request = "POST /a/page HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\
                   Connection: close\r\n\r\n5\r\n12345\r\n0\r\n\r\n";
    gateway.send(request).await.expect(413, "Request Entity Too Large\n");
}

#[tokio::test]
async fn requests_of_clients_that_vanish_are_dropped() {
    let gateway = Gateway::with(pages(), [with_pages(api("a", "/a/"), &[], false)]).await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        let mut client = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
        client.write_all(b"GET /a/wait HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
        clients.push(client);
    }
    Waiting::until(50).await;
    drop(clients);
    Waiting::until(0).await;
}

#[tokio::test]
async fn endless_answers_end_cleanly_with_the_gateway() {
    let gateway = Gateway::with(pages(), [with_pages(api("a", "/a/"), &[], false)]).await;
    let mut client = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    client.write_all(b"GET /a/endless HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    client.readable().await.unwrap();
    assert!(gateway.drain.stop(PATIENCE).await, "the answer had to be cut");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    let answer = Answer::read(&answer);
    assert_eq!((answer.status, answer.header("transfer-encoding")), (200, "chunked"));
}

#[tokio::test]
async fn without_an_extension_its_apis_are_plain_proxies() {
    let gateway = Gateway::start([with_pages(api("a", "/a/"), &["/page"], true)]).await;
    let answer = gateway.get("/a/page").await;
    answer.expect(500, &fault("There was a problem proxying the request"));
}
