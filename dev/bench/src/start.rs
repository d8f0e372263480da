//! Size of the program and time until it listens.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::process::{Running, free_port};
use crate::report::figure;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// APIs to load, each with a stream.
    #[arg(long, default_value_t = 100)]
    apis: usize,
}

pub(crate) fn run(program: &Path, options: &Options) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (port, dashboard) = (free_port()?, free_port()?);
    let apps = directory.path().join("apps");
    std::fs::create_dir(&apps)?;
    for number in 0..options.apis {
        let api = serde_json::json!({
            "openapi": "3.0.3", "info": { "title": "x", "version": "1" }, "paths": {},
            "x-tyk-api-gateway": {
                "info": { "id": format!("api{number}"), "name": format!("api {number}"), "state": { "active": true } },
                "server": { "listenPath": { "value": format!("/api{number}/"), "strip": true } },
                "upstream": { "url": "" },
            },
            "x-tyk-streaming": { "streams": { "relay": {
                "input": { "http_server": { "path": "/post" } },
                "pipeline": { "processors": [ { "mapping": "root = this.merge({\"a\": 1})" } ] },
                "output": { "sync_response": {} },
            } } },
        });
        std::fs::write(apps.join(format!("api{number}.json")), api.to_string())?;
    }
    let conf = serde_json::json!({
        "listen_address": "127.0.0.1", "listen_port": port, "secret": "bench",
        "streaming": { "enabled": true }, "app_path": "apps", "dashboard": { "listen_port": dashboard },
    });
    std::fs::write(directory.path().join("tyk.conf"), conf.to_string())?;
    let mut times = Vec::new();
    let mut memory = 0;
    for _ in 0..5 {
        let began = Instant::now();
        let mut gateway =
            Running::start(program, &["gateway", "--conf", "tyk.conf"], directory.path())?;
        gateway.wait_for_port(port, Duration::from_secs(10))?;
        times.push(began.elapsed());
        memory = gateway.memory()?;
    }
    times.sort_unstable();
    figure("size of the program, MB", format!("{:.1}", program.metadata()?.len() as f64 / 1e6));
    figure(
        &format!("listening with {} APIs, ms (goal: under 100)", options.apis),
        format!("{:.0}", times[times.len() / 2].as_secs_f64() * 1e3),
    );
    figure("memory then, MB", format!("{:.1}", memory as f64 / 1e6));
    Ok(())
}
