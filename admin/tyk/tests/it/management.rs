use serde_json::{Value, json};
use sluice_tyk::SHIPPED_SECRET;

use crate::support::{PATIENCE, Plan, document, fault, send, streams, upstream};

#[tokio::test]
async fn calls_without_the_secret_are_refused() {
    let setup = Plan::new().start().await;
    let address = setup.running.addresses.data;
    let refused = "{\"status\":\"error\",\"message\":\"Attempted administrative access with \
                   invalid or missing key!\"}\n";
    for headers in [&[][..], &[("x-tyk-authorization", "wrong")], &[("x-tyk-authorization", "")]] {
        for path in ["/tyk/apis", "/tyk/reload", "/tyk/no-such"] {
            send(address, "GET", path, headers, "").await.expect(403, refused);
        }
    }
    setup.tyk("GET", "/tyk/apis", "").await.expect(200, "[]\n");
    setup.tyk("GET", "/tyk/apis/", "").await.expect(200, "[]\n");
}

#[tokio::test]
async fn unknown_routes_and_methods_have_their_texts() {
    let setup = Plan::new().start().await;
    let answer = setup.tyk("GET", "/tyk/nothing/here", "").await;
    answer.expect(404, "404 page not found\n");
    let answer = setup.tyk("DELETE", "/tyk/apis", "").await;
    answer.expect(405, "{\"status\":\"error\",\"message\":\"Method not supported\"}\n");
}

#[tokio::test]
async fn a_document_goes_its_whole_way() {
    let upstream = upstream().await;
    let setup = Plan::new().start().await;
    let mut oas = document("one", "/one/", &upstream);
    oas["servers"] = json!([{"url": "http://old.example/"}]);
    let created = setup.tyk("POST", "/tyk/apis/oas", &oas.to_string()).await;
    created.expect(200, "{\"key\":\"id-one\",\"status\":\"ok\",\"action\":\"added\"}\n");
    setup.get("/one/x").await.expect(404, "Not Found");
    setup
        .tyk("GET", "/tyk/reload?block=true", "")
        .await
        .expect(200, "{\"status\":\"ok\",\"message\":\"\"}\n");
    setup.get("/one/x").await.expect(200, "/x");

    let stored = setup.tyk("GET", "/tyk/apis/oas/id-one", "").await.json();
    let address = setup.running.addresses.data;
    assert_eq!(stored["servers"][0]["url"], format!("http://{address}/one/"));
    assert_eq!(stored["servers"][1]["url"], "http://old.example/");
    let listed = setup.tyk("GET", "/tyk/apis/oas", "").await.json();
    assert_eq!(listed, json!([stored]));

    let mut changed = stored;
    changed["x-tyk-api-gateway"]["server"]["listenPath"]["value"] = "/two/".into();
    let answer = setup.tyk("PUT", "/tyk/apis/oas/id-one", &changed.to_string()).await;
    answer.expect(200, "{\"key\":\"id-one\",\"status\":\"ok\",\"action\":\"modified\"}\n");
    setup.tyk("GET", "/tyk/reload/?block=true", "").await;
    setup.get("/one/x").await.expect(404, "Not Found");
    setup.get("/two/x").await.expect(200, "/x");

    let answer = setup.tyk("DELETE", "/tyk/apis/oas/id-one", "").await;
    answer.expect(200, "{\"key\":\"id-one\",\"status\":\"ok\",\"action\":\"deleted\"}\n");
    setup.get("/two/x").await.expect(200, "/x");
    setup.tyk("GET", "/tyk/reload?block=true", "").await;
    setup.get("/two/x").await.expect(404, "Not Found");
    for method in ["GET", "DELETE"] {
        let answer = setup.tyk(method, "/tyk/apis/oas/id-one", "").await;
        answer.expect(404, "{\"status\":\"error\",\"message\":\"API not found\"}\n");
    }
}

