use std::time::Duration;

use http::Response;
use sluice_model::Target;
use sluice_plane::{PlaneSettings, UpstreamSettings};

use crate::support::{Gateway, Options, echo, fault, proxy_api, text, upstream};

#[tokio::test]
async fn requests_reach_the_upstream_with_their_own_headers_only() {
    let upstream = echo().await;
    let gateway = Gateway::start([proxy_api("/a/", upstream)]).await;
    let answer = gateway
        .send(
            "POST /a/x%20y?q=%41&q=2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nX-Own: 1\r\n\
             X-Forwarded-For: 1.2.3.4\r\nTE: trailers\r\nKeep-Alive: 1\r\nX-Hop: 1\r\n\
             Proxy-Authorization: x\r\nConnection: close, X-Hop\r\n\r\nhello",
        )
        .await;
    answer.expect(
        200,
        &format!(
            "POST /x%20y?q=%41&q=2 HTTP/1.1\ncontent-length: 5\nhost: {upstream}\nte: trailers\n\
             x-forwarded-for: 1.2.3.4, 127.0.0.1\nx-own: 1\n\nhello"
        ),
    );
}

#[tokio::test]
async fn answers_lose_hop_headers_and_gain_empty_allowances() {
    let gateway = Gateway::start([proxy_api("/a/", echo().await)]).await;
    let answer = gateway.get("/a/x").await;
    assert!(!answer.headers.contains_key("x-hop"));
    assert_eq!(answer.header("x-kept"), "1");
    for name in ["limit", "remaining", "reset"] {
        assert_eq!(answer.header(&format!("x-ratelimit-{name}")), "0");
    }
    assert!(!answer.headers.contains_key("x-generator"));
}

#[tokio::test]
async fn the_targets_path_and_query_come_first() {
    let upstream = echo().await;
    let mut api = proxy_api("/a/", upstream);
    api.upstream.target = Some(Target::parse(&format!("http://{upstream}/base/?k=v")).unwrap());
    let gateway = Gateway::start([api]).await;
    assert!(gateway.get("/a/x?q=1").await.body.starts_with("GET /base/x?k=v&q=1 "));
    assert!(gateway.get("/a/").await.body.starts_with("GET /base?k=v "));
}

#[tokio::test]
async fn the_clients_host_is_kept_on_request() {
    let mut api = proxy_api("/a/", echo().await);
    api.upstream.preserve_host = true;
    let gateway = Gateway::start([api]).await;
    assert!(gateway.get("/a/x").await.body.contains("\nhost: h\n"));
}

#[tokio::test]
async fn an_upstream_that_refuses_is_a_proxy_problem() {
    let closed = "127.0.0.1:1".parse().unwrap();
    let gateway = Gateway::start([proxy_api("/a/", closed)]).await;
    let answer = gateway.get("/a/x").await;
    answer.expect(500, &fault("There was a problem proxying the request"));
}

#[tokio::test]
async fn an_unknown_host_is_told_apart() {
    let mut api = proxy_api("/a/", "127.0.0.1:1".parse().unwrap());
    api.upstream.target = Some(Target::parse("http://no-such-host.invalid/").unwrap());
    let gateway = Gateway::start([api]).await;
    gateway.get("/a/x").await.expect(500, &fault("Upstream host lookup failed"));
}

#[tokio::test]
async fn a_silent_upstream_times_out() {
    let silent = upstream(|_| async {
        tokio::time::sleep(Duration::from_mins(10)).await;
        Response::new(text(""))
    })
    .await;
    let mut quick = proxy_api("/quick/", silent);
    quick.id = "quick".into();
    quick.upstream.timeout = Some(Duration::from_millis(100));
    let upstream = UpstreamSettings { timeout: Duration::from_millis(300), ..Default::default() };
    let settings = PlaneSettings { upstream, ..PlaneSettings::default() };
    let options = Options { settings, ..Options::default() };
    let gateway = Gateway::with(options, [quick, proxy_api("/a/", silent)]).await;
    for path in ["/quick/x", "/a/x"] {
        let answer = gateway.get(path).await;
        answer.expect(504, &fault("Upstream service reached hard timeout."));
    }
}

#[tokio::test]
async fn an_upstream_may_speak_http2_without_tls() {
    let upstream = echo().await;
    let mut api = proxy_api("/a/", upstream);
    api.upstream.target = Some(Target::parse(&format!("h2c://{upstream}/")).unwrap());
    let gateway = Gateway::start([api]).await;
    let body = gateway.get("/a/x").await.body;
    assert!(body.contains("HTTP/2.0") && body.contains("/x"), "{body}");
}

#[tokio::test]
async fn a_client_may_speak_http2_without_tls() {
    use http_body_util::{BodyExt, Full};
    use hyper_util::{client::legacy::Client, rt::TokioExecutor};

    let gateway = Gateway::start([proxy_api("/a/", echo().await)]).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = http::Request::post(format!("http://{}/a/x", gateway.address))
        .header("te", "trailers")
        .body(Full::new(bytes::Bytes::from_static(b"over http2")))
        .unwrap();
    let answer = client.request(request).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    assert_eq!(answer.headers()["x-ratelimit-limit"], "0");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.starts_with("POST /x HTTP/1.1") && body.ends_with("over http2"), "{body}");
}

#[tokio::test]
async fn trailers_pass_from_http2_to_http2() {
    use http::{HeaderMap, HeaderValue};
    use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
    use hyper_util::{client::legacy::Client, rt::TokioExecutor};

    let address = upstream(|request| async move {
        assert_eq!(request.headers()["te"], "trailers");
        let trailers = HeaderMap::from_iter([(
            http::HeaderName::from_static("grpc-status"),
            HeaderValue::from_static("0"),
        )]);
        let body = Full::new(bytes::Bytes::from_static(b"reply"));
        let body = body.with_trailers(async move { Some(Ok(trailers)) });
        Response::new(UnsyncBoxBody::new(body))
    })
    .await;
    let mut api = proxy_api("/a/", address);
    api.upstream.target = Some(Target::parse(&format!("h2c://{address}/")).unwrap());
    let gateway = Gateway::start([api]).await;
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = http::Request::post(format!("http://{}/a/Service/Method", gateway.address))
        .header("te", "trailers")
        .body(Full::new(bytes::Bytes::from_static(b"call")))
        .unwrap();
    let answer = client.request(request).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(answer.to_bytes(), "reply");
}

#[tokio::test]
async fn a_dead_pooled_connection_is_not_the_clients_problem() {
    // Closes every connection after one answer, without saying so.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = socket.read(&mut buffer).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    });
    let gateway = Gateway::start([proxy_api("/a/", address)]).await;
    for _ in 0..10 {
        gateway.get("/a/x").await.expect(200, "ok");
    }
}
