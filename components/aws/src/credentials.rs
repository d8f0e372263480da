//! Where credentials come from, and keeping them fresh.

use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use jiff::Timestamp;
use sluice_config::Secret;
use sluice_engine::BuildError;
use sluice_value::{Value, json};
use tokio::sync::Mutex;

use crate::client::Http;
use crate::fields::CredentialsConfig;
use crate::profile::{self, env};
use crate::sign::{Signable, escape, sign};

/// How long a service of the machine or the token service may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Where machines tell what they are allowed.
const MACHINE: &str = "http://169.254.169.254";
/// Where containers tell it.
const CONTAINER: &str = "http://169.254.170.2";

#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    pub(crate) token: String,
    pub(crate) expires: Option<Timestamp>,
}

/// Fetches credentials when they are needed and keeps them while they are good.
pub(crate) struct Provider {
    config: CredentialsConfig,
    http: Http,
    region: String,
    /// In place of the token service's own address.
    endpoint: String,
    current: Mutex<Option<Credentials>>,
}

/// The region that is configured, here or for all programs.
///
/// # Errors
/// There is none.
pub(crate) fn region(configured: &str, profile: &str) -> Result<String, BuildError> {
    let profile = if profile.is_empty() { profile::default_name() } else { profile.to_owned() };
    let set = Some(configured.to_owned()).filter(|region| !region.is_empty());
    set.or_else(|| env("AWS_REGION"))
        .or_else(|| env("AWS_DEFAULT_REGION"))
        .or_else(|| profile::region(&profile))
        .ok_or_else(|| BuildError::new("an AWS region is required: set the field region"))
}

impl Provider {
    pub(crate) fn new(config: CredentialsConfig, http: Http, region: &str, endpoint: &str) -> Self {
        let (region, endpoint) = (region.to_owned(), endpoint.to_owned());
        Self { config, http, region, endpoint, current: Mutex::default() }
    }

    /// Credentials that are good now.
    ///
    /// # Errors
    /// There are none, or whoever gives them does not.
    pub(crate) async fn get(&self) -> Result<Credentials, String> {
        let mut current = self.current.lock().await;
        if let Some(credentials) = &*current {
            let window = self.config.expiry_window.max(Duration::from_secs(10));
            let window = i64::try_from(window.as_secs()).unwrap_or(i64::MAX);
            let left = |expires: Timestamp| expires.as_second() - Timestamp::now().as_second();
            if credentials.expires.is_none_or(|expires| left(expires) > window) {
                return Ok(credentials.clone());
            }
        }
        let base = self.base().await?;
        let fresh = if self.config.role.is_empty() { base } else { self.take_role(&base).await? };
        *current = Some(fresh.clone());
        Ok(fresh)
    }

