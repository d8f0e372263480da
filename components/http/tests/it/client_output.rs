//! The `http_client` output.

use std::time::Duration;

use sluice_message::Verdict;

use crate::support::target::{Target, answer};
use crate::support::wire::post;
use crate::support::{Service, eventually};

fn config(fields: &str) -> String {
    format!("input: {{ feed: {{}} }}\noutput: {{ http_client: {{ {fields} }} }}")
}

#[tokio::test]
async fn each_message_is_a_request() {
    let service = Service::start().await;
    let target = Target::answering(200, "").await;
    let stream = service.run(&config(&format!(
        "url: '{}', verb: PUT, headers: {{ X-A: '${{! content() }}' }}, retries: 0",
        target.url("/p")
    )));
    let verdict = stream.feed().send(&["m1", "m2"]).await;
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    let asked: Vec<_> = target
        .asked()
        .iter()
        .map(|a| format!("{} {} {} {}", a.method, a.target, a.text(), a.header("x-a")))
        .collect();
    assert_eq!(asked, ["PUT /p m1 m1", "PUT /p m2 m2"]);
}

#[tokio::test]
async fn failed_members_go_back_and_the_others_do_not() {
    let service = Service::start().await;
    let target = Target::start(|n, _| answer(if n == 1 { 500 } else { 200 }, "")).await;
    let stream = service.run(&config(&format!("url: '{}', retries: 0", target.url("/"))));
    let verdict = stream.feed().send(&["0", "1", "2"]).await;
    let Ok(Verdict::Failed(error)) = verdict.await else { panic!("delivered") };
    let members: Vec<_> = error.members().unwrap().iter().map(|member| member.lineage).collect();
    assert_eq!(members, [1, 2]);
    assert!(error.message().contains("unexpected response code (500)"), "{error}");
}

#[tokio::test]
async fn what_is_replayed_arrives_in_the_end() {
    let service = Service::start().await;
    let target = Target::start(|n, _| answer(if n < 4 { 503 } else { 200 }, "")).await;
    let stream = service.run(&format!(
        "
        input: {{ replaying_feed: {{}} }}
        output: {{ http_client: {{ url: '{}', retries: 1, retry_period: 1ms }} }}",
        target.url("/")
    ));
    let verdict = stream.feed().send(&["x"]).await;
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    assert_eq!(target.asked().len(), 5);
}

#[tokio::test]
async fn a_batch_can_be_one_request_with_parts() {
    let service = Service::start().await;
    let target = Target::answering(200, "").await;
    let url = target.url("/");
    let stream = service.run(&config(&format!("url: '{url}', batch_as_multipart: true")));
    stream.feed().send(&["1", "2"]).await.await.unwrap();
    let stream = service.run(&config(&format!(
        "url: '{url}', multipart: [ {{
            content_type: text/plain,
            content_disposition: 'form-data; name=\"f\"',
            body: '<${{! content() }}>' }} ]"
    )));
    stream.feed().send(&["x"]).await.await.unwrap();
    let asked = target.asked();
    assert!(asked[0].header("content-type").starts_with("multipart/form-data; boundary="));
    assert!(asked[0].text().contains("\r\n\r\n1\r\n") && asked[0].text().contains("\r\n\r\n2\r\n"));
    let boundary = asked[1].header("content-type").split_once("boundary=").unwrap().1;
    let expected = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"f\"\r\n\
         Content-Type: text/plain\r\n\r\n<x>\r\n--{boundary}--\r\n"
    );
    assert_eq!(asked[1].text(), expected);
}

#[tokio::test]
async fn responses_can_be_passed_on_to_the_source() {
    let service = Service::start().await;
    let target = Target::answering(202, "from the target").await;
    let _stream = service.run(&format!(
        "
        input: {{ http_server: {{ sync_response: {{ status: '${{! @http_status_code }}' }} }} }}
        output: {{ http_client: {{ url: '{}', propagate_response: true }} }}",
        target.url("/")
    ));
    let answer = post(service.address, "/post", "x").await;
    assert_eq!((answer.status, answer.text()), (202, "from the target"));
}

#[tokio::test]
async fn batches_form_before_the_request() {
    let service = Service::start().await;
    let target = Target::answering(200, "").await;
    let stream = service.run(&config(&format!(
        "url: '{}', batch_as_multipart: true, batching: {{ count: 3 }}",
        target.url("/")
    )));
    let mut verdicts = Vec::new();
    for content in ["1", "2", "3"] {
        verdicts.push(stream.feed().send(&[content]).await);
    }
    for verdict in verdicts {
        assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    }
    assert_eq!(target.asked_once().text().matches("\r\n\r\n").count(), 3);
}

#[tokio::test]
async fn a_target_that_is_away_holds_the_source_back_until_it_is_there() {
    let service = Service::start().await;
    let address = crate::support::free_address();
    let stream = service.run(&format!(
        "
        input: {{ replaying_feed: {{}} }}
        output: {{ http_client: {{ url: 'http://{address}/x', retry_period: 10ms }} }}"
    ));
    let mut verdict = stream.feed().send(&["x"]).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(verdict.try_recv().is_err());
    let later = service.run(&format!(
        "
        input: {{ http_server: {{ address: '{address}', path: /x }} }}
        output: {{ collect: {{}} }}"
    ));
    assert!(matches!(verdict.await, Ok(Verdict::Delivered)));
    eventually("the message", || later.received().contents() == ["x"]).await;
}
