use serde_json::{Value, json};

use crate::support::{Plan, document, fault, streams, upstream};

const CHAT: &str = include_str!("../documents/gpt-chat.json");
const DEMO: &str = include_str!("../documents/streams-demo.yaml");

#[tokio::test]
async fn documents_that_users_own_load_as_they_are() {
    let setup = Plan::new().file("chat.json", CHAT).file("demo.yaml", DEMO).start().await;
    assert_eq!(setup.running.report.troubles, []);
    setup.get("/gpt-chat/default_stream").await.expect(200, "gpt-chat for ");
    setup.get("/stream-demo/Worker?user=al%20ice").await.expect(200, "stream-demo for al+ice");
    setup.get("/gpt-chat/other").await.expect(404, &fault("not found"));
}

#[tokio::test]
async fn a_document_without_id_keeps_its_derived_one() {
    let plan = Plan::new().file("chat.json", CHAT);
    let settings = plan.settings.clone();
    let id = |list: &Value| list[0]["api_id"].as_str().unwrap().to_owned();
    let setup = plan.start().await;
    let first = id(&setup.tyk("GET", "/tyk/apis", "").await.json());
    assert_eq!(first.len(), 32);
    setup.get(&format!("/{first}/x")).await.expect(404, &fault("not found"));
    let setup = setup.restart(&settings).await;
    assert_eq!(id(&setup.tyk("GET", "/tyk/apis", "").await.json()), first);
}

#[tokio::test]
async fn pairs_of_files_are_one_definition() {
    let upstream = upstream().await;
    let mut oas = document("pair", "/pair/", &upstream);
    oas["x-tyk-api-gateway"]["info"].as_object_mut().unwrap().remove("id");
    let index = json!({"api_id": "id-from-index", "is_oas": true, "name": "pair", "proxy": {}});
    let lone = document("lone", "/lone/", &upstream);
    let setup = Plan::new()
        .file("x.json", index.to_string())
        .file("x-oas.json", oas.to_string())
        .file("lone-oas.json", lone.to_string())
        .start()
        .await;
    assert_eq!(setup.running.report.troubles, []);
    assert_eq!(setup.running.report.apis, 2);
    setup.get("/pair/a").await.expect(200, "/a");
    setup.get("/lone/b").await.expect(200, "/b");
    let shown = setup.tyk("GET", "/tyk/apis/id-from-index", "").await.json();
    assert_eq!((shown["name"].as_str(), shown["is_oas"].as_bool()), (Some("pair"), Some(true)));
}

#[tokio::test]
async fn single_files_are_loaded_besides_the_folder() {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("my-api.yaml");
    std::fs::write(&path, DEMO).unwrap();
    let mut plan = Plan::new().file("chat.json", CHAT);
    plan.apis = vec![path, plan.folder.path().join("apps/chat.json")];
    let setup = plan.start().await;
    assert_eq!(setup.running.report.troubles, []);
    assert_eq!(setup.running.report.apis, 2);
    setup.get("/stream-demo/in?user=bob").await.expect(200, "stream-demo for bob");
}

#[tokio::test]
async fn streams_are_served_only_when_switched_on() {
    let setup = Plan::new()
        .set("streaming", json!({"enabled": false}))
        .file("demo.yaml", DEMO)
        .start()
        .await;
    let answer = setup.get("/stream-demo/in").await;
    answer.expect(500, &fault("There was a problem proxying the request"));
}

#[tokio::test]
async fn bad_files_are_named_with_place_and_path() {
    let mut wrong = document("wrong", "wrong/", "not a url");
    wrong["x-tyk-api-gateway"]["middleware"]["global"]["contextVariables"]["enabled"] = 1.into();
    wrong["x-tyk-api-gateway"]["info"]["expiration"] = "tomorrow".into();
    let yaml =
        "x-tyk-api-gateway:\n  info:\n    name: y\n  server:\n    listenPath:\n      value: y\n";
    let setup = Plan::new()
        .file("broken.json", "{\n\"a\": [}")
        .file("broken.yaml", "a: [1,\n")
        .file("list.yaml", "- just\n- a list\n")
        .file("good.json", document("good", "/good/", &upstream().await).to_string())
        .file("twice.json", document("twice", "/good/", "").to_string())
        .file("wrong.json", serde_json::to_string_pretty(&wrong).unwrap())
        .file("wrong.yaml", yaml)
        .file("notes.txt", "no definition")
        .start()
        .await;
    let troubles: Vec<_> = setup.running.report.troubles.iter().map(ToString::to_string).collect();
    let told = troubles.join("\n");
    for expected in [
        "apps/broken.json: (2,7) expected value",
        "apps/broken.yaml: (",
        "apps/list.yaml: is no API definition",
        "`twice` (",
        "has the same listen path `/good/` as `good` (",
        "x-tyk-api-gateway.server.listenPath.value: must start with `/`, found `wrong/`",
        "x-tyk-api-gateway.upstream.url: is not a URL: `not a url`",
        "x-tyk-api-gateway.middleware.global.contextVariables.enabled: Invalid type. Expected: \
         boolean, given: integer",
        "x-tyk-api-gateway.info.expiration: expected a time like",
        "apps/wrong.yaml: (6,14) x-tyk-api-gateway.server.listenPath.value: must start with",
    ] {
        assert!(told.contains(expected), "no {expected:?} in {told}");
    }
    assert_eq!(troubles.len(), 6, "{told}");
    setup.get("/good/x").await.expect(200, "/x");
}

