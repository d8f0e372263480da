//! Random trees of processors and outputs with failures: nothing is lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::Config;
use sluice_testkit::{Action, Answer, FakeInput, FakeOutput};

use crate::support::start;

/// Processors that let every message through with its content.
#[derive(Clone, Debug)]
enum Process {
    Noop,
    Mapping,
    Failing,
    Split,
    Group,
    Sleep,
    Nested(&'static str, Vec<Process>),
    Branch(Vec<Process>),
    Switch(Vec<Process>, Vec<Process>),
}

/// When a batch is complete.
#[derive(Clone, Debug)]
enum Policy {
    Count(usize),
    Bytes(usize),
    Check,
    Period,
}

/// Outputs.
#[derive(Clone, Debug)]
enum Out {
    Leaf {
        at_once: usize,
        gathers: bool,
        batch: Option<Policy>,
        actions: Vec<u8>,
    },
    Broker {
        pattern: &'static str,
        batch: Option<Policy>,
        outputs: Vec<Out>,
    },
    Fallback(Vec<Out>),
    Retry(Box<Out>),
    /// Even messages to the first, odd ones to the second; zeros to both.
    Switch {
        retry: bool,
        even: Box<Out>,
        odd: Box<Out>,
    },
    Processed(Process, Box<Out>),
}

fn processes() -> impl Strategy<Value = Process> {
    let leaf = prop_oneof![
        Just(Process::Noop),
        Just(Process::Mapping),
        Just(Process::Failing),
        Just(Process::Split),
        Just(Process::Group),
        Just(Process::Sleep),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        let list = prop::collection::vec(inner, 1..3);
        let name = prop::sample::select(vec!["for_each", "try", "catch", "processors"]);
        prop_oneof![
            (name, list.clone()).prop_map(|(name, list)| Process::Nested(name, list)),
            list.clone().prop_map(Process::Branch),
            (list.clone(), list).prop_map(|(first, second)| Process::Switch(first, second)),
        ]
    })
}

fn policies() -> impl Strategy<Value = Policy> {
    prop_oneof![
        3 => (1..5_usize).prop_map(Policy::Count),
        1 => (1..5_usize).prop_map(Policy::Bytes),
        1 => Just(Policy::Check),
        1 => Just(Policy::Period),
    ]
}

fn outs() -> impl Strategy<Value = Out> {
    let policy = || prop::option::weighted(0.3, policies());
    let leaf =
        (1..4_usize, any::<bool>(), policy(), prop::collection::vec(0..6_u8, 0..6)).prop_map(
            |(at_once, gathers, batch, actions)| Out::Leaf { at_once, gathers, batch, actions },
        );
    leaf.prop_recursive(3, 10, 3, move |inner| {
        let pattern = prop::sample::select(vec![
            "fan_out",
            "fan_out_fail_fast",
            "fan_out_sequential",
            "fan_out_sequential_fail_fast",
            "round_robin",
            "greedy",
        ]);
        let list = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            (pattern, policy(), list.clone()).prop_map(|(pattern, batch, outputs)| Out::Broker {
                pattern,
                batch,
                outputs
            }),
            list.prop_map(Out::Fallback),
            inner.clone().prop_map(|out| Out::Retry(Box::new(out))),
            (any::<bool>(), inner.clone(), inner.clone()).prop_map(|(retry, even, odd)| {
                Out::Switch { retry, even: Box::new(even), odd: Box::new(odd) }
            }),
            (processes(), inner).prop_map(|(process, out)| Out::Processed(process, Box::new(out))),
        ]
    })
}

impl Process {
    fn yaml(&self) -> String {
        let list = |list: &[Process]| {
            let items: Vec<String> = list.iter().map(Process::yaml).collect();
            format!("[ {} ]", items.join(", "))
        };
        match self {
            Self::Noop => "{ noop: {} }".into(),
            Self::Mapping => "{ mapping: 'meta seen = content()' }".into(),
            Self::Failing => "{ mapping: 'root = if this % 3 == 0 { throw(\"no\") }' }".into(),
            Self::Split => "{ split: { size: 2 } }".into(),
            Self::Group => "{ group_by_value: { value: '${! this % 2 }' } }".into(),
            Self::Sleep => "{ sleep: { duration: 3ms } }".into(),
            Self::Nested(name, inner) => format!("{{ {name}: {} }}", list(inner)),
            Self::Branch(inner) => format!("{{ branch: {{ processors: {} }} }}", list(inner)),
            Self::Switch(first, second) => format!(
                "{{ switch: [ {{ check: 'this % 2 == 0', processors: {} }}, {{ check: 'this % 3 == 0', processors: {} }} ] }}",
                list(first),
                list(second)
            ),
        }
    }
}

