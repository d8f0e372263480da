use serde_json::{Value, json};

use crate::support::{DASHBOARD_KEY, Plan, document, send, streams};

const CHAT: &str = include_str!("../documents/gpt-chat.json");
const STREAMS: &str = "application/vnd.tyk.streams.oas";

fn is_hex(value: &Value, length: usize) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[tokio::test]
async fn a_posted_stream_api_answers_at_once_and_after_a_restart() {
    let plan = Plan::new();
    let settings = plan.settings.clone();
    let setup = plan.start().await;
    let answer = setup.dashboard("POST", "/api/apis/streams", CHAT).await;
    let created = answer.json();
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.starts_with("{\"Status\":\"OK\",\"Message\":\"API created\",\"Meta\":\""),
        "{}",
        answer.body
    );
    assert!(is_hex(&created["Meta"], 24) && is_hex(&created["ID"], 32), "{created}");
    setup.get("/gpt-chat/default_stream").await.expect(200, "gpt-chat for ");

    let setup = setup.restart(&settings).await;
    setup.get("/gpt-chat/default_stream").await.expect(200, "gpt-chat for ");
    for id in ["ID", "Meta"] {
        let path = format!("/api/apis/streams/{}/", created[id].as_str().unwrap());
        let stored = setup.dashboard("GET", &path, "").await.json();
        let mut expected: Value = serde_json::from_str(CHAT).unwrap();
        expected["x-tyk-api-gateway"]["info"]["id"] = created["ID"].clone();
        expected["x-tyk-api-gateway"]["info"]["dbId"] = created["Meta"].clone();
        assert_eq!(stored, expected);
    }
}

#[tokio::test]
async fn the_key_is_asked_for() {
    let setup = Plan::new().start().await;
    let address = setup.running.addresses.dashboard.unwrap();
    let refused = "{\"Status\":\"Error\",\"Message\":\"Not authorised\",\"Meta\":null}\n";
    for key in ["", "wrong", "Bearer wrong", "Basic key-of-the-dashboard"] {
        let headers = [("authorization", key), ("content-type", STREAMS)];
        send(address, "POST", "/api/apis/streams", &headers, CHAT).await.expect(401, refused);
    }
    send(address, "GET", "/anything", &[], "").await.expect(401, refused);
    let bearer = format!("Bearer {DASHBOARD_KEY}");
    let headers = [("authorization", bearer.as_str()), ("content-type", STREAMS)];
    assert_eq!(send(address, "POST", "/api/apis/streams", &headers, CHAT).await.status, 200);
}

#[tokio::test]
async fn a_generated_key_is_told_once_and_works_for_ever() {
    let mut plan = Plan::new();
    plan.settings["dashboard"] = json!({"enabled": true, "listen_port": 0});
    let settings = plan.settings.clone();
    let database = plan.folder.path().join("sluice.db");
    let setup = plan.start().await;
    let key = setup.running.dashboard_key.clone().unwrap();
    assert_eq!(key.len(), 64);
    let setup = setup.restart(&settings).await;
    assert_eq!(setup.running.dashboard_key, None);
    let headers = [("authorization", key.as_str()), ("content-type", STREAMS)];
    let address = setup.running.addresses.dashboard.unwrap();
    assert_eq!(send(address, "POST", "/api/apis/streams", &headers, CHAT).await.status, 200);
    setup.running.shutdown().await;
    let stored = std::fs::read(database).unwrap();
    assert!(!stored.windows(key.len()).any(|part| part == key.as_bytes()), "stored in clear");
}

