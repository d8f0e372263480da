#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]
mod awk;
mod grok;
mod jmespath;
mod jq;
mod support;
mod template;
