//! `msgpack`: messages as `MessagePack` and back.

use sluice_bloblang::formats::msgpack;
use sluice_config::config;
use sluice_engine::{BuildError, Processor, Registry, Scope, Status};

use crate::each::{document, each, set_document};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("msgpack", build)
        .status(Status::Beta)
        .categories(&["Parsing"])
        .doc("Converts each message from JSON to [MessagePack](https://msgpack.org/), or back.");
}

config! {
    /// What to convert.
    struct MsgpackConfig {
        /// From what to what.
        operator: String => lint_required options("from_json", "to_json"),
    }
}

fn build(config: MsgpackConfig, scope: &Scope) -> Result<Processor, BuildError> {
    match config.operator.to_ascii_lowercase().as_str() {
        "to_json" => Ok(each(scope, |message| {
            let value = msgpack::parse(message.bytes())
                .map_err(|error| format!("failed to convert MsgPack document to JSON: {error}"))?;
            set_document(message, value);
            Ok(())
        })),
        "from_json" => Ok(each(scope, |message| {
            let content = msgpack::write(document(message)?, true);
            message.set_bytes(content);
            Ok(())
        })),
        other => Err(BuildError::new(format!("operator not recognised: {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_content_is_refused() {
        let value = sluice_value::json::parse(br#"{"a":[1,-2,3.5,"x",null,true,{"b":"yyy"}]}"#);
        let content = msgpack::write(&value.unwrap(), true);
        let mut random = fastrand::Rng::with_seed(9);
        for _ in 0..20_000 {
            let mut broken = content.clone();
            for _ in 0..random.usize(1..5) {
                let at = random.usize(..broken.len());
                broken[at] = random.u8(..);
            }
            broken.truncate(random.usize(..=broken.len()));
            let _ = msgpack::parse(&broken);
        }
    }
}
