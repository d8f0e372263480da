use serde_json::json;

use crate::support::{Plan, document, streams, upstream};

#[tokio::test]
async fn edited_files_count_after_a_reload() {
    let upstream = upstream().await;
    let setup =
        Plan::new().file("a.json", document("a", "/a/", &upstream).to_string()).start().await;
    setup.put_file("a.json", document("a", "/b/", &upstream).to_string());
    setup.put_file(
        "c.yaml",
        "x-tyk-api-gateway: {info: {name: c}, server: {listenPath: {value: /c/}}}",
    );
    setup.get("/a/x").await.expect(200, "/x");
    assert_eq!(setup.reload().await, [""; 0]);
    setup.get("/a/x").await.expect(404, "Not Found");
    setup.get("/b/x").await.expect(200, "/x");
    assert_eq!(setup.get("/c/x").await.status, 500);
}

#[tokio::test]
async fn a_broken_edit_is_named_and_the_last_good_version_serves() {
    let setup =
        Plan::new().file("a.json", streams("api-a", "/a/", &["one"]).to_string()).start().await;
    for (broken, reason) in [
        ("{ not json".to_owned(), "key must be a string"),
        (document("api-a", "no-slash", "").to_string(), "must start with `/`"),
        (streams("api-a", "/a/", &["broken"]).to_string(), "stream broken: can't be built"),
    ] {
        setup.put_file("a.json", broken);
        let told = setup.reload().await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("api-a ("), "{told:?}");
        assert!(told[0].contains(reason), "{told:?}");
        assert!(told[0].ends_with("[its last good version keeps serving]"), "{told:?}");
        setup.get("/a/one").await.expect(200, "api-a for ");
    }
    setup.put_file("a.json", streams("api-a", "/a/", &["two"]).to_string());
    assert_eq!(setup.reload().await, [""; 0]);
    setup.get("/a/two").await.expect(200, "api-a for ");
}

#[tokio::test]
async fn deleted_files_are_gone_after_a_reload() {
    let setup = Plan::new().file("a.json", streams("a", "/a/", &["s"]).to_string()).start().await;
    std::fs::remove_file(setup.folder.path().join("apps/a.json")).unwrap();
    setup.get("/a/s").await.expect(200, "a for ");
    setup.reload().await;
    setup.get("/a/s").await.expect(404, "Not Found");
}

#[tokio::test]
async fn what_management_does_to_a_file_api_lasts_until_the_file_changes() {
    let plan = Plan::new().file("a.json", streams("a", "/a/", &["s"]).to_string());
    let settings = plan.settings.clone();
    let setup = plan.start().await;
    setup.tyk("PUT", "/tyk/apis/oas/id-a", &streams("a", "/moved/", &["s"]).to_string()).await;
    let setup = setup.restart(&settings).await;
    setup.get("/moved/s").await.expect(200, "a for ");
    setup.tyk("DELETE", "/tyk/apis/oas/id-a", "").await;
    let setup = setup.restart(&settings).await;
    setup.get("/a/s").await.expect(404, "Not Found");
    setup.get("/moved/s").await.expect(404, "Not Found");
    setup.put_file("a.json", streams("a", "/again/", &["s"]).to_string());
    setup.reload().await;
    setup.get("/again/s").await.expect(200, "a for ");
}

#[tokio::test]
async fn a_hundred_apis_are_served_and_reloaded() {
    let upstream = upstream().await;
    let mut plan = Plan::new().set("reload_interval", json!(0.001));
    for number in 0..100 {
        let name = format!("api{number}");
        let file = document(&name, &format!("/{name}/"), &upstream);
        plan = plan.file(&format!("{name}.json"), file.to_string());
    }
    let setup = plan.start().await;
    assert_eq!(setup.running.report.apis, 100);
    for number in [0, 9, 10, 99] {
        setup.get(&format!("/api{number}/x")).await.expect(200, "/x");
    }
    assert_eq!(setup.reload().await, [""; 0]);
    setup.get("/api50/x").await.expect(200, "/x");
}