#[tokio::test]
async fn a_queued_reload_happens_soon() {
    let setup = Plan::new().start().await;
    let oas = document("one", "/one/", &upstream().await);
    setup.tyk("POST", "/tyk/apis/oas", &oas.to_string()).await;
    setup
        .tyk("GET", "/tyk/reload/group", "")
        .await
        .expect(200, "{\"status\":\"ok\",\"message\":\"\"}\n");
    let began = std::time::Instant::now();
    while setup.get("/one/x").await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "the reload never came");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn documents_that_lack_something_are_refused_in_the_references_words() {
    let setup = Plan::new().start().await;
    let error = |message: &str| format!("{}\n", json!({"status": "error", "message": message}));
    let create = |document: Value| {
        let setup = &setup;
        async move { setup.tyk("POST", "/tyk/apis/oas", &document.to_string()).await }
    };
    setup.tyk("POST", "/tyk/apis/oas", "{").await.expect(400, &error("request malformed"));
    let plain = json!({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {}});
    create(plain).await.expect(400, &error("the payload should contain x-tyk-api-gateway"));
    let mut bare = document("a", "/a/", "");
    bare["x-tyk-api-gateway"]["server"] = json!({});
    create(bare).await.expect(400, &error("x-tyk-api-gateway.server: listenPath is required"));
    let mut homeless = document("a", "/a/", "");
    homeless["x-tyk-api-gateway"]["upstream"] = json!({"proxy": {"enabled": false}});
    let answer = create(homeless).await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("url is required"), "{}", answer.body);

    create(document("a", "/a/", ""))
        .await
        .expect(200, "{\"key\":\"id-a\",\"status\":\"ok\",\"action\":\"added\"}\n");
    let twice = create(document("b", "/a/", "")).await;
    twice.expect(400, &error("the listen path `/a/` belongs to `a` (store)"));
    let answer =
        setup.tyk("PUT", "/tyk/apis/oas/id-a", &document("other", "/o/", "").to_string()).await;
    answer.expect(
        400,
        &error(
            "Request APIID does not match that in Definition! For Update operations these must match.",
        ),
    );
}