impl Policy {
    fn yaml(&self) -> String {
        match self {
            Self::Count(count) => format!("{{ count: {count} }}"),
            Self::Bytes(bytes) => format!("{{ byte_size: {bytes} }}"),
            Self::Check => "{ check: 'this % 3 == 0' }".into(),
            Self::Period => "{ count: 100, period: 5ms }".into(),
        }
    }
}

/// The fakes of a tree, by the names its configuration gives them.
#[derive(Default)]
struct Leaves(HashMap<String, FakeOutput>);

impl Out {
    fn yaml(&self, name: &str, leaves: &mut Leaves) -> String {
        format!("{{ {} }}", self.block(name, leaves))
    }

    /// What stands between the braces.
    fn block(&self, name: &str, leaves: &mut Leaves) -> String {
        let batching = |batch: &Option<Policy>| match batch {
            Some(policy) => format!(", batching: {}", policy.yaml()),
            None => String::new(),
        };
        let below = |at: usize| format!("{name}_{at}");
        match self {
            Self::Leaf { at_once, gathers, batch, actions } => {
                let output = FakeOutput::new(name);
                output.script(actions.iter().map(|action| match action {
                    0 => Action::Fail("no".into()),
                    1 => Action::Disconnect,
                    2 => Action::FailMembers(vec![0]),
                    3 => Action::TakeLate(std::time::Duration::from_millis(40)),
                    _ => Action::Take,
                }));
                leaves.0.insert(name.into(), output);
                format!(
                    "fake: {{ name: {name}, max_in_flight: {at_once}, gathers: {gathers}{} }}",
                    batching(batch)
                )
            }
            Self::Broker { pattern, batch, outputs } => {
                let outputs = yaml_list(outputs, name, leaves);
                format!("broker: {{ pattern: {pattern}, outputs: {outputs}{} }}", batching(batch))
            }
            Self::Fallback(outputs) => format!("fallback: {}", yaml_list(outputs, name, leaves)),
            Self::Retry(out) => {
                let out = out.yaml(&below(0), leaves);
                format!("retry: {{ backoff: {{ initial_interval: 1ms }}, output: {out} }}")
            }
            Self::Switch { retry, even, odd } => format!(
                "switch: {{ retry_until_success: {retry}, cases: [ \
                 {{ check: 'this % 2 == 0', continue: true, output: {} }}, \
                 {{ check: 'this % 2 == 1 || this == 0', output: {} }} ] }}",
                even.yaml(&below(0), leaves),
                odd.yaml(&below(1), leaves)
            ),
            Self::Processed(process, out) => {
                let mut inner = out.block(&below(0), leaves);
                if let Self::Processed(..) = **out {
                    inner = format!("broker: {{ outputs: [ {{ {inner} }} ] }}");
                }
                format!("{inner}, processors: [ {} ]", process.yaml())
            }
        }
    }

    /// Whether a message is where it has to be.
    fn has(&self, name: &str, message: u32, taken: &BTreeMap<String, Vec<u32>>) -> bool {
        let below = |at: usize, out: &Out| out.has(&format!("{name}_{at}"), message, taken);
        let each = |outs: &[Out]| -> Vec<bool> {
            outs.iter().enumerate().map(|(at, out)| below(at, out)).collect()
        };
        match self {
            Self::Leaf { .. } => taken[name].contains(&message),
            Self::Broker { pattern, outputs, .. } if pattern.starts_with("fan_out") => {
                each(outputs).into_iter().all(|has| has)
            }
            Self::Broker { outputs, .. } | Self::Fallback(outputs) => {
                each(outputs).into_iter().any(|has| has)
            }
            Self::Retry(out) | Self::Processed(_, out) => below(0, out),
            Self::Switch { even, odd, .. } => {
                (message % 2 == 1 || below(0, even))
                    && ((message.is_multiple_of(2) && message != 0) || below(1, odd))
            }
        }
    }
}

fn yaml_list(outs: &[Out], name: &str, leaves: &mut Leaves) -> String {
    let items: Vec<String> = outs
        .iter()
        .enumerate()
        .map(|(at, out)| out.yaml(&format!("{name}_{at}"), leaves))
        .collect();
    format!("[ {} ]", items.join(", "))
}

