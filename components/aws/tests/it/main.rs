//! `aws_lambda` against a stand-in of the services it speaks to.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod service;

use std::time::Duration;

use service::{Asked, Service, reply};
use sluice_engine::Registry;
use sluice_testkit::{FakeInput, FakeOutput, Running};

const KEYS: &str = "credentials: { id: AKID, secret: S3CRET }";

/// Sends a batch through the processor.
async fn through(service: &Service, fields: &str, batch: &[&str]) -> Vec<String> {
    static NAMES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let name = format!("fake{}", NAMES.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let mut registry = Registry::default();
    sluice_testkit::register(&mut registry);
    sluice_builtin::register(&mut registry);
    sluice_aws::register(&mut registry);
    let (input, output) = (FakeInput::new(&name), FakeOutput::new(&name));
    let tell = "root = [ content().string(), error(), @lambda_function_error ]";
    let document = format!(
        "input: {{ fake: {{ name: {name} }} }}\noutput: {{ fake: {{ name: {name} }} }}\n\
         pipeline: {{ threads: 1, processors: [ {{ aws_lambda: {{ region: eu-west-1, \
         endpoint: '{}', {fields} }} }}, {{ mapping: '{tell}' }} ] }}",
        service.url
    );
    let mut running = Running::start(&document, sluice_testkit::environment(registry)).unwrap();
    input.push(batch);
    input.end();
    assert!(running.ends().await, "the stream did not end");
    output.messages()
}

fn echo(asked: &Asked) -> String {
    reply(200, "", &format!("got {}", asked.body))
}

#[tokio::test]
async fn the_answer_of_the_function_becomes_the_content() {
    let service = Service::start(echo).await;
    let fields = format!("function: 'arn:aws:lambda:eu-west-1:1:function:f', {KEYS}");
    let out = through(&service, &fields, &["one", "two"]).await;
    assert_eq!(out, [r#"["got one",null,null]"#, r#"["got two",null,null]"#]);
    let asked = service.asked();
    assert_eq!(asked.len(), 2);
    let function = "arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Af";
    assert_eq!(
        asked[0].line,
        format!("POST /2015-03-31/functions/{function}/invocations HTTP/1.1")
    );
    let authorization = asked[0].header("authorization");
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKID/"), "{authorization}");
    assert!(
        authorization
            .contains("/eu-west-1/lambda/aws4_request, SignedHeaders=host;x-amz-date, Signature=")
    );
    assert!(!authorization.contains("S3CRET"));
}

#[tokio::test]
async fn messages_of_a_batch_can_be_sent_at_once() {
    let service = Service::start(|asked| {
        std::thread::sleep(Duration::from_secs(1));
        echo(asked)
    })
    .await;
    let fields = format!("function: f, parallel: true, {KEYS}");
    let out = through(&service, &fields, &["a", "b", "c"]).await;
    assert_eq!(out, [r#"["got a",null,null]"#, r#"["got b",null,null]"#, r#"["got c",null,null]"#]);
    assert!(service.most_at_once() > 1);
}

#[tokio::test]
async fn a_function_that_fails_still_answers() {
    let service = Service::start(|_| {
        reply(200, "X-Amz-Function-Error: Unhandled\r\n", r#"{"errorMessage":"oh"}"#)
    })
    .await;
    let out = through(&service, &format!("function: f, {KEYS}"), &["x"]).await;
    assert_eq!(out, [r#"["{\"errorMessage\":\"oh\"}",null,"Unhandled"]"#]);
}

#[tokio::test]
async fn refusals_fail_the_message_and_are_not_tried_again() {
    let service = Service::start(|_| {
        let kind = "x-amzn-ErrorType: ResourceNotFoundException:http://x/\r\n";
        reply(404, kind, r#"{"Message":"Function not found: f"}"#)
    })
    .await;
    let out = through(&service, &format!("function: f, {KEYS}"), &["x"]).await;
    let error =
        "lambda invocation failed: ResourceNotFoundException: 404 Not Found: Function not found: f";
    assert_eq!(out, [format!(r#"["x","{error}",null]"#)]);
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let service =
        Service::start(|asked| if asked.number < 2 { reply(429, "", "{}") } else { echo(asked) })
            .await;
    let fields = format!("function: f, retries: 2, {KEYS}");
    assert_eq!(through(&service, &fields, &["x"]).await, [r#"["got x",null,null]"#]);
    assert_eq!(service.asked().len(), 3);
}

#[tokio::test]
async fn a_function_that_takes_too_long_fails_the_message() {
    let service = Service::start(|asked| {
        std::thread::sleep(Duration::from_secs(2));
        echo(asked)
    })
    .await;
    let fields = format!("function: f, timeout: 50ms, retries: 0, {KEYS}");
    let out = through(&service, &fields, &["x"]).await;
    assert!(out[0].contains("no answer from"), "{out:?}");
}

#[tokio::test]
async fn a_role_is_taken_on_once() {
    let service = Service::start(|asked| {
        if asked.line.starts_with("POST / ") {
            assert!(asked.body.starts_with("Action=AssumeRole&"), "{}", asked.body);
            assert!(asked.body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"));
            assert!(asked.body.ends_with("&ExternalId=ext"));
            assert!(asked.header("authorization").contains("/sts/aws4_request"));
            let keys = "<AccessKeyId>TEMP</AccessKeyId><SecretAccessKey>T</SecretAccessKey>\
                        <SessionToken>tok</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>";
            return reply(200, "", &format!("<AssumeRoleResponse>{keys}</AssumeRoleResponse>"));
        }
        echo(asked)
    })
    .await;
    let fields = "function: f, credentials: { id: AKID, secret: S3CRET, \
                  role: 'arn:aws:iam::1:role/r', role_external_id: ext }";
    let out = through(&service, fields, &["a", "b"]).await;
    assert_eq!(out, [r#"["got a",null,null]"#, r#"["got b",null,null]"#]);
    let asked = service.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked[1].header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=TEMP/"));
    assert_eq!(asked[1].header("x-amz-security-token"), "tok");
}
