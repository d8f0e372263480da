//! Which crate may import which: folders are layers.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What the crates of a folder may import, by folder or by a single crate's path. The first match
/// of the longest prefix counts. `bin` and `dev` see everything.
const RULES: [(&str, &[&str]); 16] = [
    ("core/value", &[]),
    ("core/telemetry", &[]),
    ("core/message", &["core/value"]),
    ("core/config", &["core/value"]),
    ("core/bloblang", &["core/value"]),
    ("core/engine", &["core"]),
    ("components/all", &["core", "components"]),
    ("components", &["core", "components/testkit", "components/tls"]),
    ("components/codecs", &["core", "components/http"]),
    ("components/files", &["core", "components/builtin"]),
    ("components/processes", &["core", "components/files"]),
    ("gateway/model", &["core/value", "core/config"]),
    ("gateway/store", &["gateway/model", "core"]),
    ("gateway/plane", &["gateway/model", "core/telemetry"]),
    ("gateway", &["gateway", "core"]),
    ("admin", &["admin/service", "gateway", "core"]),
];

/// # Errors
/// `cargo metadata` failed.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let root = metadata["workspace_root"].as_str().context("no workspace root")?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let folder = |package: &Value| {
        let manifest = package["manifest_path"].as_str()?;
        Some(
            manifest
                .strip_prefix(root)?
                .trim_start_matches('/')
                .strip_suffix("/Cargo.toml")?
                .to_owned(),
        )
    };
    let folders: BTreeMap<String, String> = packages
        .iter()
        .filter_map(|package| Some((package["name"].as_str()?.to_owned(), folder(package)?)))
        .collect();
    let mut problems = Vec::new();
    for package in packages {
        let Some(from) = folder(package) else { continue };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            // Tests may use whatever they like.
            let is_dev = dependency["kind"] == "dev";
            let target = dependency["name"].as_str().and_then(|name| folders.get(name));
            if let Some(to) = target.filter(|_| !is_dev) {
                if !allowed(&from, to) {
                    problems.push(format!("{from} must not import {to}: see ARCHITECTURE.md"));
                }
            }
        }
    }
    Ok(problems)
}

fn allowed(from: &str, to: &str) -> bool {
    if within(from, "bin") || within(from, "dev") {
        return true;
    }
    let rule = RULES.iter().filter(|(scope, _)| within(from, scope)).max_by_key(|(s, _)| s.len());
    rule.is_some_and(|(_, allowed)| allowed.iter().any(|folder| within(to, folder)))
}

fn within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_import_upwards_only() {
        assert!(allowed("components/kafka", "core/engine"));
        assert!(allowed("bin/sluice", "components/all"));
        assert!(!allowed("core/value", "core/engine"));
        assert!(!allowed("gateway/streams", "components/kafka"));
        assert!(!allowed("components/kafka", "components/http"));
        assert!(!allowed("admin/tyk", "admin/kong"));
    }
}