#[tokio::test]
async fn refusals_have_their_status_and_words() {
    let setup = Plan::new().start().await;
    let post = |body: String| {
        let setup = &setup;
        async move { setup.dashboard("POST", "/api/apis/streams", &body).await }
    };
    let broken = post("{\n \"a\": }".into()).await;
    assert_eq!((broken.status, &broken.json()["Errors"][0]["line"]), (400, &2.into()));
    let plain = post(document("a", "/a/", "").to_string()).await;
    let message = "The payload should contain x-tyk-api-gateway and/or x-tyk-streaming.";
    assert_eq!((plain.status, plain.json()["Message"].as_str()), (400, Some(message)));

    let mut lacking = streams("a", "no-slash", &["s"]);
    lacking["x-tyk-streaming"] = json!({});
    let lacking = post(lacking.to_string()).await;
    let error = &lacking.json()["Errors"][0];
    assert_eq!(lacking.status, 400);
    assert_eq!(
        (&error["path"], &error["message"]),
        (&"x-tyk-streaming".into(), &"streams is required".into())
    );

    let unservable = post(streams("a", "/a/", &["broken"]).to_string()).await;
    let message = "stream broken: can't be built";
    assert_eq!((unservable.status, unservable.json()["Message"].as_str()), (400, Some(message)));
    setup.get("/a/broken").await.expect(404, "Not Found");

    assert_eq!(post(streams("a", "/a/", &["s"]).to_string()).await.status, 200);
    let twice = post(streams("b", "/a/", &["s"]).to_string()).await;
    assert_eq!(
        (twice.status, twice.json()["Message"].as_str()),
        (403, Some("Found API with same url."))
    );
    assert!(twice.json()["Errors"][0]["message"].as_str().unwrap().contains("`a`"));
    let same = post(streams("a", "/other/", &["s"]).to_string()).await;
    let message = "Found API with the same ID.";
    assert_eq!((same.status, same.json()["Message"].as_str()), (409, Some(message)));

    let address = setup.running.addresses.dashboard.unwrap();
    let headers = [("authorization", DASHBOARD_KEY), ("content-type", "text/plain")];
    let typed = send(address, "POST", "/api/apis/streams", &headers, CHAT).await;
    assert_eq!(typed.status, 415);
    assert!(typed.body.contains("send application/vnd.tyk.streams.oas"), "{}", typed.body);
}

#[tokio::test]
async fn a_stream_api_may_be_replaced_and_deleted() {
    let setup = Plan::new().start().await;
    let body = streams("a", "/a/", &["s"]).to_string();
    let created = setup.dashboard("POST", "/api/apis/streams", &body).await.json();
    let path = format!("/api/apis/streams/{}", created["Meta"].as_str().unwrap());
    let changed = streams("a", "/a/", &["t"]).to_string();
    let answer = setup.dashboard("PUT", &path, &changed).await;
    answer.expect(200, "{\"Status\":\"OK\",\"Message\":\"API updated.\",\"Meta\":null}\n");
    setup.get("/a/t").await.expect(200, "a for ");
    assert_eq!(setup.get("/a/s").await.status, 404);

    let refused = streams("a", "/a/", &["broken"]).to_string();
    assert_eq!(setup.dashboard("PUT", &path, &refused).await.status, 400);
    setup.get("/a/t").await.expect(200, "a for ");
    let other = streams("other", "/a/", &["s"]).to_string();
    let answer = setup.dashboard("PUT", &path, &other).await;
    assert_eq!(answer.json()["Message"], "Invalid `ID` value");

    let answer = setup.dashboard("DELETE", &path, "").await;
    answer.expect(200, "{\"Status\":\"OK\",\"Message\":\"API deleted.\",\"Meta\":null}\n");
    setup.get("/a/t").await.expect(404, "Not Found");
    let answer = setup.dashboard("GET", &path, "").await;
    answer.expect(404, "{\"Status\":\"Error\",\"Message\":\"API not found.\",\"Meta\":null}\n");
}

#[tokio::test]
async fn switched_off_streams_are_said_to_be() {
    let setup = Plan::new().set("streaming", json!({"enabled": false})).start().await;
    let answer = setup.dashboard("POST", "/api/apis/streams", CHAT).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("streaming.enabled"), "{}", answer.body);
}

#[tokio::test]
async fn the_dashboard_may_be_left_out() {
    let setup = Plan::new().set("dashboard", json!({"enabled": false})).start().await;
    assert_eq!(setup.running.addresses.dashboard, None);
    assert_eq!(setup.running.dashboard_key, None);
}

#[tokio::test]
async fn a_taken_port_matters_only_if_it_was_asked_for() {
    use sluice_tyk::{Gateway, Options};

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    for (required, starts) in [(false, true), (true, false)] {
        let plan = Plan::new();
        let mut settings = plan.settings();
        let dashboard = settings.dashboard.as_mut().unwrap();
        dashboard.address.port = port;
        dashboard.required = required;
        let started = Gateway::start(Options { settings, apis: vec![], extension: None }).await;
        match started {
            Ok(running) => assert!(starts && running.addresses.dashboard.is_none()),
            Err(error) => {
                assert!(!starts, "{error}");
                let message = format!("the dashboard API can't listen on 127.0.0.1:{port}");
                assert_eq!(error.to_string(), message);
            }
        }
    }
}
