//! `switch`: processors chosen by checks.

use sluice_config::{Field, FieldType, Node, NodeValue, Query, Reader, config};
use sluice_engine::wiring::Chain;
use sluice_engine::{Batches, BuildError, Check, Composite, Owner, Processor, Registry, Scope};
use sluice_message::{Batch, Message, Numbering};
use smallvec::smallvec;
use tracing::info;

use super::composition::{EMPTY, ProcessorList};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("switch", build)
        .ignores_metadata()
        .doc(
            "Runs the processors of the first case whose check is true of a message.\n\n\
             Messages of a batch that fall into the same case go through it together; afterwards \
             the batch has its order again. A message that no case is for passes unchanged; one \
             whose check fails is marked as failed and passes.",
        )
        .categories(&["Composition"]);
}

config! {
    /// A case of a switch.
    struct Case {
        /// A query; empty for always.
        check: Query = "",
        /// Processors of the messages of this case.
        processors: ProcessorList = EMPTY,
        /// Whether the processors of the next case run, too, whatever its check says.
        fallthrough: bool = false => advanced,
    }
}

/// The list of cases; one may also write it below a field `cases`, as in the output of that name.
struct Cases(Vec<Case>);

impl FieldType for Cases {
    fn describe(field: &mut Field) {
        Vec::<Case>::describe(field);
        field.list_key = Some("cases");
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let list = match &node.value {
            NodeValue::Map(fields) if fields.iter().all(|(key, _)| key.name == "cases") => {
                node.get("cases")
            }
            _ => None,
        };
        if list.is_some() {
            info!(path = %reader.path(), "understood the field cases of a switch processor as its list of cases");
        }
        Vec::read(list.unwrap_or(node), reader).map(Self)
    }
}

struct Switch {
    cases: Vec<BuiltCase>,
    owner: Owner,
}

struct BuiltCase {
    /// `None` for always.
    check: Option<Check>,
    chain: Chain,
    fallthrough: bool,
}

fn build(cases: Cases, scope: &Scope) -> Result<Processor, BuildError> {
    let cases = cases.0.iter().enumerate().map(|(at, case)| {
        let key = format!("switch.{at}.processors");
        Ok(BuiltCase {
            check: (!case.check.text.is_empty()).then(|| scope.check(&case.check)).transpose()?,
            chain: scope.build_chain(&case.processors, key)?,
            fallthrough: case.fallthrough,
        })
    });
    let cases = cases.collect::<Result<Vec<_>, BuildError>>()?;
    Ok(Processor::composite(Switch { cases, owner: scope.owner() }))
}

impl Switch {
    /// The case of a message; `None` when there is none for it.
    ///
    /// # Errors
    /// The first check that fails.
    fn case_of(&self, batch: &Batch, at: usize) -> Result<Option<usize>, String> {
        for (place, case) in self.cases.iter().enumerate() {
            let holds = case.check.as_ref().map_or(Ok(true), |check| check.is_true(batch, at))?;
            if holds {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Runs a case and those it falls through to.
    async fn run_case(&self, first: usize, batch: Batch) -> Batches {
        let mut batches: Batches = smallvec![batch];
        for case in &self.cases[first..] {
            let mut next = Batches::new();
            for batch in batches {
                next.extend(case.chain.process(batch).await);
            }
            batches = next;
            if !case.fallthrough {
                break;
            }
        }
        batches
    }
}

impl Composite for Switch {
    fn is_direct(&self) -> bool {
        self.cases.iter().all(|case| case.chain.is_direct())
    }

    async fn run(&self, mut batch: Batch) -> Batches {
        let chosen: Vec<_> = (0..batch.len()).map(|at| self.case_of(&batch, at)).collect();
        if let [case] = chosen.as_slice() {
            return match case {
                Ok(Some(case)) => self.run_case(*case, batch).await,
                Ok(None) => smallvec![batch],
                Err(error) => {
                    self.owner.fail_all(&mut batch, error);
                    smallvec![batch]
                }
            };
        }
        // Numbered, so that what comes of each message finds its place again.
        let numbering = batch.renumber();
        let mut groups: Vec<Batch> = vec![Batch::default(); self.cases.len()];
        let mut joined = Vec::new();
        for (mut message, case) in batch.into_iter().zip(chosen) {
            match case {
                Ok(Some(case)) => groups[case].push(message),
                Ok(None) => joined.push(message),
                Err(error) => {
                    self.owner.fail(&mut message, error);
                    joined.push(message);
                }
            }
        }
        for (case, group) in groups.into_iter().enumerate() {
            if !group.is_empty() {
                joined.extend(self.run_case(case, group).await.into_iter().flatten());
            }
        }
        smallvec![in_order(joined, &numbering)]
    }

    async fn close(&self) {
        for case in &self.cases {
            case.chain.close().await;
        }
    }
}

/// Sorts messages by the numbers they were given, and gives them back their lineages.
fn in_order(mut messages: Vec<Message>, numbering: &Numbering) -> Batch {
    messages.sort_by_key(|message| message.lineage); // stable: several of one stay together
    for message in &mut messages {
        message.lineage = numbering.former(message.lineage);
    }
    messages.into()
}
