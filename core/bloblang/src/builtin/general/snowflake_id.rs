//! `snowflake_id`: identifiers that sort by time and name the node that made them.

use std::sync::{Mutex, PoisonError};

use crate::{
    Error, Outcome,
    builtin::{Args, Category, Default, Example, Function, FunctionCode, Param, PreparedFunction},
};

pub(super) const FUNCTION: Function = Function::new(
    "snowflake_id",
    Category::General,
    "A new Snowflake id as text. It is unique among those of the same place in a mapping and of \
     other nodes, if each node has an own id.",
    FunctionCode::Prepare(snowflake_id),
)
.params(&[Param::integer("node_id", "The node, from 0 to 1023.").or(Default::Integer(1))])
.examples(&[Example::new("root.ok = snowflake_id(2).number() > 0", &[("{}", r#"{"ok":true}"#)])]);

/// Milliseconds from 1970 to the first moment an id can name.
const EPOCH: u64 = 1_288_834_974_657;

#[derive(Default)]
struct Last {
    milliseconds: u64,
    step: u64,
}

fn snowflake_id(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let node = u64::try_from(args.integer(0)).ok().filter(|node| *node <= 1023);
    let node = node.ok_or_else(|| Error::new("Node number must be between 0 and 1023"))?;
    let last = Mutex::new(Last::default());
    Ok(PreparedFunction::new(move |_| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = super::unix_milliseconds().saturating_sub(EPOCH);
        if now > last.milliseconds {
            *last = Last { milliseconds: now, step: 0 };
        } else if last.step < 4095 {
            last.step += 1;
        } else {
            // More than 4096 in one millisecond: borrow from the next.
            *last = Last { milliseconds: last.milliseconds + 1, step: 0 };
        }
        Ok(Outcome::from((last.milliseconds << 22 | node << 12 | last.step).to_string()))
    }))
}
