//! The shared configuration files of AWS tools.

use std::path::PathBuf;

use sluice_config::Secret;

use crate::credentials::Credentials;

/// A setting of the environment that is not empty.
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The profile to use where none is configured.
pub(crate) fn default_name() -> String {
    env("AWS_PROFILE").unwrap_or_else(|| "default".into())
}

/// The credentials of a profile.
pub(crate) fn credentials(profile: &str) -> Option<Credentials> {
    let text = |section: &str, file: &str, path: &str, key: &str| {
        setting(&std::fs::read_to_string(place(file, path)?).ok()?, section, key)
    };
    let get = |key: &str| {
        text(profile, "AWS_SHARED_CREDENTIALS_FILE", "credentials", key)
            .or_else(|| text(&section(profile), "AWS_CONFIG_FILE", "config", key))
    };
    Some(Credentials {
        id: get("aws_access_key_id")?,
        secret: Secret::new(get("aws_secret_access_key")?),
        token: get("aws_session_token").unwrap_or_default(),
        expires: None,
    })
}

/// The region of a profile.
pub(crate) fn region(profile: &str) -> Option<String> {
    let text = std::fs::read_to_string(place("AWS_CONFIG_FILE", "config")?).ok()?;
    setting(&text, &section(profile), "region")
}

/// What a profile is called in the configuration file.
fn section(profile: &str) -> String {
    if profile == "default" { profile.into() } else { format!("profile {profile}") }
}

fn place(variable: &str, name: &str) -> Option<PathBuf> {
    let own = env(variable).map(PathBuf::from);
    own.or_else(|| Some(PathBuf::from(env("HOME")?).join(".aws").join(name)))
}

/// A setting in a section of an INI text.
fn setting(text: &str, section: &str, key: &str) -> Option<String> {
    let mut current = "";
    let mut found = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            current = name.trim();
        } else if let Some((name, value)) = line.split_once('=') {
            if current == section && name.trim() == key {
                found = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_found_in_their_section() {
        let text = "[default]\nregion = a\n# region = b\n[profile x]\nregion=c\nkey =\n";
        assert_eq!(setting(text, "default", "region").as_deref(), Some("a"));
        assert_eq!(setting(text, "profile x", "region").as_deref(), Some("c"));
        assert_eq!(setting(text, "profile x", "key"), None);
        assert_eq!(setting(text, "y", "region"), None);
    }
}
