//! The `dynamic` input and output, and the requests that manage their children.

use std::time::Duration;

use sluice_message::Verdict;

use crate::support::wire::{Answer, get, request};
use crate::support::{PATIENCE, Service};

async fn set(service: &Service, path: &str, config: &str) -> Answer {
    request(service.address, "POST", path, &[], config.as_bytes()).await
}

async fn delete(service: &Service, path: &str) -> Answer {
    request(service.address, "DELETE", path, &[], b"").await
}

fn listed(answer: &Answer) -> serde_json::Value {
    serde_json::from_str(answer.text()).unwrap()
}

#[tokio::test]
async fn inputs_are_added_changed_and_removed() {
    let service = Service::start().await;
    let stream = service.run(
        "input: { dynamic: { inputs: { one: { http_server: { path: /one } } } } }\n\
         output: { collect: {} }",
    );
    assert_eq!(request(service.address, "POST", "/one", &[], b"first").await.status, 200);
    assert_eq!(set(&service, "/inputs/two", "http_server:\n  path: /two\n").await.status, 200);
    assert_eq!(request(service.address, "POST", "/two", &[], b"second").await.status, 200);

    let list = listed(&get(service.address, "/inputs").await);
    assert_eq!(list.as_object().unwrap().keys().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(list["two"]["config"]["http_server"]["path"], "/two");
    assert!(list["two"]["uptime"].as_str().unwrap().ends_with('s'));
    assert!(get(service.address, "/inputs/two/uptime").await.text().ends_with('s'));
    let config = listed(&get(service.address, "/inputs/two").await);
    assert_eq!(config["http_server"]["path"], "/two");

    // Changed: the old one is gone before the new one is there.
    assert_eq!(
        set(&service, "/inputs/two", r#"{"http_server":{"path":"/three"}}"#).await.status,
        200
    );
    assert_eq!(request(service.address, "POST", "/three", &[], b"third").await.status, 200);
    assert_eq!(request(service.address, "POST", "/two", &[], b"x").await.status, 503); // closed

    assert_eq!(delete(&service, "/inputs/one").await.status, 200);
    assert_eq!(request(service.address, "POST", "/one", &[], b"x").await.status, 503); // closed
    assert_eq!(get(service.address, "/inputs/one").await.status, 404);
    assert_eq!(stream.received().contents(), ["first", "second", "third"]);
    assert!(stream.stop().await);
    assert_eq!(get(service.address, "/inputs").await.status, 503);
}

#[tokio::test]
async fn what_cannot_be_built_changes_nothing() {
    let service = Service::start().await;
    let stream = service.run(
        "input: { dynamic: { prefix: p, inputs: { one: { http_server: { path: /one } } } } }\n\
         output: { collect: {} }",
    );
    for bad in ["nope: {}", "http_server: { nope: [ }", "- 1", "http_server: { path: nope }"] {
        let answer = set(&service, "/p/inputs/one", bad).await;
        assert_eq!(answer.status, 502, "{bad}: {}", answer.text());
        assert!(answer.text().starts_with("Error: "), "{}", answer.text());
    }
    assert_eq!(delete(&service, "/p/inputs/none").await.status, 404);
    assert_eq!(get(service.address, "/p/inputs/none/uptime").await.status, 404);
    assert_eq!(request(service.address, "PUT", "/p/inputs/one", &[], b"").await.status, 502);
    assert_eq!(request(service.address, "POST", "/one", &[], b"still").await.status, 200);
    assert_eq!(stream.received().contents(), ["still"]);
    assert!(stream.stop().await);
}

#[tokio::test]
async fn every_output_gets_every_message() {
    let service = Service::start().await;
    let stream = service.run(
        "input: { feed: {} }\noutput: { dynamic: { outputs: { a: { http_server: { path: /a } } } } }",
    );
    assert_eq!(set(&service, "/outputs/b", "http_server: { path: /b }").await.status, 200);
    let verdict = stream.feed().send(&["one"]).await;
    assert_eq!(get(service.address, "/a").await.text(), "one");
    assert_eq!(get(service.address, "/b").await.text(), "one");
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));

    assert_eq!(delete(&service, "/outputs/a").await.status, 200);
    let verdict = stream.feed().send(&["two"]).await;
    assert_eq!(get(service.address, "/b").await.text(), "two");
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    assert_eq!(get(service.address, "/outputs/a").await.status, 404);
    assert!(stream.stop().await);
}

#[tokio::test]
async fn messages_wait_for_an_output() {
    let service = Service::start().await;
    let stream = service.run("input: { feed: {} }\noutput: { dynamic: {} }");
    let verdict = stream.feed().send(&["early"]).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(set(&service, "/outputs/late", "http_server: { path: /late }").await.status, 200);
    assert_eq!(get(service.address, "/late").await.text(), "early");
    let verdict = tokio::time::timeout(PATIENCE, verdict).await.unwrap();
    assert!(matches!(verdict, Ok(Verdict::Delivered)));
    assert!(stream.stop().await);
}

#[tokio::test]
async fn an_output_that_fails_can_be_removed() {
    let service = Service::start().await;
    let stream = service
        .run("input: { feed: {} }\noutput: { dynamic: { outputs: { bad: { refuse: {} } } } }");
    let verdict = stream.feed().send(&["one"]).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(delete(&service, "/outputs/bad").await.status, 200);
    let verdict = tokio::time::timeout(PATIENCE, verdict).await.unwrap();
    assert!(matches!(verdict, Ok(Verdict::Delivered)));
    assert!(stream.stop().await);
}
