//! Batches divided by what is in them: `group_by` and `group_by_value`.

use std::collections::HashMap;

use sluice_config::{Interpolated, Query, config};
use sluice_engine::wiring::Chain;
use sluice_engine::{
    Batches, BuildError, Check, Composite, DirectProcessor, Owner, Processor, Registry, Scope, Text,
};
use sluice_message::Batch;
use tracing::error;

use super::composition::{EMPTY, ProcessorList};

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("group_by", group_by)
        .doc(
            "Divides a batch into groups by checks, and runs each group through processors of its \
             own.\n\n\
             A message goes to the first group whose check is true of it; a check that fails \
             counts as false. What no group is for makes a batch of its own, the last.",
        )
        .categories(&["Composition"]);
    registry
        .processor("group_by_value", group_by_value)
        .doc("Divides a batch into one batch for each value of a text, in order of appearance.")
        .categories(&["Composition"]);
}

config! {
    /// A group.
    struct Group {
        /// A query for the messages of the group.
        check: Query => lint_required,
        /// Processors of the group.
        processors: ProcessorList = EMPTY,
    }
}

struct GroupBy {
    groups: Vec<(Check, Chain)>,
    owner: Owner,
}

fn group_by(groups: Vec<Group>, scope: &Scope) -> Result<Processor, BuildError> {
    let groups = groups.iter().enumerate().map(|(at, group)| {
        let chain = scope.build_chain(&group.processors, format!("group_by.{at}.processors"))?;
        Ok((scope.check(&group.check)?, chain))
    });
    let groups = groups.collect::<Result<Vec<_>, BuildError>>()?;
    Ok(Processor::composite(GroupBy { groups, owner: scope.owner() }))
}

impl GroupBy {
    fn group_of(&self, batch: &Batch, at: usize) -> Option<usize> {
        self.groups.iter().position(|(check, _)| {
            check.is_true(batch, at).unwrap_or_else(|problem| {
                error!(label = %self.owner.label(), path = %self.owner.path(), "Failed to test group check: {problem}");
                false
            })
        })
    }
}

impl Composite for GroupBy {
    fn is_direct(&self) -> bool {
        self.groups.iter().all(|(_, chain)| chain.is_direct())
    }

    async fn run(&self, batch: Batch) -> Batches {
        let chosen: Vec<_> = (0..batch.len()).map(|at| self.group_of(&batch, at)).collect();
        let mut groups = vec![Batch::default(); self.groups.len()];
        let mut rest = Batch::default();
        for (message, group) in batch.into_iter().zip(chosen) {
            match group {
                Some(group) => groups[group].push(message),
                None => rest.push(message),
            }
        }
        let mut batches = Batches::new();
        for (group, (_, chain)) in groups.into_iter().zip(&self.groups) {
            batches.extend(chain.process(group).await);
        }
        if !rest.is_empty() {
            batches.push(rest);
        }
        batches
    }

    async fn close(&self) {
        for (_, chain) in &self.groups {
            chain.close().await;
        }
    }
}

config! {
    /// Divides batches by a value.
    struct GroupByValueConfig {
        /// The value, for each message.
        value: Interpolated => lint_required,
    }
}

struct GroupByValue {
    value: Text,
    owner: Owner,
}

fn group_by_value(config: GroupByValueConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let value = scope.text(&config.value)?;
    Ok(Processor::direct(GroupByValue { value, owner: scope.owner() }))
}

impl DirectProcessor for GroupByValue {
    fn process(&self, mut batch: Batch) -> Batches {
        let values: Vec<_> = (0..batch.len()).map(|at| self.value.render(&batch, at)).collect();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut batches = Batches::new();
        for (mut message, value) in std::mem::take(&mut *batch).into_iter().zip(values) {
            let value = value.unwrap_or_else(|problem| {
                self.owner
                    .fail(&mut message, format_args!("group value interpolation error: {problem}"));
                String::new()
            });
            let place = *places.entry(value).or_insert_with(|| {
                batches.push(Batch::default());
                batches.len() - 1
            });
            batches[place].push(message);
        }
        batches
    }
}
