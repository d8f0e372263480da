use sluice_model::{Expiration, ListenPath, State};
use sluice_plane::PlaneSettings;

use crate::support::{Gateway, Options, api, echo, fault, proxy_api};

#[tokio::test]
async fn a_path_outside_every_api_is_not_found_in_plain_text() {
    let gateway = Gateway::start([api("a", "/a/")]).await;
    for path in ["/", "/b", "/a"] {
        let answer = gateway.get(path).await;
        answer.expect(404, "Not Found");
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("content-length"), "9");
        assert!(!answer.headers.contains_key("x-generator"));
    }
}

#[tokio::test]
async fn an_api_without_upstream_can_not_be_proxied() {
    let gateway = Gateway::start([api("a", "/a/")]).await;
    let answer = gateway.get("/a/x").await;
    answer.expect(500, &fault("There was a problem proxying the request"));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-generator"), "tyk.io");
}

#[tokio::test]
async fn errors_are_xml_for_who_sends_xml() {
    let gateway = Gateway::start([api("a", "/a/")]).await;
    let answer = gateway
        .send(
            "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\
             Connection: close\r\n\r\n",
        )
        .await;
    let message = "There was a problem proxying the request";
    let xml = format!("<?xml version = \"1.0\" encoding = \"UTF-8\"?>\n<error>{message}</error>");
    answer.expect(500, &xml);
    assert_eq!(answer.header("content-type"), "text/xml");
}

#[tokio::test]
async fn listen_paths_are_raw_prefixes_unless_strict() {
    let upstream = echo().await;
    let gateway = Gateway::start([proxy_api("/a", upstream)]).await;
    assert!(gateway.get("/ax?q=1").await.body.starts_with("GET /x?q=1 "));

    let settings = PlaneSettings { strict_routes: true, ..PlaneSettings::default() };
    let options = Options { settings, ..Options::default() };
    let gateway = Gateway::with(options, [proxy_api("/a", upstream)]).await;
    gateway.get("/ax").await.expect(404, "Not Found");
    assert!(gateway.get("/a/x").await.body.starts_with("GET /x "));
}

#[tokio::test]
async fn templates_match_and_strip() {
    let gateway = Gateway::start([proxy_api("/t/{tenant}/", echo().await)]).await;
    assert!(gateway.get("/t/acme/x/y").await.body.starts_with("GET /x/y "));
    gateway.get("/t/acme").await.expect(404, "Not Found");
}

#[tokio::test]
async fn every_api_answers_under_its_id_unstripped() {
    let gateway = Gateway::start([proxy_api("/a/", echo().await)]).await;
    assert!(gateway.get("/proxied/x").await.body.starts_with("GET /proxied/x "));
}

#[tokio::test]
async fn listen_paths_stay_where_stripping_is_off() {
    let mut api = proxy_api("/a/", echo().await);
    api.listen_path = ListenPath::new("/a/", false).unwrap();
    let gateway = Gateway::start([api]).await;
    assert!(gateway.get("/a/x%2Fy").await.body.starts_with("GET /a/x%2Fy "));
}

#[tokio::test]
async fn unclean_paths_are_redirected() {
    let gateway = Gateway::start([api("a", "/a/")]).await;
    for (path, location) in [
        ("/a//x?q=1", "/a/x?q=1"),
        ("/a/../b", "/b"),
        ("//evil.example/", "/evil.example/"),
        ("/a/%2e%2e/b%20c", "/b%20c"),
    ] {
        let answer = gateway.get(path).await;
        answer.expect(301, "");
        assert_eq!(answer.header("location"), location);
    }
    gateway.get("/a/%zz").await.expect(400, "400 Bad Request");
}

#[tokio::test]
async fn cleaning_may_be_switched_off() {
    let settings = PlaneSettings { skip_url_cleaning: true, ..PlaneSettings::default() };
    let options = Options { settings, ..Options::default() };
    let gateway = Gateway::with(options, [proxy_api("/a/", echo().await)]).await;
    assert!(gateway.get("/a/x//y").await.body.starts_with("GET /x//y "));
}

#[tokio::test]
async fn internal_apis_are_not_found() {
    let mut hidden = api("a", "/a/");
    hidden.state = State { active: true, internal: true };
    let gateway = Gateway::start([hidden]).await;
    gateway.get("/a/x").await.expect(404, "Not Found");
    gateway.get("/a/").await.expect(404, "Not Found");
}

#[tokio::test]
async fn inactive_apis_are_served_all_the_same() {
    let mut inactive = proxy_api("/a/", echo().await);
    inactive.state = State { active: false, internal: false };
    let gateway = Gateway::start([inactive]).await;
    assert_eq!(gateway.get("/a/x").await.status, 200);
}

#[tokio::test]
async fn expiry_is_announced_and_then_enforced() {
    let mut later = proxy_api("/later/", echo().await);
    later.expiration = Some(Expiration::parse("2099-01-02 03:04").unwrap());
    let mut passed = api("passed", "/passed/");
    passed.expiration = Some(Expiration::parse("2001-01-01 00:00").unwrap());
    let gateway = Gateway::start([later, passed]).await;
    let answer = gateway.get("/later/x").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-tyk-api-expires"), "Fri, 02 Jan 2099 03:04:00 UTC");
    let message = "API has expired, please check documentation or contact administrator";
    gateway.get("/passed/x").await.expect(403, &fault(message));
}

#[tokio::test]
async fn only_the_configured_host_reaches_apis() {
    let settings =
        PlaneSettings { hostname: Some("api.example".into()), ..PlaneSettings::default() };
    let options = Options { settings, ..Options::default() };
    let gateway = Gateway::with(options, [proxy_api("/a/", echo().await)]).await;
    let ask = |host| format!("GET /a/x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    assert_eq!(gateway.send(&ask("API.example:8080")).await.status, 200);
    gateway.send(&ask("other.example")).await.expect(404, "Not Found");
}

#[tokio::test]
async fn hostile_requests_get_an_answer_and_harm_nobody() {
    let gateway = Gateway::start([proxy_api("/a/", echo().await)]).await;
    for request in [
        "GET /a/%00%ff%fe HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET /a/x HTTP/1.1\r\nHost: h\r\nX: \u{e9}\u{1f600}\r\nConnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "CONNECT h:1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET http://other/a/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET /a/x HTTP/1.0\r\n\r\n",
        "GET /a/\"><script> HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET /a/x HTTP/1.1\r\nHost: h\r\nBad Header: 1\r\nConnection: close\r\n\r\n",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /a/x HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "not http at all\r\n\r\n",
    ] {
        let status = gateway.send(request).await.status;
        assert!(matches!(status, 200 | 400 | 404), "{request:?} got {status}");
    }
    assert_eq!(gateway.get("/a/x").await.status, 200);
}
