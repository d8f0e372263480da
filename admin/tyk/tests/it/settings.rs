use std::{path::Path, time::Duration};

use serde_json::json;
use sluice_model::{SecretStore, TlsVersion};
use sluice_tyk::{Address, Settings};

fn load(file: &str, content: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    std::fs::write(&path, content).unwrap();
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Settings::load(Some(&path), &environment).map_err(|error| error.to_string())
}

#[test]
fn nothing_configured_means_the_references_defaults() {
    let settings = load("tyk.conf", "{}", &[]).unwrap();
    assert_eq!((settings.listen_address.as_str(), settings.listen_port), ("", 8080));
    assert!(settings.has_shipped_secret());
    assert_eq!(settings.app_path, Path::new("apps/"));
    assert_eq!(settings.control, None);
    assert!(!settings.streaming.enabled);
    assert_eq!(settings.health_endpoint, "hello");
    assert_eq!(settings.plane.upstream.timeout, Duration::from_secs(30));
    assert_eq!(settings.limits.read_timeout, Duration::from_mins(2));
    assert_eq!(settings.dashboard.unwrap().address.port, 3000);
    assert!(settings.notes.is_empty(), "{:?}", settings.notes);
}

const JSON: &str = r#"{
    "listen_port": 8282, "secret": "s", "app_path": "defs",
    "streaming": {"enabled": true, "allow_unsafe": ["file", "inproc"]},
    "http_server_options": {"write_timeout": 7, "enable_strict_routes": true, "xff_depth": 2,
        "max_request_body_size": 100},
    "control_api_hostname": "localhost", "control_api_port": 9696,
    "proxy_default_timeout": 1.5, "hide_generator_header": true
}"#;

const YAML: &str = "
listen_port: 8282
secret: s
app_path: defs
streaming: {enabled: true, allow_unsafe: [file, inproc]}
http_server_options:
  write_timeout: 7
  enable_strict_routes: true
  xff_depth: 2
  max_request_body_size: 100
control_api_hostname: localhost
control_api_port: 9696
proxy_default_timeout: 1.5
hide_generator_header: true
";

#[test]
fn json_and_yaml_say_the_same() {
    for content in [JSON, YAML] {
        let settings = load("tyk.conf", content, &[]).unwrap();
        assert_eq!(settings.listen_port, 8282);
        assert!(!settings.has_shipped_secret());
        assert_eq!(settings.app_path, Path::new("defs"));
        assert!(settings.streaming.enabled);
        assert_eq!(settings.streaming.allow_unsafe, ["file", "inproc"]);
        assert_eq!(settings.limits.write_timeout, Duration::from_secs(7));
        assert!(settings.plane.strict_routes && settings.plane.hide_generator_header);
        assert_eq!(settings.plane.xff_depth, 2);
        assert_eq!(settings.plane.max_request_body, Some(100));
        assert_eq!(settings.control, Some(Address { host: "localhost".into(), port: 9696 }));
        assert_eq!(settings.plane.upstream.timeout, Duration::from_millis(1500));
    }
}

#[test]
fn the_environment_wins_and_our_own_prefix_over_the_other() {
    let environment = [
        ("TYK_GW_LISTENPORT", "9000"),
        ("TYK_GW_STREAMING_ENABLED", "1"),
        ("TYK_GW_STREAMING_ALLOWUNSAFE", "file, command"),
        ("TYK_GW_HTTPSERVEROPTIONS_WRITETIMEOUT", "9"),
        ("TYK_GW_HTTPSERVEROPTIONS_CIPHERS", "A,B"),
        ("TYK_GW_HTTPSERVEROPTIONS_USESSL", "true"),
        ("TYK_GW_HTTPSERVEROPTIONS_MINVERSION", "772"),
        (
            "TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES",
            r#"[{"domain_name": "d", "cert_file": "c", "key_file": "k"}]"#,
        ),
        ("TYK_GW_USEDBAPPCONFIGS", "t"),
        ("TYK_GW_SECRETS", "a:1,b:x:y"),
        ("TYK_GW_SECRET", "theirs"),
        ("SLUICE_SECRET", "ours"),
        ("TYK_SECRET_NAME", "from env"),
    ];
    let settings = load("tyk.conf", JSON, &environment).unwrap();
    assert_eq!(settings.listen_port, 9000);
    assert_eq!(settings.streaming.allow_unsafe, ["file", "command"]);
    assert_eq!(settings.limits.write_timeout, Duration::from_secs(9));
    let tls = settings.tls.clone().unwrap();
    assert_eq!(tls.cipher_suites, ["A", "B"]);
    assert_eq!(tls.min_version, Some(TlsVersion::V1_3));
    assert_eq!(tls.certificates[0].domain.as_deref(), Some("d"));
    assert!(settings.use_db_app_configs);
    assert_eq!(settings.secrets.lookup(SecretStore::Configuration, "b"), Some("x:y"));
    assert_eq!(settings.secrets.lookup(SecretStore::Environment, "name"), Some("from env"));
    assert!(settings.secret.hash().unwrap().matches("ours"));
}

