//! `parquet_decode`: a file becomes a batch.

use sluice_bloblang::formats::parquet::{Shape, parse_as};
use sluice_config::config;
use sluice_engine::{
    Batches, BuildError, DirectProcessor, Owner, Processor, Registry, Scope, Status,
};
use sluice_message::{Batch, Message};
use smallvec::smallvec;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("parquet_decode", build)
        .status(Status::Experimental)
        .categories(&["Parsing"])
        .doc(
            "Makes a message of each row of a [Parquet](https://parquet.apache.org/) file, with \
             the metadata of the message that is the file. Maps are objects. Files of more than \
             10 million values or 256 MiB of text fail; the input `parquet` reads larger ones.",
        );
}

config! {
    /// What rows look like.
    struct ParquetDecodeConfig {
        /// Whether bytes of fixed length are text, as all other bytes always are.
        byte_array_as_string: bool = false => deprecated,
        /// Whether lists are objects as they are stored, `{"list":[{"element":1}]}`, rather than
        /// arrays.
        use_parquet_list_format: bool = true => advanced,
    }
}

struct Decode {
    shape: Shape,
    owner: Owner,
}

fn build(config: ParquetDecodeConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let shape = Shape {
        plain_lists: !config.use_parquet_list_format,
        plain_maps: true,
        fixed_as_text: config.byte_array_as_string,
    };
    Ok(Processor::direct(Decode { shape, owner: scope.owner() }))
}

impl Decode {
    fn decode(&self, message: &Message) -> Result<Vec<Message>, String> {
        let rows = parse_as(message.bytes().clone(), self.shape)?;
        let rows = rows.into_iter().map(|row| {
            let mut copy = message.clone();
            copy.set_value(row);
            copy
        });
        Ok(rows.collect())
    }
}

impl DirectProcessor for Decode {
    fn process(&self, batch: Batch) -> Batches {
        let mut decoded = Batch::default();
        for mut message in batch {
            match self.decode(&message) {
                Ok(rows) => decoded.extend(rows),
                Err(problem) => {
                    self.owner.fail(&mut message, problem);
                    decoded.push(message);
                }
            }
        }
        if decoded.is_empty() { Batches::new() } else { smallvec![decoded] }
    }
}
