//! Checked keys to settings.

use std::{collections::HashMap, path::PathBuf, time::Duration};

use serde_json::Value;
use sluice_model::{Secrets, TlsProfile, TlsVersion};
use sluice_plane::{Certificate, Limits, PlaneSettings, TlsSettings, UpstreamSettings};
use sluice_service::Secret;

use super::{
    Address, Dashboard, Database, SHIPPED_SECRET, Settings, Storage, StorageTls, Streaming,
    layers::Layered,
};
use crate::secrets::resolve;

pub(crate) fn settings(layered: &mut Layered, environment: &[(String, String)]) -> Settings {
    let secrets = Secrets::new(environment.iter().cloned(), secret_map(layered));
    let mut from = From { layered, secrets: &secrets };
    if let Some(kind) =
        from.text("storage.type").filter(|kind| !["", "redis"].contains(&kind.as_str()))
    {
        from.problem("storage.type", &format!("expected `redis`, found `{kind}`"));
    }
    let secret = from.secret("secret", SHIPPED_SECRET);
    let use_db_app_configs = from.flag("use_db_app_configs");
    let settings = Settings {
        listen_address: from.text("listen_address").unwrap_or_default(),
        listen_port: from.port("listen_port").filter(|port| *port > 0).unwrap_or(8080),
        control: from.control(),
        secret,
        app_path: from
            .text("app_path")
            .filter(|path| !path.is_empty())
            .unwrap_or("apps/".into())
            .into(),
        use_db_app_configs,
        streaming: Streaming {
            enabled: from.flag("streaming.enabled"),
            allow_unsafe: from.list("streaming.allow_unsafe"),
            max_tenants: from.most("streaming.max_tenants"),
            max_tenants_per_api: from.most("streaming.max_tenants_per_api"),
            max_tenants_per_key: from.most("streaming.max_tenants_per_key"),
            catch_up_percent: from.percent("streaming.catch_up_percent"),
        },
        storage: from.storage(),
        health_endpoint: from.name("health_check_endpoint_name", "hello"),
        readiness_endpoint: from.name("readiness_check_endpoint_name", "ready"),
        tls: from.tls(),
        custom_domains: from.flag("enable_custom_domains"),
        limits: from.limits(),
        plane: from.plane(),
        reload_interval: from.seconds("reload_interval").unwrap_or(Duration::from_secs(1)),
        shutdown_timeout: from
            .seconds("graceful_shutdown_timeout_duration")
            .unwrap_or(Duration::from_secs(30)),
        dashboard: from.dashboard(),
        database: from.database(),
        notes: Vec::new(),
        secrets: secrets.clone(),
    };
    Settings { notes: std::mem::take(&mut layered.notes), ..settings }
}

fn secret_map(layered: &Layered) -> HashMap<String, String> {
    let members = layered.get("secrets").and_then(Value::as_object);
    let texts = members
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    texts.collect()
}

/// Reads one key after the other; what does not fit has been reported already.
struct From<'a> {
    layered: &'a mut Layered,
    secrets: &'a Secrets,
}