#[tokio::test]
async fn content_types_do_not_matter() {
    let setup = Plan::new().start().await;
    let headers = [
        ("x-tyk-authorization", SHIPPED_SECRET),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let body = document("a", "/a/", "").to_string();
    let address = setup.running.addresses.data;
    let answer = send(address, "POST", "/tyk/apis/oas", &headers, body).await;
    answer.expect(200, "{\"key\":\"id-a\",\"status\":\"ok\",\"action\":\"added\"}\n");
}

#[tokio::test]
async fn plain_openapi_is_imported_with_a_made_up_extension() {
    let upstream = upstream().await;
    let setup = Plan::new().start().await;
    let plain = json!({
        "openapi": "3.0.3", "info": {"title": "Pet Store!", "version": "1"}, "paths": {},
        "servers": [{"url": upstream}]
    });
    let answer = setup.tyk("POST", "/tyk/apis/oas/import", &plain.to_string()).await;
    let id = answer.json()["key"].as_str().unwrap().to_owned();
    assert_eq!((answer.status, id.len()), (200, 32));
    let query = "?listenPath=/own/&apiID=own";
    let answer =
        setup.tyk("POST", &format!("/tyk/apis/oas/import{query}"), &plain.to_string()).await;
    answer.expect(200, "{\"key\":\"own\",\"status\":\"ok\",\"action\":\"added\"}\n");
    setup.reload().await;
    setup.get("/pet-store/x").await.expect(200, "/x");
    setup.get("/own/x").await.expect(200, "/x");
    let stored = setup.tyk("GET", "/tyk/apis/oas/own", "").await.json();
    let global = &stored["x-tyk-api-gateway"]["middleware"]["global"];
    assert_eq!(global["contextVariables"]["enabled"], true);
    let again = setup.tyk("POST", "/tyk/apis/oas/import", &stored.to_string()).await;
    let message = "the import payload should not contain x-tyk-api-gateway";
    again.expect(400, &format!("{}\n", json!({"status": "error", "message": message})));
    let unsupported = "/tyk/apis/oas/import?authentication=true";
    assert_eq!(setup.tyk("POST", unsupported, &plain.to_string()).await.status, 400);
}

#[tokio::test]
async fn patches_keep_the_extension_and_follow_the_query() {
    let upstream = upstream().await;
    let setup = Plan::new().start().await;
    let oas = streams("a", "/a/", &["s"]);
    setup.tyk("POST", "/tyk/apis/oas", &oas.to_string()).await;
    let plain = json!({
        "openapi": "3.0.3", "info": {"title": "new title", "version": "2"}, "paths": {"/p": {}}
    });
    let path = format!("/tyk/apis/oas/id-a?upstreamURL={upstream}&listenPath=/b/");
    let answer = setup.tyk("PATCH", &path, &plain.to_string()).await;
    answer.expect(200, "{\"key\":\"id-a\",\"status\":\"ok\",\"action\":\"modified\"}\n");
    setup.reload().await;
    setup.get("/b/s").await.expect(200, "a for ");
    setup.get("/b/other").await.expect(200, "/other");
    let stored = setup.tyk("GET", "/tyk/apis/oas/id-a", "").await.json();
    assert_eq!(stored["info"]["title"], "new title");
}

#[tokio::test]
async fn documents_are_exported_as_attachments() {
    let setup = Plan::new().start().await;
    setup.tyk("POST", "/tyk/apis/oas", &streams("a", "/a/", &["s"]).to_string()).await;
    let one = setup.tyk("GET", "/tyk/apis/oas/id-a/export", "").await;
    assert_eq!(one.headers["content-type"], "application/octet-stream");
    assert_eq!(
        one.headers["content-disposition"],
        "attachment; filename=\"TykOasApiDef-id-a.json\""
    );
    assert!(one.body.starts_with("{\n  \"openapi\""), "{}", one.body);
    let public = setup.tyk("GET", "/tyk/apis/oas/id-a/export?mode=public", "").await.json();
    assert!(public.get("x-tyk-api-gateway").is_none() && public.get("x-tyk-streaming").is_none());
    let all = setup.tyk("GET", "/tyk/apis/oas/export", "").await;
    assert_eq!(all.json().as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn versions_and_schema_can_be_read() {
    let setup = Plan::new().start().await;
    setup.tyk("POST", "/tyk/apis/oas", &document("a", "/a/", "").to_string()).await;
    for path in ["/tyk/apis/id-a/versions", "/tyk/apis/oas/id-a/versions"] {
        let versions = setup.tyk("GET", path, "").await.json();
        assert_eq!(
            (&versions["status"], &versions["apis"][0]["id"]),
            (&"success".into(), &"id-a".into())
        );
    }
    let schema = setup.tyk("GET", "/tyk/schema?oasVersion=3.0", "").await.json();
    assert!(schema["schema"]["properties"]["x-tyk-api-gateway"].is_object());
    let unknown = setup.tyk("GET", "/tyk/schema?oasVersion=9", "").await;
    unknown.expect(
        404,
        "{\"status\":\"Failed\",\"message\":\"Schema not found for version \\\"9\\\"\"}\n",
    );
}

#[tokio::test]
async fn hello_and_ready_need_no_secret() {
    let setup = Plan::new().start().await;
    for (path, description) in
        [("/hello", "Tyk GW"), ("/ready", "Tyk GW Ready"), ("/hello/", "Tyk GW")]
    {
        let answer = setup.get(path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["content-type"], "application/json");
        let state = answer.json();
        assert_eq!(
            (&state["status"], &state["description"]),
            (&"pass".into(), &description.into())
        );
    }
    let address = setup.running.addresses.data;
    let posted = send(address, "POST", "/hello", &[], "").await;
    posted.expect(405, "{\"status\":\"error\",\"message\":\"Method Not Allowed\"}\n");
}

#[tokio::test]
async fn ready_says_which_stream_has_no_broker() {
    let offline = streams("chat", "/chat/", &["offline"]);
    let setup = Plan::new().file("chat.json", offline.to_string()).start().await;
    let answer = setup.get("/ready").await;
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("chat: stream offline: no broker at 127.0.0.1:1"), "{answer:?}");
    let hello = setup.get("/hello").await;
    assert_eq!((hello.status, hello.json()["status"].as_str()), (200, Some("warn")));
    setup.put_file("chat.json", streams("chat", "/chat/", &["online"]).to_string());
    setup.reload().await;
    assert_eq!(setup.get("/ready").await.status, 200);
}

#[tokio::test]
async fn names_of_the_probes_are_settings() {
    let setup = Plan::new()
        .set("health_check_endpoint_name", "alive".into())
        .set("readiness_check_endpoint_name", "/steady/".into())
        .start()
        .await;
    assert_eq!(setup.get("/alive").await.status, 200);
    assert_eq!(setup.get("/steady").await.status, 200);
    setup.get("/hello").await.expect(404, "Not Found");
}

#[tokio::test]
async fn management_may_have_a_listener_of_its_own() {
    // Settings know no port 0, so one is taken and given back, where no other test gets its port.
    let first = 21_000 + (std::process::id() % 5000) as u16;
    let free = (first..).find_map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).ok());
    let free = free.unwrap().local_addr().unwrap();
    let setup = Plan::new()
        .set("control_api_port", free.port().into())
        .set("control_api_hostname", "127.0.0.1".into())
        .start()
        .await;
    assert_eq!(setup.running.addresses.control, Some(free));
    setup.tyk("GET", "/tyk/apis", "").await.expect(200, "[]\n");
    for path in ["/tyk/apis", "/hello", "/ready"] {
        setup.get(path).await.expect(404, "Not Found");
    }
    let there = send(free, "GET", "/hello", &[], "").await;
    assert_eq!(there.status, 200);
    send(free, "GET", "/other", &[], "").await.expect(404, "404 page not found\n");
}

