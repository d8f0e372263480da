//! How requests prove who sends them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sluice_message::Message;

use crate::client::exchange;
use crate::support::Service;
use crate::support::target::{Asked, Target, answer, with_header};

#[track_caller]
fn succeeded(message: &Message) {
    assert_eq!(message.failure(), None);
}

#[tokio::test]
async fn a_user_name_and_password_are_sent() {
    let service = Service::start().await;
    let target = Target::answering(200, "").await;
    let auth = "basic_auth: { enabled: true, username: us, password: 'pa:ss' }";
    succeeded(&exchange(&service, &format!("url: '{}', {auth}", target.url("/")), "x").await);
    let url = format!("http://us:pa%3Ass@{}/", target.address);
    succeeded(&exchange(&service, &format!("url: '{url}'"), "x").await);
    for asked in target.asked() {
        assert_eq!(asked.header("authorization"), "Basic dXM6cGE6c3M=");
    }
}

#[tokio::test]
async fn a_token_is_signed() {
    let service = Service::start().await;
    let target = Target::answering(200, "").await;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), key.serialize_pem()).unwrap();
    let fields = format!(
        "url: '{}', jwt: {{ enabled: true, private_key_file: '{}', signing_method: EdDSA,
         claims: {{ sub: me, n: 7 }}, headers: {{ kid: k1 }} }}",
        target.url("/"),
        file.path().display()
    );
    succeeded(&exchange(&service, &fields, "x").await);
    let asked = target.asked_once();
    let token = asked.header("authorization").strip_prefix("Bearer ").unwrap();
    let (content, signature) = token.rsplit_once('.').unwrap();
    let decoded: Vec<_> = content
        .split('.')
        .map(|part| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(decoded, [r#"{"alg":"EdDSA","kid":"k1","typ":"JWT"}"#, r#"{"n":7,"sub":"me"}"#]);
    let public = ring::signature::UnparsedPublicKey::new(
        &ring::signature::ED25519,
        rcgen::PublicKeyData::der_bytes(&key),
    );
    public.verify(content.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
}

#[tokio::test]
async fn a_challenge_is_answered_and_then_remembered() {
    let service = Service::start().await;
    let target = Target::start(|_, asked| {
        if asked.header("authorization").starts_with("Digest username=\"us\"") {
            return answer(200, "in");
        }
        let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256";
        with_header(answer(401, "out"), "WWW-Authenticate", challenge)
    })
    .await;
    let stream = service.run(&format!(
        "
        input: {{ feed: {{}} }}
        pipeline:
          threads: 1
          processors:
            - http:
                url: '{}'
                digest_auth: {{ enabled: true, username: us, password: pw }}
        output: {{ collect: {{}} }}",
        target.url("/p")
    ));
    for _ in 0..2 {
        stream.feed().send(&["x"]).await.await.unwrap();
    }
    assert_eq!(stream.received().contents(), ["in", "in"]);
    let asked = target.asked();
    assert_eq!(asked.len(), 3, "asked, refused, answered, and once more at once");
    assert!(asked[1].header("authorization").contains("nc=00000001"));
    assert!(asked[2].header("authorization").contains("nc=00000002"));
    assert!(asked[1].header("authorization").contains("uri=\"/p\""));
}

#[tokio::test]
async fn requests_are_signed_by_oauth_1() {
    let service = Service::start().await;
    let target = Target::answering(200, "").await;
    let auth = "oauth: { enabled: true, consumer_key: ck, consumer_secret: cs, access_token: at, \
                access_token_secret: ats }";
    succeeded(&exchange(&service, &format!("url: '{}', {auth}", target.url("/")), "x").await);
    let asked = target.asked_once();
    let header = asked.header("authorization");
    for part in ["OAuth ", "oauth_consumer_key=\"ck\"", "oauth_token=\"at\"", "oauth_signature=\""]
    {
        assert!(header.contains(part), "{header}");
    }
}

fn token_server(
    asked: &Asked,
    token: &'static str,
) -> http::Response<http_body_util::Full<bytes::Bytes>> {
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    with_header(answer(200, token), "Content-Type", "application/json")
}

#[tokio::test]
async fn a_token_is_fetched_and_kept() {
    let service = Service::start().await;
    let tokens = Target::start(|_, asked| {
        token_server(asked, r#"{"access_token":"T","token_type":"bearer","expires_in":3600}"#)
    })
    .await;
    let target = Target::answering(200, "").await;
    let stream = service.run(&format!(
        "
        input: {{ feed: {{}} }}
        pipeline:
          threads: 1
          processors:
            - http:
                url: '{}'
                oauth2:
                  enabled: true
                  client_key: 'k y'
                  client_secret: s
                  token_url: '{}'
                  scopes: [a, b]
                  endpoint_params: {{ audience: [x] }}
        output: {{ collect: {{}} }}",
        target.url("/"),
        tokens.url("/token")
    ));
    for _ in 0..3 {
        stream.feed().send(&["x"]).await.await.unwrap();
    }
    let asked = tokens.asked_once();
    assert_eq!(asked.text(), "audience=x&grant_type=client_credentials&scope=a+b");
    assert_eq!(asked.header("authorization"), "Basic ayt5OnM=");
    assert!(target.asked().iter().all(|asked| asked.header("authorization") == "Bearer T"));
}

#[tokio::test]
async fn credentials_go_into_the_form_where_the_server_wants_that() {
    let service = Service::start().await;
    let tokens = Target::start(|_, asked| {
        if asked.text().contains("client_secret=s") {
            token_server(asked, r#"{"access_token":"T","refresh_token":"r2","expires_in":1}"#)
        } else {
            answer(401, "no")
        }
    })
    .await;
    let target = Target::answering(200, "").await;
    let fields = format!(
        "url: '{}', oauth2: {{ enabled: true, client_key: k, client_secret: s, token_url: '{}',
         endpoint_params: {{ grant_type: [refresh_token], refresh_token: [r1] }} }}",
        target.url("/"),
        tokens.url("/")
    );
    let stream = service.run(&format!(
        "
        input: {{ feed: {{}} }}
        pipeline: {{ threads: 1, processors: [ {{ http: {{ {fields} }} }} ] }}
        output: {{ collect: {{}} }}"
    ));
    for _ in 0..2 {
        stream.feed().send(&["x"]).await.await.unwrap();
    }
    assert_eq!(target.asked()[0].header("authorization"), "Bearer T");
    let asked: Vec<_> = tokens.asked().iter().map(|asked| asked.text().to_owned()).collect();
    assert_eq!(asked.len(), 3, "the header was tried once: {asked:?}");
    assert!(asked[1].contains("refresh_token=r1") && asked[2].contains("refresh_token=r2"));
}
