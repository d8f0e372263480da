//! Signature Version 4.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};

use crate::credentials::Credentials;

/// What need not be escaped in paths and queries.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const ESCAPED_IN_PATH: &AsciiSet = &ESCAPED.remove(b'/');

pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// A request to sign. Its query is empty.
pub(crate) struct Signable<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    /// As it is sent, already escaped once.
    pub(crate) path: &'a str,
    pub(crate) body: &'a [u8],
    /// Further headers to sign, names in lower case.
    pub(crate) headers: &'a [(&'a str, &'a str)],
}

/// Headers to add to a request.
pub(crate) fn sign(
    request: &Signable<'_>,
    credentials: &Credentials,
    region: &str,
    service: &str,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &time[..8];
    let mut signed: Vec<(&str, &str)> = request.headers.to_vec();
    signed.extend([("host", request.host), ("x-amz-date", &time)]);
    if !credentials.token.is_empty() {
        signed.push(("x-amz-security-token", &credentials.token));
    }
    signed.sort_unstable();
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String =
        signed.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let canonical = format!(
        "{}\n{}\n\n{lines}\n{names}\n{}",
        request.method,
        utf8_percent_encode(request.path, ESCAPED_IN_PATH),
        hash(request.body),
    );
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(canonical.as_bytes()));
    let mut key = format!("AWS4{}", credentials.secret.expose()).into_bytes();
    for part in [day, region, service, "aws4_request"] {
        key = keyed(&key, part);
    }
    let signature = hex(&keyed(&key, &text));
    let id = &credentials.id;
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}"
    );
    let mut headers = vec![("x-amz-date", time.clone()), ("authorization", authorization)];
    if !credentials.token.is_empty() {
        headers.push(("x-amz-security-token", credentials.token.clone()));
    }
    headers
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests and signatures from the test suite that AWS publishes.
    #[test]
    fn signatures_are_those_of_the_published_examples() {
        let credentials = Credentials {
            id: "AKIDEXAMPLE".into(),
            secret: sluice_config::Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            token: String::new(),
            expires: None,
        };
        let now: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
        for (method, signature) in [
            ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ] {
            let request = Signable {
                method,
                host: "example.amazonaws.com",
                path: "/",
                body: b"",
                headers: &[],
            };
            let headers = sign(&request, &credentials, "us-east-1", "service", now);
            let (_, authorization) =
                headers.iter().find(|(name, _)| *name == "authorization").unwrap();
            assert_eq!(
                *authorization,
                format!(
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature={signature}"
                )
            );
        }
    }
}