#[tokio::test]
async fn definitions_managed_elsewhere_are_read_only() {
    let setup = Plan::new().set("use_db_app_configs", true.into()).start().await;
    let body = document("a", "/a/", "").to_string();
    let message = "Due to enabled use_db_app_configs, please use the Dashboard API";
    let refused = format!("{}\n", json!({"status": "error", "message": message}));
    for (method, path) in [
        ("POST", "/tyk/apis/oas"),
        ("PUT", "/tyk/apis/oas/x"),
        ("DELETE", "/tyk/apis/x"),
        ("POST", "/tyk/apis/oas/import"),
    ] {
        setup.tyk(method, path, &body).await.expect(500, &refused);
    }
}

#[tokio::test]
async fn hostile_documents_leave_the_gateway_alone() {
    let setup = Plan::new().start().await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = format!("{{\"x-tyk-api-gateway\": {deep}}}");
    let large = format!("{{\"x\": \"{}\"}}", "y".repeat(17 << 20));
    let mut odd = document("a\u{0}\"\n<script>", "/odd/", "");
    odd["x-tyk-api-gateway"]["info"]["id"] = "../../etc/passwd\"\r\nX: y".into();
    for body in [deep, nested, "null".into(), "[]".into(), "a: &a [*a]".into(), large] {
        let answer = setup.tyk("POST", "/tyk/apis/oas", &body).await;
        assert!((400..500).contains(&answer.status), "{} for {:.40}", answer.status, body);
    }
    assert_eq!(setup.tyk("POST", "/tyk/apis/oas", &odd.to_string()).await.status, 200);
    assert_eq!(setup.reload().await, [""; 0]);
    setup.get("/odd/x").await.expect(500, &fault("There was a problem proxying the request"));
    assert_eq!(setup.tyk("GET", "/tyk/apis", "").await.json()[0]["name"], "a\u{0}\"\n<script>");
}
