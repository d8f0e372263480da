//! `switch`: outputs chosen by checks.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use sluice_config::{Block, Kinds, Node, Query, config};
use sluice_engine::{BuildError, BuiltOutput, Check, InFlight, Registry, Scope, Sink};
use sluice_message::{Batch, DeliveryError, Member};
use tracing::error;

use crate::persist::{Persistence, write_persistently};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .output("switch", build)
        .ignores_metadata()
        .doc(
            "Writes each message to the output of the first case whose check is true of it.\n\n\
             A check that fails is logged and counts as false. Messages that no case is for are \
             dropped, or refused with `strict_mode`.",
        )
        .categories(&["Utility"])
        .lint(no_endless_rejection);
}

config! {
    /// A case.
    struct Case {
        /// A query; empty for always.
        check: Query = "",
        /// Where messages of this case go.
        output: Block<Kinds::Output>,
        /// Whether the next cases are tried, too.
        r#continue: bool = false => advanced,
    }
}

config! {
    /// Outputs chosen by checks.
    struct SwitchConfig {
        /// Whether a case's output is tried again here when it fails, rather than the source told.
        retry_until_success: bool = false,
        /// Whether messages that no case is for are refused.
        strict_mode: bool = false => advanced,
        /// The cases, at least two.
        cases: Vec<Case>,
    }
}

/// An output that always refuses would be tried again for ever.
fn no_endless_rejection(node: &Node) -> Vec<String> {
    let retries = node.get("retry_until_success").and_then(Node::as_text);
    let is_on = retries.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let rejects = |case: &Node| case.get("output").is_some_and(|it| it.get("reject").is_some());
    let cases = node.get("cases").and_then(Node::as_list).unwrap_or_default();
    if !is_on || !cases.iter().any(rejects) {
        return Vec::new();
    }
    vec![
        "a 'switch' output with a 'reject' case output must have the field \
         'switch.retry_until_success' set to 'false', otherwise the 'reject' child output will \
         result in infinite retries"
            .to_owned(),
    ]
}

struct Switch {
    cases: Vec<BuiltCase>,
    strict: bool,
    persistence: Option<Persistence>,
    label: String,
    path: String,
}

struct BuiltCase {
    /// `None` for always.
    check: Option<Check>,
    sink: Arc<dyn Sink>,
    goes_on: bool,
}

fn build(config: SwitchConfig, scope: &Scope) -> Result<BuiltOutput, BuildError> {
    if config.cases.len() < 2 {
        return Err(BuildError::new("attempting to create switch with fewer than 2 cases"));
    }
    let place = scope.below("switch");
    let cases = config.cases.iter().map(|case| {
        Ok(BuiltCase {
            check: (!case.check.text.is_empty()).then(|| scope.check(&case.check)).transpose()?,
            sink: place.build_output(&case.output, "output")?,
            goes_on: case.r#continue,
        })
    });
    Ok(BuiltOutput::sink(Switch {
        cases: cases.collect::<Result<_, BuildError>>()?,
        strict: config.strict_mode,
        persistence: config
            .retry_until_success
            .then(|| Persistence::endless(scope.label(), scope.path())),
        label: scope.label().to_owned(),
        path: scope.path().to_owned(),
    }))
}

impl Switch {
    /// The cases of a message.
    fn cases_of(&self, batch: &Batch, at: usize) -> Vec<usize> {
        let mut chosen = Vec::new();
        for (place, case) in self.cases.iter().enumerate() {
            if self.holds(case, batch, at) {
                chosen.push(place);
                if !case.goes_on {
                    break;
                }
            }
        }
        chosen
    }

    fn holds(&self, case: &BuiltCase, batch: &Batch, at: usize) -> bool {
        let Some(check) = &case.check else { return true };
        check.is_true(batch, at).unwrap_or_else(|problem| {
            error!(label = %self.label, path = %self.path, "Failed to test case: {problem}");
            false
        })
    }

    /// Divides a batch by cases, and says which members no case is for.
    fn divide(&self, batch: Batch) -> (Vec<Batch>, Vec<Member>) {
        let chosen: Vec<Vec<usize>> =
            (0..batch.len()).map(|at| self.cases_of(&batch, at)).collect();
        let mut groups = vec![Batch::default(); self.cases.len()];
        let mut left = Vec::new();
        for (message, cases) in batch.into_iter().zip(chosen) {
            match cases.split_last() {
                Some((last, others)) => {
                    for case in others {
                        groups[*case].push(message.clone());
                    }
                    groups[*last].push(message);
                }
                None => left.push(Member::new(message.lineage, UNMATCHED)),
            }
        }
        (groups, left)
    }

    async fn write_case(&self, case: &BuiltCase, batch: Batch) -> Result<(), DeliveryError> {
        let lineages: Vec<u32> = batch.iter().map(|message| message.lineage).collect();
        let written = match &self.persistence {
            Some(persistence) => write_persistently(&*case.sink, batch, persistence).await,
            None => case.sink.write(batch).await,
        };
        written.map_err(|error| error.of_part(lineages))
    }
}

const UNMATCHED: &str = "no switch output conditions were met by message";

#[async_trait]
impl Sink for Switch {
    async fn open(&self) {
        join_all(self.cases.iter().map(|case| case.sink.open())).await;
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        let (groups, left) = self.divide(batch);
        let writes = self.cases.iter().zip(groups).filter(|(_, group)| !group.is_empty());
        let written = join_all(writes.map(|(case, group)| self.write_case(case, group))).await;
        let unmatched = (self.strict && !left.is_empty())
            .then(|| DeliveryError::new(UNMATCHED).of_members(left));
        let failures = written.into_iter().filter_map(Result::err).chain(unmatched);
        failures.reduce(DeliveryError::and).map_or(Ok(()), Err)
    }

    fn in_flight(&self) -> InFlight {
        let all = self.cases.iter().map(|case| case.sink.in_flight());
        all.reduce(InFlight::and).unwrap_or(InFlight::of(1))
    }

    fn is_connected(&self) -> bool {
        self.cases.iter().all(|case| case.sink.is_connected())
    }

    fn flush(&self) {
        self.cases.iter().for_each(|case| case.sink.flush());
    }

    async fn close(&self) {
        join_all(self.cases.iter().map(|case| case.sink.close())).await;
    }
}
