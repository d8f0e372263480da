//! The mapping and input being worked on, and the files they came from.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;

use crate::cli::BloblServer;

const MAPPING: &str = "\
# The new document is `root`, the old one `this`.
root.id = this.id
root.title = this.title.uppercase()
root.total = this.items.map_each(item -> item.price * item.count).sum()
root.tags = this.tags | []
";

const INPUT: &str = "\
{
  \"id\": 7,
  \"title\": \"a first order\",
  \"items\": [
    {\"price\": 12.5, \"count\": 2},
    {\"price\": 3, \"count\": 1}
  ]
}
";

pub(super) struct Session {
    mapping_file: Option<String>,
    input_file: Option<String>,
    writes: bool,
    state: Mutex<State>,
}

#[derive(Clone)]
pub(super) struct State {
    pub(super) mapping: String,
    pub(super) input: String,
    is_changed: bool,
}

impl Session {
    /// # Errors
    /// A file cannot be read. One that is to be written need not exist yet.
    pub(super) fn open(args: &BloblServer) -> anyhow::Result<Self> {
        let read = |path: &Option<String>, otherwise: &str| match path {
            None => Ok(otherwise.to_owned()),
            Some(path) => match std::fs::read_to_string(path) {
                Err(error) if args.write && error.kind() == std::io::ErrorKind::NotFound => {
                    Ok(otherwise.to_owned())
                }
                read => read.with_context(|| format!("cannot read {path}")),
            },
        };
        let state = State {
            mapping: read(&args.mapping_file, MAPPING)?,
            input: read(&args.input_file, INPUT)?,
            is_changed: false,
        };
        Ok(Self {
            mapping_file: args.mapping_file.clone(),
            input_file: args.input_file.clone(),
            writes: args.write,
            state: Mutex::new(state),
        })
    }

    pub(super) fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn update(&self, mapping: &str, input: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.mapping != mapping || state.input != input {
            *state = State { mapping: mapping.into(), input: input.into(), is_changed: true };
        }
    }

    /// Writes what was changed to the files it came from, if that was asked for.
    ///
    /// # Errors
    /// A file cannot be written; it is tried again next time.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        let state = self.state();
        if !self.writes || !state.is_changed {
            return Ok(());
        }
        for (path, text) in [(&self.mapping_file, &state.mapping), (&self.input_file, &state.input)]
        {
            if let Some(path) = path {
                std::fs::write(path, text).with_context(|| format!("cannot write {path}"))?;
            }
        }
        let mut current = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if current.mapping == state.mapping && current.input == state.input {
            current.is_changed = false;
        }
        Ok(())
    }

    pub(super) fn write_in_background(self: &Arc<Self>) {
        if !self.writes {
            return;
        }
        let session = self.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = session.write() {
                super::super::complain(format_args!("{error:#}"));
            }
        });
    }
}
