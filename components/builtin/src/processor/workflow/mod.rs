//! `workflow`: branches in the order that they depend on each other.

mod order;
mod record;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use sluice_config::{ComponentKind, config};
use sluice_engine::{Batches, BuildError, Composite, Owner, Processor, Registry, Scope};
use sluice_message::Batch;
use sluice_value::{EcoString, path};
use smallvec::smallvec;
use tracing::{error, info};

use super::branch::{Branch, BranchConfig, Outcome};
use super::composition::EMPTY;
use record::Record;

pub(crate) fn register(registry: &mut Registry) {
    registry
        .processor("workflow", build)
        .doc(
            "Runs branches, those of one tier at the same time, tier after tier.\n\n\
             Without an explicit `order` the tiers follow from what the branches' mappings read \
             and write. What became of each branch is written into the message at `meta_path`: \
             lists of the `succeeded` and the `skipped` ones, and the errors of those that \
             `failed`. A message that carries such a record runs only what has not succeeded yet.",
        )
        .categories(&["Composition"]);
}

config! {
    /// Branches and their order.
    struct WorkflowConfig {
        /// Where in the message the record is kept; empty for nowhere.
        meta_path: String = "meta.workflow",
        /// Names of branches in tiers.
        order: Vec<Vec<String>> = EMPTY,
        /// Branch processor resources that take part.
        branch_resources: Vec<String> = EMPTY => advanced,
        /// Branches by name.
        branches: BTreeMap<String, BranchConfig> = sluice_config::Node::empty_map(),
    }
}

struct Workflow {
    branches: BTreeMap<String, Branch>,
    tiers: Vec<Vec<String>>,
    meta_path: Option<Vec<EcoString>>,
    owner: Owner,
}

fn build(config: WorkflowConfig, scope: &Scope) -> Result<Processor, BuildError> {
    let own = scope.below("workflow.branches");
    let mut branches = BTreeMap::new();
    for (name, branch) in &config.branches {
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if name.is_empty() || !name.chars().all(is_name) {
            let message = format!("workflow branch name '{name}' contains invalid characters");
            return Err(BuildError::new(message));
        }
        branches.insert(name.clone(), Branch::new(branch, &own.below(name), scope.owner())?);
    }
    for name in &config.branch_resources {
        if branches.contains_key(name) {
            let message = format!("branch resource name '{name}' collides with an explicit branch");
            return Err(BuildError::new(message));
        }
        branches.insert(name.clone(), resource(name, scope)?);
    }
    for name in config.order.iter().flatten() {
        if !branches.contains_key(name) {
            branches.insert(name.clone(), resource(name, scope)?);
        }
    }
    let tiers = if config.order.is_empty() {
        let tiers = order::infer(&branches).map_err(BuildError::new)?;
        info!(label = %scope.label(), path = %scope.path(), "Automatically resolved workflow DAG: {tiers:?}");
        tiers
    } else {
        order::check(&config.order, &branches).map_err(BuildError::new)?;
        config.order
    };
    let meta_path = (!config.meta_path.is_empty()).then(|| path::split(&config.meta_path));
    Ok(Processor::composite(Workflow { branches, tiers, meta_path, owner: scope.owner() }))
}

/// The branch that a processor resource is.
fn resource(name: &str, scope: &Scope) -> Result<Branch, BuildError> {
    // Building it first tells a missing resource, and what is wrong with this one, as elsewhere.
    scope.resources().processor(name)?;
    let declared = scope.resources().declaration(ComponentKind::Processor, name);
    let Some(block) = declared.as_deref().and_then(|block| block.get("branch")) else {
        return Err(BuildError::new(format!("processor resource '{name}' is not a branch")));
    };
    let config: BranchConfig = scope.read(block)?;
    Branch::new(&config, &scope.below("workflow.branches").below(name), scope.owner())
}

impl Workflow {
    /// Branches that a message does not need, by what its record says.
    fn unneeded(&self, batch: &Batch, at: usize) -> BTreeSet<String> {
        let Some(meta_path) = &self.meta_path else { return BTreeSet::new() };
        let Ok(document) = batch[at].value() else { return BTreeSet::new() };
        let names = self.branches.keys().map(String::as_str);
        record::unneeded(document, meta_path, names)
    }

    async fn run_tier(&self, tier: &[String], run: &mut Run) {
        let results = join_all(tier.iter().map(|name| async {
            let wanted = |at: usize| !run.unneeded[at].contains(name);
            self.branches[name].results(&run.batch, wanted).await
        }))
        .await;
        for (name, results) in tier.iter().zip(results) {
            for at in 0..run.batch.len() {
                let record = &mut run.records[at];
                match &results.outcomes[at] {
                    Outcome::Skipped => record.skipped(name),
                    Outcome::Failed(error) => record.failed(name, error.clone()),
                    Outcome::Result(place) => {
                        match self.branches[name].apply(&run.batch[at], &results, *place) {
                            Ok(Some(message)) => {
                                run.batch[at] = message;
                                record.succeeded(name);
                            }
                            Ok(None) => record.succeeded(name),
                            Err(error) => record.failed(name, error),
                        }
                    }
                }
            }
        }
    }

    /// Writes into a message what became of the branches.
    fn write_record(&self, run: &mut Run, at: usize) {
        let record = std::mem::take(&mut run.records[at]);
        let message = &mut run.batch[at];
        let Some(meta_path) = &self.meta_path else {
            if let Some(failed) = record.failed_names() {
                self.owner.fail(message, format_args!("workflow branches failed: [{failed}]"));
            }
            return;
        };
        let written = match message.value_mut() {
            Ok(document) => record::write(record, document, meta_path),
            Err(problem) => Err(problem.to_string()),
        };
        if let Err(problem) = written {
            error!(label = %self.owner.label(), path = %self.owner.path(), "Failed to write the record of a workflow: {problem}");
            self.owner.fail(message, problem);
        }
    }
}

/// A batch on its way through the tiers.
struct Run {
    batch: Batch,
    unneeded: Vec<BTreeSet<String>>,
    records: Vec<Record>,
}

impl Composite for Workflow {
    fn is_direct(&self) -> bool {
        self.branches.values().all(Branch::is_direct)
    }

    async fn run(&self, batch: Batch) -> Batches {
        let unneeded = (0..batch.len()).map(|at| self.unneeded(&batch, at)).collect();
        let records = batch.iter().map(|_| Record::default()).collect();
        let mut run = Run { batch, unneeded, records };
        for tier in &self.tiers {
            self.run_tier(tier, &mut run).await;
        }
        for at in 0..run.batch.len() {
            self.write_record(&mut run, at);
        }
        smallvec![run.batch]
    }

    async fn close(&self) {
        for branch in self.branches.values() {
            branch.close().await;
        }
    }
}