    async fn base(&self) -> Result<Credentials, String> {
        let config = &self.config;
        if !config.id.is_empty() {
            return Ok(Credentials {
                id: config.id.clone(),
                secret: config.secret.clone(),
                token: config.token.clone(),
                expires: None,
            });
        }
        if config.from_ec2_role {
            return self.of_machine().await;
        }
        if !config.profile.is_empty() {
            let missing = || format!("no credentials in profile {}", config.profile);
            return profile::credentials(&config.profile).ok_or_else(missing);
        }
        if let (Some(id), Some(secret)) = (env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")) {
            let token = env("AWS_SESSION_TOKEN").unwrap_or_default();
            return Ok(Credentials { id, secret: Secret::new(secret), token, expires: None });
        }
        if let (Some(role), Some(file)) = (env("AWS_ROLE_ARN"), env("AWS_WEB_IDENTITY_TOKEN_FILE"))
        {
            return self.of_web_identity(&role, &file).await;
        }
        if let Some(credentials) = profile::credentials(&profile::default_name()) {
            return Ok(credentials);
        }
        let relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let container = relative.map(|path| format!("{CONTAINER}{path}"));
        match container.or_else(|| env("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
            Some(url) => {
                let token = env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
                let headers: Vec<_> =
                    token.into_iter().map(|token| ("authorization", token)).collect();
                from_json(&self.get_from(&url, &headers).await?)
            }
            None => self.of_machine().await,
        }
    }

    async fn get_from(&self, url: &str, headers: &[(&str, String)]) -> Result<Bytes, String> {
        self.fetch("GET", url, headers, Bytes::new()).await
    }

    async fn fetch(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<Bytes, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
        let answer = self.http.send(method, &uri, headers, body, TIMEOUT).await;
        let answer = answer.map_err(|error| format!("failed to fetch credentials: {error}"))?;
        if !answer.status.is_success() {
            let body = String::from_utf8_lossy(&answer.body);
            let body: String = body.chars().take(500).collect();
            return Err(format!("failed to fetch credentials: {}: {body}", answer.status));
        }
        Ok(answer.body)
    }

    /// What the machine is allowed, by the second version of its service.
    async fn of_machine(&self) -> Result<Credentials, String> {
        let base = env("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| MACHINE.into());
        let base = base.trim_end_matches('/');
        let lifetime = [("x-aws-ec2-metadata-token-ttl-seconds", "21600".to_owned())];
        let url = format!("{base}/latest/api/token");
        let token = self.fetch("PUT", &url, &lifetime, Bytes::new()).await?;
        let token = String::from_utf8_lossy(&token).into_owned();
        let headers = [("x-aws-ec2-metadata-token", token)];
        let roles = format!("{base}/latest/meta-data/iam/security-credentials/");
        let role = self.get_from(&roles, &headers).await?;
        let role = String::from_utf8_lossy(&role);
        let role = role.lines().next().unwrap_or_default();
        from_json(&self.get_from(&format!("{roles}{role}"), &headers).await?)
    }

    fn token_service(&self) -> String {
        if self.endpoint.is_empty() {
            format!("https://sts.{}.amazonaws.com", self.region)
        } else {
            self.endpoint.trim_end_matches('/').to_owned()
        }
    }

    async fn of_web_identity(&self, role: &str, file: &str) -> Result<Credentials, String> {
        let token = tokio::task::spawn_blocking({
            let file = file.to_owned();
            move || std::fs::read_to_string(file)
        });
        let token = token.await.map_err(|error| error.to_string())?;
        let token = token.map_err(|error| format!("{file}: {error}"))?;
        let session = env("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "sluice".into());
        let body = form(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            ("RoleSessionName", &session),
            ("WebIdentityToken", token.trim()),
        ]);
        let headers = [("content-type", FORM.to_owned())];
        let url = format!("{}/", self.token_service());
        from_xml(&self.fetch("POST", &url, &headers, body.into()).await?)
    }

    async fn take_role(&self, base: &Credentials) -> Result<Credentials, String> {
        let mut fields = vec![
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &self.config.role),
            ("RoleSessionName", "sluice"),
        ];
        if !self.config.role_external_id.is_empty() {
            fields.push(("ExternalId", &self.config.role_external_id));
        }
        let body = form(&fields);
        let url = format!("{}/", self.token_service());
        let uri: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
        let signable = Signable {
            method: "POST",
            host: uri.authority().map_or("", |authority| authority.as_str()),
            path: "/",
            body: body.as_bytes(),
            headers: &[("content-type", FORM)],
        };
        let mut headers = sign(&signable, base, &self.region, "sts", Timestamp::now());
        headers.push(("content-type", FORM.to_owned()));
        from_xml(&self.fetch("POST", &url, &headers, body.into()).await?)
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

fn form(fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, value)| format!("{name}={}", escape(value)));
    fields.collect::<Vec<_>>().join("&")
}

fn credentials(get: impl Fn(&str) -> Option<String>) -> Option<Credentials> {
    Some(Credentials {
        id: get("AccessKeyId")?,
        secret: Secret::new(get("SecretAccessKey")?),
        token: get("SessionToken").or_else(|| get("Token")).unwrap_or_default(),
        expires: get("Expiration").and_then(|at| at.parse().ok()),
    })
}

fn from_json(body: &[u8]) -> Result<Credentials, String> {
    let value = json::parse(body).map_err(|error| error.to_string())?;
    credentials(|key| value.get(key).and_then(Value::as_str).map(str::to_owned))
        .ok_or_else(|| "failed to fetch credentials: the answer holds none".into())
}

/// The few elements that count have no attributes and hold no markup.
fn from_xml(body: &[u8]) -> Result<Credentials, String> {
    let text = String::from_utf8_lossy(body);
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(value, _)| value.trim().to_owned())
    };
    credentials(element).ok_or_else(|| "failed to fetch credentials: the answer holds none".into())
}
