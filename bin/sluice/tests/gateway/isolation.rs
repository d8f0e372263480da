//! Values of requests are data: they cannot change a program, a document or another user's events.

use serde_json::{Value, json};

use crate::support::{Answer, Client, Gateway};

/// An API whose streams answer with what they made of a value, in a mapping, in a plain field of
/// an interpolated text and in metadata.
fn echo_api() -> String {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "echo", "version": "1" },
        "paths": {},
        "x-tyk-api-gateway": {
            "info": { "name": "echo", "id": "echo", "state": { "active": true } },
            "server": { "listenPath": { "value": "/echo/", "strip": true } },
            "upstream": { "url": "" },
            "middleware": { "global": { "contextVariables": { "enabled": true } } }
        },
        "x-tyk-streaming": { "streams": {
            "mapped": {
                "input": { "http_server": { "path": "/mapped", "timeout": "2m" } },
                "pipeline": { "processors": [ { "mapping":
                    "root.text = \"<$tyk_context.request_data_v>\"\nroot.bare = $tyk_context.request_data_v\nroot.mine = this.mine" } ] },
                "output": { "sync_response": {} }
            },
            "headed": {
                "input": { "http_server": { "path": "/headed", "timeout": "2m", "sync_response": {
                    "headers": { "X-Value": "$tyk_context.request_data_v" } } } },
                "output": { "sync_response": {} }
            }
        } }
    })
    .to_string()
}

async fn echo(client: Client, value: &str) -> Answer {
    client.post(&format!("/echo/mapped?v={}", escape(value)), r#"{"mine":"secret"}"#).await
}

fn escape(value: &str) -> String {
    value.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// How the reference escapes values, as a form does.
fn as_client_sees(value: &str) -> String {
    if value.starts_with("http") {
        return value.to_owned();
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    value
        .bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_values_stay_data() {
    let gateway = Gateway::start(&[("echo.json", echo_api())]).await;
    let client = gateway.client();
    for value in [
        "plain",
        "al ice/\":",
        "http\"}\nroot = deleted()\n#",
        "http\" + this.mine + \"",
        "http${HOME}${! json(\"mine\") }",
        "http$tyk_context.request_data_v",
        "http\\\"\\n\u{0}\u{7f}",
        "deleted()",
        "http\u{202e}😀",
    ] {
        let answer = echo(client, value).await;
        assert_eq!(answer.status, 200, "{value:?}: {}", answer.text());
        let expected = as_client_sees(value);
        assert_eq!(
            answer.json(),
            json!({ "text": format!("<{expected}>"), "bare": expected, "mine": "secret" }),
            "{value:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_value_is_data_too() {
    let gateway = Gateway::start(&[("echo.json", echo_api())]).await;
    let client = gateway.client();
    // A form body carries a megabyte; a request line does not.
    let body = format!("v=http{}", "x".repeat(1 << 20));
    let request = hyper::Request::post("/echo/headed")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(http_body_util::Full::new(body.into()))
        .unwrap();
    // This client refuses so long a head, as it may; the next request is served as ever.
    let refused = client.try_request(request).await.unwrap_err();
    assert!(refused.contains("head is too large"), "{refused}");
    assert_eq!(echo(client, "after").await.json()["text"], "<after>");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_at_once_do_not_meet() {
    let gateway = Gateway::start(&[("echo.json", echo_api())]).await;
    let client = gateway.client();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..200 {
        tasks.spawn(async move {
            let value = format!("user-{}", number % 40);
            let body = json!({ "mine": number }).to_string();
            let answer = client.post(&format!("/echo/mapped?v={value}"), body).await;
            let expected: Value =
                json!({ "text": format!("<{value}>"), "bare": value, "mine": number });
            assert_eq!(answer.json(), expected);
        });
    }
    tasks.join_all().await;
}
