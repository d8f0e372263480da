//! Digest access authentication (RFC 7616): MD5 and SHA-256, with `auth` or without protection.

use std::sync::{Mutex, PoisonError};

use http::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use md5::{Digest, Md5};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};

use super::secret;
use crate::client::config::DigestAuthConfig;
use crate::client::request::Outgoing;

pub(crate) struct DigestAuth {
    username: String,
    password: String,
    /// The server's last challenge, which further requests answer at once.
    known: Mutex<Option<Known>>,
}

struct Known {
    challenge: Challenge,
    uses: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Option<String>,
    /// Whether the server wants the `auth` form.
    protects: bool,
}

impl DigestAuth {
    /// `None` when not enabled.
    pub(crate) fn new(config: Option<&DigestAuthConfig>) -> Option<Self> {
        let config = config.filter(|config| config.enabled)?;
        Some(Self {
            username: config.username.clone(),
            password: config.password.clone(),
            known: Mutex::new(None),
        })
    }

    /// An answer to the challenge already known.
    pub(crate) fn authorization(&self, request: &Outgoing) -> Option<Result<HeaderValue, String>> {
        let (challenge, uses) = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let known = known.as_mut()?;
            known.uses += 1;
            (known.challenge.clone(), known.uses)
        };
        let mut random = [0; 8];
        if SystemRandom::new().fill(&mut random).is_err() {
            return Some(Err("no randomness for a nonce".into()));
        }
        let cnonce = format!("{:016x}", u64::from_le_bytes(random));
        Some(secret(self.answer(&challenge, uses, &cnonce, request)))
    }

    /// Remembers the challenge of a refused request; false when there is none to answer.
    pub(crate) fn learn(&self, headers: &HeaderMap) -> bool {
        let challenges = headers.get_all(WWW_AUTHENTICATE).iter();
        let challenges = challenges.filter_map(|value| Challenge::parse(value.to_str().ok()?));
        // The strongest of those offered.
        let best = challenges.max_by_key(Challenge::is_sha256);
        let Some(challenge) = best else { return false };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Known { challenge, uses: 0 });
        true
    }

    fn answer(&self, challenge: &Challenge, uses: u32, cnonce: &str, request: &Outgoing) -> String {
        let hash = |text: String| challenge.hash(&text);
        let uri = request.target.uri.path_and_query().map_or("/", |path| path.as_str());
        let Challenge { realm, nonce, .. } = challenge;
        let mut who = hash(format!("{}:{realm}:{}", self.username, self.password));
        let algorithm = challenge.algorithm.as_deref().unwrap_or("MD5");
        if algorithm.to_ascii_lowercase().ends_with("-sess") {
            who = hash(format!("{who}:{nonce}:{cnonce}"));
        }
        let what = hash(format!("{}:{uri}", request.method));
        let count = format!("{uses:08x}");
        let response = if challenge.protects {
            hash(format!("{who}:{nonce}:{count}:{cnonce}:auth:{what}"))
        } else {
            hash(format!("{who}:{nonce}:{what}"))
        };
        let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let mut header = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", \
             response=\"{response}\"",
            quote(&self.username),
            quote(realm),
            quote(nonce),
        );
        if challenge.algorithm.is_some() {
            header.push_str(&format!(", algorithm={algorithm}"));
        }
        if let Some(opaque) = &challenge.opaque {
            header.push_str(&format!(", opaque=\"{}\"", quote(opaque)));
        }
        if challenge.protects {
            header.push_str(&format!(", qop=auth, nc={count}, cnonce=\"{cnonce}\""));
        }
        header
    }
}

impl Challenge {
    /// Reads a `Digest` challenge that can be answered.
    fn parse(header: &str) -> Option<Self> {
        let (scheme, fields) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut challenge = Self::default();
        let mut offers = None;
        let mut rest = fields;
        while let Some((name, after)) = rest.split_once('=') {
            let (value, after) = value(after)?;
            match name.trim().trim_start_matches(',').trim().to_ascii_lowercase().as_str() {
                "realm" => challenge.realm = value,
                "nonce" => challenge.nonce = value,
                "opaque" => challenge.opaque = Some(value),
                "algorithm" => challenge.algorithm = Some(value),
                "qop" => offers = Some(value),
                _ => {}
            }
            rest = after;
        }
        if let Some(offers) = offers {
            challenge.protects = offers.split(',').any(|offer| offer.trim() == "auth");
            if !challenge.protects {
                return None; // only `auth-int`, which hashes whole bodies
            }
        }
        let algorithm = challenge.algorithm.as_deref().unwrap_or("MD5").to_ascii_lowercase();
        let known = ["md5", "md5-sess", "sha-256", "sha-256-sess"].contains(&algorithm.as_str());
        (known && !challenge.nonce.is_empty()).then_some(challenge)
    }

    fn is_sha256(&self) -> bool {
        let algorithm = self.algorithm.as_deref().unwrap_or("").to_ascii_lowercase();
        algorithm.starts_with("sha-256")
    }

    fn hash(&self, text: &str) -> String {
        let bytes = if self.is_sha256() {
            digest(&SHA256, text.as_bytes()).as_ref().to_vec()
        } else {
            Md5::digest(text).to_vec()
        };
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A quoted or bare value, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return Some((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::client::target::Target;

    /// The worked examples of RFC 7616, section 3.9.1.
    #[test]
    fn published_answers_are_met() {
        let auth = DigestAuth {
            username: "Mufasa".into(),
            password: "Circle of Life".into(),
            known: Mutex::new(None),
        };
        let target = Target::http("http://www.example.org/dir/index.html").unwrap();
        let request = Outgoing::new(Method::GET, target);
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, expected) in [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let header = format!(
                "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
                 algorithm={algorithm}, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                 opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
            );
            let challenge = Challenge::parse(&header).unwrap();
            let answer = auth.answer(&challenge, 1, cnonce, &request);
            assert!(answer.contains(&format!("response=\"{expected}\"")), "{answer}");
        }
    }

    #[test]
    fn challenges_that_cannot_be_answered_are_left_alone() {
        for header in ["Basic realm=x", "Digest realm=\"x", "Digest nonce=n, algorithm=X", "Digest"]
        {
            assert_eq!(Challenge::parse(header), None, "{header}");
        }
    }
}