#[test]
fn the_file_may_be_left_out_entirely() {
    let environment = [("TYK_GW_OMITCONFIGFILE", "true"), ("TYK_GW_LISTENPORT", "9001")];
    let settings = load("tyk.conf", JSON, &environment).unwrap();
    assert_eq!(settings.listen_port, 9001);
    assert_eq!(settings.app_path, Path::new("apps/"));
    assert!(!settings.streaming.enabled);
}

#[test]
fn secrets_may_be_referred_to() {
    let content = r#"{"secret": "secrets://gw", "secrets": {"gw": "hidden"},
        "hostname": "env://host"}"#;
    let settings = load("tyk.conf", content, &[("TYK_SECRET_HOST", "h.example")]).unwrap();
    assert!(settings.secret.hash().unwrap().matches("hidden"));
    assert_eq!(settings.plane.hostname.as_deref(), Some("h.example"));
    assert!(!format!("{settings:?}").contains("hidden\""));
    let gone = load("tyk.conf", r#"{"secret": "env://gone"}"#, &[]).unwrap_err();
    assert!(gone.contains("secret: `env://gone` names no secret"), "{gone}");
}

#[test]
fn every_bad_value_is_named_at_once() {
    let content = r#"{"listen_port": "8080", "streaming": {"enabled": "yes"}, "reload_interval": true,
        "storage": {"type": "memory"}, "proxy_ssl_min_version": 3,
        "security": {"control_api_use_mutual_tls": true}}"#;
    let error = load("tyk.conf", content, &[("TYK_GW_CONTROLAPIPORT", "many")]).unwrap_err();
    for expected in [
        "tyk.conf: ",
        "listen_port: expected a whole number, found a text",
        "streaming.enabled: expected true or false, found a text",
        "reload_interval: expected a number, found true or false",
        "TYK_GW_CONTROLAPIPORT: expected a whole number",
        "storage.type: expected `redis`, found `memory`",
        "proxy_ssl_min_version: expected 769 to 772, found 3",
        "security.control_api_use_mutual_tls: this program can't enforce it",
    ] {
        assert!(error.contains(expected), "no {expected:?} in {error}");
    }
}

#[test]
fn several_redis_servers_are_refused_by_name() {
    for (storage, path) in [
        (json!({ "host": "a", "enable_cluster": true }), "storage.enable_cluster: Redis Cluster"),
        (json!({ "host": "a", "master_name": "m" }), "storage.master_name: Redis Sentinel"),
        (json!({ "addrs": ["a:1", "b:2"] }), "storage.addrs: more than one Redis server"),
    ] {
        let content = json!({ "storage": storage }).to_string();
        let error = load("tyk.conf", &content, &[]).unwrap_err();
        assert!(error.contains(&format!("{path} is not supported")), "{error}");
    }
    let one = r#"{"storage": {"addrs": ["a:1"], "enable_cluster": false, "master_name": ""}}"#;
    assert_eq!(load("tyk.conf", one, &[]).unwrap().storage.unwrap().port, 1);
}

#[test]
fn broken_files_are_located() {
    let error = load("tyk.conf", "{\n  \"listen_port\": 1,\n}", &[]).unwrap_err();
    assert!(error.contains("tyk.conf: (3,1) trailing comma"), "{error}");
    let error = Settings::load(Some(Path::new("/no/such/tyk.conf")), &[]).unwrap_err();
    assert!(error.to_string().contains("/no/such/tyk.conf"), "{error}");
}

#[test]
fn what_has_no_effect_is_noted_once() {
    let settings = Settings::from_value(json!({
        "enable_analytics": true, "hash_keys": false, "my_key": 1, "other": 2,
        "analytics_config": {"type": ""}, "policies": {"policy_source": "file"}
    }))
    .unwrap();
    assert_eq!(
        settings.notes,
        [
            "unknown keys are ignored: my_key, other",
            "enable_analytics: understood, but without effect here",
            "policies: understood, but without effect here"
        ]
    );
}