#[tokio::test]
async fn what_guards_an_api_and_is_not_supported_refuses_it() {
    for (path, value) in [
        ("/server/authentication", json!({"enabled": true})),
        ("/server/ipAccessControl", json!({"enabled": true, "allow": ["10.0.0.1"]})),
        ("/server/clientCertificates", json!({"enabled": true})),
        ("/upstream/rateLimit", json!({"enabled": true, "rate": 1, "per": "1s"})),
        ("/info/versioning", json!({"enabled": true})),
        ("/middleware/operations", json!({"op": {"block": {"enabled": true}}})),
    ] {
        let mut guarded = document("guarded", "/guarded/", "http://127.0.0.1:1/");
        let (parent, member) = path.rsplit_once('/').unwrap();
        let extension = &mut guarded["x-tyk-api-gateway"];
        extension.pointer_mut(parent).unwrap()[member] = value.clone();
        let setup = Plan::new().file("guarded.json", guarded.to_string()).start().await;
        let told = setup.running.report.troubles[0].to_string();
        let expected = path.trim_start_matches('/').replace('/', ".");
        assert!(told.contains(&expected) && told.contains("not supported"), "{told}");
        setup.get("/guarded/x").await.expect(404, "Not Found");

        extension_off(&mut guarded, path);
        let setup = Plan::new().file("guarded.json", guarded.to_string()).start().await;
        assert_eq!(setup.running.report.troubles, [], "{path} switched off");
    }
}

fn extension_off(document: &mut Value, path: &str) {
    let value = document["x-tyk-api-gateway"].pointer_mut(path).unwrap();
    match value.get("op") {
        Some(_) => value["op"]["block"]["enabled"] = false.into(),
        None => value["enabled"] = false.into(),
    }
}

#[tokio::test]
async fn secrets_stand_in_for_values_but_are_never_shown() {
    let upstream = upstream().await;
    let file = document("s", "secrets://path", "secrets://upstream");
    let setup = Plan::new()
        .set("secrets", json!({"path": "/hidden/", "upstream": upstream}))
        .file("s.json", file.to_string())
        .start()
        .await;
    setup.get("/hidden/x").await.expect(200, "/x");
    let shown = setup.tyk("GET", "/tyk/apis/oas/id-s", "").await.json();
    assert_eq!(shown["x-tyk-api-gateway"]["upstream"]["url"], "secrets://upstream");
}

#[tokio::test]
async fn custom_domains_count_when_enabled() {
    let upstream = upstream().await;
    let mut file = document("d", "/d/", &upstream);
    file["x-tyk-api-gateway"]["server"]["customDomain"] =
        json!({"enabled": true, "name": "D.example"});
    for (enabled, status) in [(true, 404), (false, 200)] {
        let setup = Plan::new()
            .set("enable_custom_domains", enabled.into())
            .file("d.json", file.to_string())
            .start()
            .await;
        assert_eq!(setup.get("/d/x").await.status, status);
        let address = setup.running.addresses.data;
        let there = crate::support::send(address, "GET", "/d/x", &[("host", "d.example:80")], "");
        assert_eq!(there.await.status, 200);
    }
}

#[tokio::test]
async fn variables_need_their_switch() {
    let mut silent = streams("silent", "/silent/", &["s"]);
    silent["x-tyk-api-gateway"].as_object_mut().unwrap().remove("middleware");
    let setup = Plan::new()
        .file("silent.json", silent.to_string())
        .file("loud.json", streams("loud", "/loud/", &["s"]).to_string())
        .start()
        .await;
    setup.get("/silent/s?user=al").await.expect(200, "silent for ");
    setup.get("/loud/s?user=al").await.expect(200, "loud for al");
}
