use serde_json::{Value, json};

use crate::support::{Plan, document, upstream};

fn classic(name: &str, listen_path: &str, upstream: &str) -> Value {
    json!({
        "name": name, "api_id": format!("id-{name}"), "use_keyless": true, "active": true,
        "version_data": {"not_versioned": true, "versions": {"Default": {"name": "Default"}}},
        "proxy": {"listen_path": listen_path, "target_url": upstream, "strip_listen_path": true}
    })
}

#[tokio::test]
async fn classic_files_are_served() {
    let upstream = upstream().await;
    let setup =
        Plan::new().file("c.json", classic("c", "/c/", &upstream).to_string()).start().await;
    assert_eq!(setup.running.report.troubles, []);
    setup.get("/c/x").await.expect(200, "/x");
}

#[tokio::test]
async fn classic_definitions_are_managed_in_their_own_form() {
    let upstream = upstream().await;
    let setup = Plan::new().start().await;
    let first = classic("c", "/c/", &upstream);
    let answer = setup.tyk("POST", "/tyk/apis", &first.to_string()).await;
    answer.expect(200, "{\"key\":\"id-c\",\"status\":\"ok\",\"action\":\"added\"}\n");
    setup.reload().await;
    setup.get("/c/x").await.expect(200, "/x");
    assert_eq!(setup.tyk("GET", "/tyk/apis/id-c", "").await.json(), first);
    let answer =
        setup.tyk("PUT", "/tyk/apis/id-c", &classic("c", "/d/", &upstream).to_string()).await;
    answer.expect(200, "{\"key\":\"id-c\",\"status\":\"ok\",\"action\":\"modified\"}\n");
    setup.reload().await;
    setup.get("/d/x").await.expect(200, "/x");
    let answer = setup.tyk("DELETE", "/tyk/apis/id-c", "").await;
    answer.expect(200, "{\"key\":\"id-c\",\"status\":\"ok\",\"action\":\"deleted\"}\n");
    let answer = setup.tyk("GET", "/tyk/apis/streams", "").await;
    answer.expect(404, "{\"status\":\"error\",\"message\":\"API not found\"}\n");
}

#[tokio::test]
async fn an_oas_api_shows_in_classic_form_but_is_not_changed_so() {
    let setup = Plan::new().start().await;
    setup
        .tyk("POST", "/tyk/apis/oas", &document("a", "/a/", "http://u.example/").to_string())
        .await;
    let shown = setup.tyk("GET", "/tyk/apis/id-a", "").await.json();
    assert_eq!(shown["is_oas"], true);
    assert_eq!(shown["proxy"]["listen_path"], "/a/");
    assert_eq!(shown["proxy"]["target_url"], "http://u.example/");
    let answer = setup.tyk("PUT", "/tyk/apis/id-a", &shown.to_string()).await;
    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn classic_guards_that_are_not_supported_refuse_the_api() {
    for guard in ["enable_jwt", "enable_ip_whitelisting", "use_oauth2"] {
        let mut file = classic("c", "/c/", "http://u.example/");
        file[guard] = true.into();
        let setup = Plan::new().file("c.json", file.to_string()).start().await;
        let told = setup.running.report.troubles[0].to_string();
        assert!(told.contains(guard), "{told}");
    }
    let mut file = classic("c", "/c/", "http://u.example/");
    file.as_object_mut().unwrap().remove("use_keyless");
    let setup = Plan::new().file("c.json", file.to_string()).start().await;
    assert!(setup.running.report.troubles[0].reason.contains("use_keyless"));
}
