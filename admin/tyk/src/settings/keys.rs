//! Every key of the system configuration that is known, and the environment variables that set them.

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bool,
    Integer,
    /// A number that may have a fraction.
    Number,
    /// A list of texts; separated by commas in the environment.
    List,
    /// An object of texts; `k:v,k:v` in the environment.
    Map,
    /// Anything; JSON in the environment.
    Any,
}

/// What this program does with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Effective,
    /// Understood, but nothing here depends on it.
    Idle,
    /// Protects something that would be open without it: can't be switched on.
    Refused,
}

pub(crate) struct Key {
    pub path: &'static str,
    pub kind: Kind,
    pub usage: Use,
}

const fn key(path: &'static str, kind: Kind) -> Key {
    Key { path, kind, usage: Use::Effective }
}

const fn idle(path: &'static str) -> Key {
    Key { path, kind: Kind::Any, usage: Use::Idle }
}

/// Keys with effect first; the others with the objects they open.
pub(crate) const KEYS: &[Key] = &[
    key("hostname", Kind::Text),
    key("listen_address", Kind::Text),
    key("listen_port", Kind::Integer),
    key("control_api_hostname", Kind::Text),
    key("control_api_port", Kind::Integer),
    key("secret", Kind::Text),
    key("app_path", Kind::Text),
    key("use_db_app_configs", Kind::Bool),
    key("storage.type", Kind::Text),
    key("storage.host", Kind::Text),
    key("storage.port", Kind::Integer),
    key("storage.addrs", Kind::List),
    key("storage.username", Kind::Text),
    key("storage.password", Kind::Text),
    key("storage.database", Kind::Integer),
    key("storage.timeout", Kind::Integer),
    key("storage.use_ssl", Kind::Bool),
    key("storage.ssl_insecure_skip_verify", Kind::Bool),
    key("storage.ca_file", Kind::Text),
    key("storage.cert_file", Kind::Text),
    key("storage.key_file", Kind::Text),
    key("storage.enable_cluster", Kind::Bool),
    key("storage.master_name", Kind::Text),
    key("streaming.enabled", Kind::Bool),
    key("streaming.allow_unsafe", Kind::List),
    // This program's own.
    key("streaming.max_tenants", Kind::Integer),
    key("streaming.max_tenants_per_api", Kind::Integer),
    key("streaming.max_tenants_per_key", Kind::Integer),
    key("streaming.catch_up_percent", Kind::Integer),
    key("health_check_endpoint_name", Kind::Text),
    key("readiness_check_endpoint_name", Kind::Text),
    key("http_server_options.read_timeout", Kind::Integer),
    key("http_server_options.write_timeout", Kind::Integer),
    key("http_server_options.use_ssl", Kind::Bool),
    key("http_server_options.ssl_certificates", Kind::List),
    key("http_server_options.certificates", Kind::Any),
    key("http_server_options.min_version", Kind::Integer),
    key("http_server_options.max_version", Kind::Integer),
    key("http_server_options.ssl_ciphers", Kind::List),
    key("http_server_options.enable_http2", Kind::Bool),
    key("http_server_options.enable_strict_routes", Kind::Bool),
    key("http_server_options.max_request_body_size", Kind::Integer),
    key("http_server_options.skip_url_cleaning", Kind::Bool),
    key("http_server_options.xff_depth", Kind::Integer),
    key("reload_interval", Kind::Number),
    key("close_connections", Kind::Bool),
    key("proxy_close_connections", Kind::Bool),
    key("hide_generator_header", Kind::Bool),
    key("proxy_default_timeout", Kind::Number),
    key("proxy_ssl_insecure_skip_verify", Kind::Bool),
    key("proxy_ssl_min_version", Kind::Integer),
    key("proxy_ssl_max_version", Kind::Integer),
    key("proxy_enable_http2", Kind::Bool),
    key("max_idle_connections_per_host", Kind::Integer),
    key("enable_custom_domains", Kind::Bool),
    key("graceful_shutdown_timeout_duration", Kind::Integer),
    key("secrets", Kind::Map),
    // This program's own.
    key("database", Kind::Text),
    key("max_connections", Kind::Integer),
    key("dashboard.enabled", Kind::Bool),
    key("dashboard.listen_address", Kind::Text),
    key("dashboard.listen_port", Kind::Integer),
    key("dashboard.api_key", Kind::Text),
    Key { path: "security.control_api_use_mutual_tls", kind: Kind::Bool, usage: Use::Refused },
    idle("access_logs"),
    idle("allow_explicit_policy_id"),
    idle("allow_insecure_configs"),
    idle("allow_master_keys"),
    idle("analytics_config"),
    idle("analytics_storage"),
    idle("basic_auth_hash_key_function"),
    idle("bundle_base_url"),
    idle("cache_storage"),
    idle("coprocess_options"),
    idle("db_app_conf_options"),
    idle("dns_cache"),
    idle("drl_enable_sentinel_rate_limiter"),
    idle("drl_notification_frequency"),
    idle("drl_threshold"),
    idle("enable_analytics"),
    idle("enable_bundle_downloader"),
    idle("enable_config_inspection"),
    idle("enable_fixed_window_rate_limiter"),
    idle("enable_hashed_keys_listing"),
    idle("enable_jsvm"),
    idle("enable_non_transactional_rate_limiter"),
    idle("enable_rate_limit_smoothing"),
    idle("enable_redis_rolling_limiter"),
    idle("enable_sentinel_rate_limiter"),
    idle("enable_separate_analytics_store"),
    idle("enable_separate_cache_store"),
    idle("enforce_org_data_age"),
    idle("enforce_org_data_detail_logging"),
    idle("enforce_org_quotas"),
    idle("error_overrides"),
    idle("event_handlers"),
    idle("force_global_session_lifetime"),
    idle("global_session_lifetime"),
    idle("hash_key_function"),
    idle("hash_key_function_fallback"),
    idle("hash_keys"),
    idle("health_check"),
    idle("http_server_options"),
    idle("ignore_endpoint_case"),
    idle("jsvm_timeout"),
    idle("kv"),
    idle("liveness_check"),
    idle("local_session_cache"),
    idle("log_format"),
    idle("log_level"),
    idle("max_conn_time"),
    idle("middleware_path"),
    idle("min_token_length"),
    idle("monitor"),
    idle("node_secret"),
    idle("oas_config"),
    idle("oauth_error_status_code"),
    idle("oauth_redirect_uri_separator"),
    idle("oauth_refresh_token_expire"),
    idle("oauth_token_expire"),
    idle("oauth_token_expired_retain_period"),
    idle("opentelemetry"),
    idle("override_messages"),
    idle("pid_file_location"),
    idle("policies"),
    idle("ports_whitelist"),
    idle("proxy_ssl_ciphers"),
    idle("proxy_ssl_disable_renegotiation"),
    idle("public_key_path"),
    idle("rate_limit_response_headers"),
    idle("regexp_cache_expire"),
    idle("security"),
    idle("slave_options"),
    idle("statsd_connection_string"),
    idle("statsd_prefix"),
    idle("storage"),
    idle("streaming"),
    idle("suppress_redis_signal_reload"),
    idle("template_path"),
    idle("track_404_logs"),
    idle("tyk_js_path"),
    idle("uptime_tests"),
    idle("version_header"),
    idle("dashboard"),
];