static CASE: AtomicUsize = AtomicUsize::new(0);

#[derive(Clone, Debug)]
struct Case {
    batches: Vec<usize>,
    threads: usize,
    input_batch: Option<Policy>,
    buffered: bool,
    replay: bool,
    processors: Vec<Process>,
    output: Out,
}

fn cases() -> impl Strategy<Value = Case> {
    let input =
        (prop::collection::vec(1..4_usize, 0..12), 1..4_usize, prop::option::of(policies()));
    let processors = prop::collection::vec(processes(), 0..3);
    (input, any::<bool>(), any::<bool>(), processors, outs()).prop_map(
        |((batches, threads, input_batch), buffered, replay, processors, output)| {
            // A buffer answers by itself, so that only replays there could be told apart.
            let buffered = buffered && replay;
            Case { batches, threads, input_batch, buffered, replay, processors, output }
        },
    )
}

impl Case {
    /// Runs the stream; what each leaf took, by name.
    fn run(&self) -> Result<BTreeMap<String, Vec<u32>>, TestCaseError> {
        let name = format!("tree{}", CASE.fetch_add(1, Ordering::Relaxed));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(self.check(&name))
    }

    async fn check(&self, name: &str) -> Result<BTreeMap<String, Vec<u32>>, TestCaseError> {
        let mut leaves = Leaves::default();
        let output = self.output.yaml(name, &mut leaves);
        let input = FakeInput::new(name);
        let mut source =
            format!("{{ fake: {{ name: {name}, auto_replay_nacks: {} }} }}", self.replay);
        if let Some(policy) = &self.input_batch {
            source = format!("{{ batched: {{ child: {source}, policy: {} }} }}", policy.yaml());
        }
        let buffer = if self.buffered { "memory" } else { "none" };
        let processors: Vec<String> = self.processors.iter().map(Process::yaml).collect();
        let document = format!(
            "input: {source}\nbuffer: {{ {buffer}: {{}} }}\n\
             pipeline: {{ threads: {}, processors: [ {} ] }}\noutput: {output}\n",
            self.threads,
            processors.join(", ")
        );
        let mut running = start(&document);
        let mut sent: Vec<Vec<u32>> = Vec::new();
        let mut next = 0;
        for size in &self.batches {
            let batch: Vec<u32> = (next..next + *size as u32).collect();
            next += *size as u32;
            let texts: Vec<String> = batch.iter().map(u32::to_string).collect();
            input.push(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            sent.push(batch);
        }
        input.end();
        prop_assert!(running.ends().await, "did not end:\n{document}");
        let taken: BTreeMap<String, Vec<u32>> = leaves
            .0
            .iter()
            .map(|(name, leaf)| {
                let messages = leaf.messages();
                (name.clone(), messages.iter().map(|text| text.parse().unwrap()).collect())
            })
            .collect();
        let answers = input.answers();
        prop_assert_eq!(answers.len(), sent.len(), "one answer for each batch:\n{}", document);
        for answer in &answers {
            let Answer::Delivered(contents) = answer else {
                prop_assert!(!self.replay, "refused in spite of replay:\n{document}");
                continue;
            };
            for content in contents {
                let message: u32 = content.parse().unwrap();
                prop_assert!(
                    self.output.has(name, message, &taken),
                    "{message} is missing in {taken:?}:\n{document}"
                );
            }
        }
        Ok(taken)
    }
}

proptest! {
    #![proptest_config(Config { cases: 300, max_shrink_iters: 400, ..Config::default() })]

    #[test]
    fn every_message_is_delivered_or_visibly_refused(case in cases()) {
        case.run()?;
    }

    #[test]
    fn without_failures_one_thread_keeps_the_order(
        batches in prop::collection::vec(1..4_usize, 1..15),
        processors in prop::collection::vec(processes(), 0..3),
    ) {
        // Grouping is meant to change the order.
        let groups = |process: &Process| format!("{process:?}").contains("Group");
        let case = Case {
            batches,
            threads: 1,
            input_batch: None,
            buffered: false,
            replay: true,
            processors: processors.into_iter().filter(|process| !groups(process)).collect(),
            output: Out::Leaf { at_once: 1, gathers: true, batch: None, actions: vec![] },
        };
        let taken = case.run()?;
        let messages: Vec<u32> = taken.into_values().flatten().collect();
        prop_assert!(messages.is_sorted(), "{messages:?}");
        prop_assert_eq!(messages.len(), case.batches.iter().sum::<usize>());
    }
}