impl From<'_> {
    fn problem(&mut self, path: &str, message: &str) {
        self.layered.problems.push(format!("{path}: {message}"));
    }

    /// A text; a reference to a secret stands for what it names.
    fn text(&mut self, path: &str) -> Option<String> {
        let text = self.layered.get(path)?.as_str()?.to_owned();
        match resolve(&text, self.secrets) {
            Ok(resolved) => Some(resolved.unwrap_or(text)),
            Err(reason) => {
                self.problem(path, &reason);
                None
            }
        }
    }

    fn secret(&mut self, path: &str, default: &str) -> Secret {
        let text = self.text(path).filter(|secret| !secret.is_empty());
        Secret::new(text.unwrap_or_else(|| default.to_owned()))
    }

    /// The name of an endpoint, without slashes around it.
    fn name(&mut self, path: &str, default: &str) -> String {
        let name = self.text(path).unwrap_or_default();
        let name = name.trim_matches('/');
        if name.is_empty() { default.to_owned() } else { name.to_owned() }
    }

    fn flag(&self, path: &str) -> bool {
        self.layered.get(path).and_then(Value::as_bool).unwrap_or(false)
    }

    fn list(&self, path: &str) -> Vec<String> {
        let items = self.layered.get(path).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn integer(&mut self, path: &str) -> Option<u64> {
        let number = self.layered.get(path)?.clone();
        let negative = number.as_i64().is_some_and(|number| number < 0);
        if negative {
            self.problem(path, "must not be negative");
        }
        number.as_u64()
    }

    /// A limit; 0 counts as not given.
    fn most(&mut self, path: &str) -> Option<usize> {
        let number = self.integer(path).filter(|most| *most > 0)?;
        Some(usize::try_from(number).unwrap_or(usize::MAX))
    }

    /// A part of a whole, in hundredths; 0 counts as not given.
    fn percent(&mut self, path: &str) -> Option<u8> {
        let number = self.integer(path).filter(|percent| *percent != 0)?;
        let percent = u8::try_from(number).ok().filter(|percent| *percent <= 100);
        if percent.is_none() {
            self.problem(path, "is no number from 1 to 100");
        }
        percent
    }

    /// A time in seconds; 0 counts as not given.
    fn seconds(&mut self, path: &str) -> Option<Duration> {
        let seconds = self.layered.get(path)?.as_f64()?;
        if seconds == 0.0 {
            return None;
        }
        let time = Duration::try_from_secs_f64(seconds).ok();
        if time.is_none() {
            self.problem(path, "is no time in seconds");
        }
        time
    }

    fn port(&mut self, path: &str) -> Option<u16> {
        let number = self.integer(path)?;
        let port = u16::try_from(number).ok();
        if port.is_none() {
            self.problem(path, &format!("expected a port up to 65535, found {number}"));
        }
        port
    }

    fn control(&mut self) -> Option<Address> {
        let port = self.port("control_api_port").filter(|port| *port > 0)?;
        Some(Address { host: self.text("control_api_hostname").unwrap_or_default(), port })
    }

    fn dashboard(&mut self) -> Option<Dashboard> {
        if self.layered.get("dashboard.enabled") == Some(&Value::Bool(false)) {
            return None;
        }
        let required = self.layered.get("dashboard.listen_port").is_some()
            || self.layered.get("dashboard.enabled").is_some();
        let shared = self.text("listen_address").unwrap_or_default();
        let host = self.text("dashboard.listen_address").unwrap_or(shared);
        let port = self.port("dashboard.listen_port").unwrap_or(3000);
        let api_key = self.secret("dashboard.api_key", "");
        Some(Dashboard { address: Address { host, port }, required, api_key })
    }

    /// Redis is used where the operator says where it is.
    fn storage(&mut self) -> Option<Storage> {
        let host = self.text("storage.host").filter(|host| !host.is_empty());
        let addrs = self.list("storage.addrs");
        if host.is_none() && addrs.is_empty() {
            return None;
        }
        let is_named = self.text("storage.master_name").is_some_and(|name| !name.is_empty());
        for (is_set, path, what) in [
            (self.flag("storage.enable_cluster"), "storage.enable_cluster", "Redis Cluster"),
            (is_named, "storage.master_name", "Redis Sentinel"),
            (addrs.len() > 1, "storage.addrs", "more than one Redis server"),
        ] {
            if is_set {
                self.problem(path, &format!("{what} is not supported: name one server, or none, and users are not kept apart between nodes"));
                return None;
            }
        }
        let mut port = self.port("storage.port").filter(|port| *port > 0).unwrap_or(6379);
        let mut host = host.unwrap_or_default();
        if let Some(address) = addrs.first() {
            let (name, number) = address.rsplit_once(':').unwrap_or((address, "6379"));
            match number.parse() {
                Ok(number) => (host, port) = (name.to_owned(), number),
                Err(_) => {
                    self.problem(
                        "storage.addrs",
                        &format!("expected host:port, found `{address}`"),
                    );
                }
            }
        }
        let mut file = |path: &str| self.text(path).filter(|it| !it.is_empty()).map(PathBuf::from);
        let files = [file("storage.ca_file"), file("storage.cert_file"), file("storage.key_file")];
        let [ca_file, cert_file, key_file] = files;
        let skip_verify = self.flag("storage.ssl_insecure_skip_verify");
        let tls = StorageTls { skip_verify, ca_file, cert_file, key_file };
        Some(Storage {
            host,
            port,
            username: self.text("storage.username").unwrap_or_default(),
            password: self.secret("storage.password", ""),
            database: self.integer("storage.database").unwrap_or(0) as i64,
            timeout: self.seconds("storage.timeout").unwrap_or(Duration::from_secs(5)),
            tls: self.flag("storage.use_ssl").then_some(tls),
        })
    }

    fn database(&mut self) -> Database {
        match self.text("database").filter(|path| !path.is_empty()) {
            Some(path) => Database { path: path.into(), required: true },
            None => Database { path: "sluice.db".into(), required: false },
        }
    }

    fn limits(&mut self) -> Limits {
        let mut limits = Limits::default();
        if let Some(read) = self.seconds("http_server_options.read_timeout") {
            limits.read_timeout = read;
            limits.idle_timeout = read;
            limits.header_timeout = limits.header_timeout.min(read);
        }
        if let Some(write) = self.seconds("http_server_options.write_timeout") {
            limits.write_timeout = write;
        }
        if let Some(most) = self.integer("max_connections").filter(|most| *most > 0) {
            limits.max_connections = usize::try_from(most).unwrap_or(usize::MAX);
        }
        limits
    }

    fn plane(&mut self) -> PlaneSettings {
        let defaults = PlaneSettings::default();
        let upstream = UpstreamSettings {
            timeout: self.seconds("proxy_default_timeout").unwrap_or(defaults.upstream.timeout),
            idle_per_host: self
                .integer("max_idle_connections_per_host")
                .filter(|most| *most > 0)
                .map_or(defaults.upstream.idle_per_host, |most| most as usize),
            close_connections: self.flag("proxy_close_connections"),
            http2: self.flag("proxy_enable_http2"),
            tls: TlsProfile {
                insecure_skip_verify: self.flag("proxy_ssl_insecure_skip_verify"),
                min_version: self.tls_version("proxy_ssl_min_version"),
                max_version: self.tls_version("proxy_ssl_max_version"),
            },
        };
        PlaneSettings {
            strict_routes: self.flag("http_server_options.enable_strict_routes"),
            skip_url_cleaning: self.flag("http_server_options.skip_url_cleaning"),
            xff_depth: self.integer("http_server_options.xff_depth").unwrap_or(0) as usize,
            hide_generator_header: self.flag("hide_generator_header"),
            close_connections: self.flag("close_connections"),
            max_request_body: self
                .integer("http_server_options.max_request_body_size")
                .filter(|limit| *limit > 0),
            hostname: self.text("hostname").filter(|hostname| !hostname.is_empty()),
            upstream,
            ..defaults
        }
    }

    /// TLS versions are the protocol's numbers: 769 (1.0) to 772 (1.3).
    fn tls_version(&mut self, path: &str) -> Option<TlsVersion> {
        match self.integer(path)? {
            0 => None,
            769 | 770 => {
                self.layered
                    .notes
                    .push(format!("{path}: TLS 1.0 and 1.1 are not spoken; 1.2 it is"));
                Some(TlsVersion::V1_2)
            }
            771 => Some(TlsVersion::V1_2),
            772 => Some(TlsVersion::V1_3),
            other => {
                self.problem(path, &format!("expected 769 to 772, found {other}"));
                None
            }
        }
    }

    fn tls(&mut self) -> Option<TlsSettings> {
        if !self.flag("http_server_options.use_ssl") {
            return None;
        }
        let mut certificates = self.certificates();
        certificates.extend(self.list("http_server_options.ssl_certificates").into_iter().map(
            |path| {
                let path = PathBuf::from(path);
                Certificate { chain: path.clone(), key: path, domain: None }
            },
        ));
        Some(TlsSettings {
            certificates,
            min_version: self.tls_version("http_server_options.min_version"),
            max_version: self.tls_version("http_server_options.max_version"),
            cipher_suites: self.list("http_server_options.ssl_ciphers"),
            http2: self.flag("http_server_options.enable_http2"),
        })
    }

    fn certificates(&mut self) -> Vec<Certificate> {
        let path = "http_server_options.certificates";
        let Some(value) = self.layered.get(path).cloned() else { return Vec::new() };
        let entries = value.as_array().cloned().unwrap_or_default();
        if !value.is_array() {
            self.problem(path, "expected a list of certificates");
        }
        let mut certificates = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
            match (text("cert_file"), text("key_file")) {
                (Some(chain), Some(key)) => certificates.push(Certificate {
                    chain: chain.into(),
                    key: key.into(),
                    domain: text("domain_name").filter(|name| !name.is_empty()),
                }),
                _ => self.problem(&format!("{path}.{index}"), "needs `cert_file` and `key_file`"),
            }
        }
        certificates
    }
}