/// Keys whose variable is not spelled like the key.
const MISNAMED: &[(&str, &str)] = &[
    ("storage.optimisation_max_idle", "STORAGE_MAXIDLE"),
    ("storage.optimisation_max_active", "STORAGE_MAXACTIVE"),
    ("http_server_options.ssl_ciphers", "HTTPSERVEROPTIONS_CIPHERS"),
    ("proxy_ssl_ciphers", "PROXYSSLCIPHERSUITES"),
    ("oauth_refresh_token_expire", "OAUTHREFRESHEXPIRE"),
    ("enable_separate_cache_store", "ENABLESEPERATECACHESTORE"),
    ("use_db_app_configs", "USEDBAPPCONFIGS"),
    ("max_idle_connections_per_host", "MAXIDLECONNSPERHOST"),
];

impl Key {
    /// What follows the prefix in the name of the key's variable: `http_server_options.use_ssl` is
    /// `HTTPSERVEROPTIONS_USESSL`.
    pub(crate) fn variable(&self) -> String {
        match MISNAMED.iter().find(|(path, _)| *path == self.path) {
            Some((_, name)) => (*name).to_owned(),
            None => self.path.replace('_', "").replace('.', "_").to_ascii_uppercase(),
        }
    }

    /// Whether `path` is this key or lies inside it.
    pub(crate) fn covers(&self, path: &str) -> bool {
        path.strip_prefix(self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_named_as_the_reference_names_them() {
        for (path, variable) in [
            ("listen_port", "LISTENPORT"),
            ("storage.type", "STORAGE_TYPE"),
            ("http_server_options.write_timeout", "HTTPSERVEROPTIONS_WRITETIMEOUT"),
            ("http_server_options.ssl_ciphers", "HTTPSERVEROPTIONS_CIPHERS"),
            ("use_db_app_configs", "USEDBAPPCONFIGS"),
        ] {
            let key = KEYS.iter().find(|key| key.path == path).unwrap();
            assert_eq!(key.variable(), variable);
        }
    }

    #[test]
    fn no_key_stands_twice() {
        for (index, key) in KEYS.iter().enumerate() {
            assert!(!KEYS[..index].iter().any(|other| other.path == key.path), "{}", key.path);
        }
    }
}
