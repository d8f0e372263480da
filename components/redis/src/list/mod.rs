//! Lists.

mod input;
mod output;
mod popper;

use sluice_engine::Registry;

pub(crate) fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Left,
    Right,
}

impl End {
    fn pop(self) -> &'static str {
        match self {
            Self::Left => "LPOP",
            Self::Right => "RPOP",
        }
    }

    fn waiting_pop(self) -> &'static str {
        match self {
            Self::Left => "BLPOP",
            Self::Right => "BRPOP",
        }
    }

    fn push(self) -> &'static str {
        match self {
            Self::Left => "LPUSH",
            Self::Right => "RPUSH",
        }
    }
}
