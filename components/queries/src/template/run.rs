//! Filling a template in.

use sluice_bloblang::gofmt;
use sluice_value::{Object, Value};

use super::functions;
use super::parse::{Node, Operand, Pipeline, Templates};

/// Nodes and commands of one run.
const STEPS: usize = 5_000_000;
/// Longest text that a run may make, and what its functions may make altogether.
const BYTES: usize = 256 << 20;
/// Deepest nesting of templates in templates.
const MAX_DEPTH: usize = 500;
/// Stack that is added when little is left.
const STACK: usize = 1 << 20;

/// What functions can reach beside their arguments.
pub(super) trait Surroundings {
    /// A metadata value of the message.
    fn metadata(&self, key: &str) -> Value;

    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;

    /// Calls a function that the configuration adds.
    ///
    /// # Errors
    /// The function failed.
    fn own(&self, function: usize, argument: &Value) -> Result<Value, String>;
}

pub(super) struct Run<'t> {
    templates: &'t Templates,
    pub(super) surroundings: &'t dyn Surroundings,
    variables: Vec<(String, Value)>,
    out: String,
    steps: usize,
    bytes: usize,
    depth: usize,
}

enum Leave {
    Break,
    Continue,
    Failed(String),
}

impl From<String> for Leave {
    fn from(error: String) -> Self {
        Self::Failed(error)
    }
}

/// Fills in the template `main`.
///
/// # Errors
/// What the template fails with.
pub(super) fn run(
    templates: &Templates,
    document: &Value,
    surroundings: &dyn Surroundings,
) -> Result<String, String> {
    let mut run = Run {
        templates,
        surroundings,
        variables: Vec::new(),
        out: String::new(),
        steps: 0,
        bytes: 0,
        depth: 0,
    };
    match run.template("main", document) {
        Ok(()) => Ok(run.out),
        Err(Leave::Failed(error)) => Err(format!("template: main: {error}")),
        Err(_) => Err("template: main: a loop was left outside of it".into()),
    }
}

impl Run<'_> {
    fn step(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.steps > STEPS {
            return Err("the template did not end within 5 million steps".into());
        }
        Ok(())
    }

    /// Pays for `bytes` that are made.
    ///
    /// # Errors
    /// There were too many.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > BYTES {
            return Err("the template needs more than 256 MiB of memory".into());
        }
        self.step()
    }

    fn template(&mut self, name: &str, dot: &Value) -> Result<(), Leave> {
        let templates = self.templates;
        let missing = || format!("template {name:?} not defined");
        let nodes = templates.get(name).ok_or_else(missing)?;
        if self.depth >= MAX_DEPTH {
            return Err(Leave::Failed("exceeded maximum template depth".into()));
        }
        let outer = std::mem::replace(&mut self.variables, vec![(String::new(), dot.clone())]);
        self.depth += 1;
        let left = self.nodes(nodes, dot);
        self.depth -= 1;
        self.variables = outer;
        left
    }

    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<(), Leave> {
        stacker::maybe_grow(STACK / 4, STACK, || {
            nodes.iter().try_for_each(|node| self.node(node, dot))
        })
    }

    /// Nodes whose variables end with them.
    fn scope(&mut self, nodes: &[Node], dot: &Value) -> Result<(), Leave> {
        let known = self.variables.len();
        let left = self.nodes(nodes, dot);
        self.variables.truncate(known);
        left
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<(), Leave> {
        self.step()?;
        match node {
            Node::Text(text) => {
                self.spend(text.len())?;
                self.out.push_str(text);
            }
            Node::Print(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    let text = printed(&value);
                    self.spend(text.len())?;
                    self.out.push_str(&text);
                }
            }
            Node::If(check, then, otherwise) => {
                let known = self.variables.len();
                let is_true = is_true(&self.pipeline(check, dot)?);
                let left = self.scope(if is_true { then } else { otherwise }, dot);
                self.variables.truncate(known);
                left?;
            }
            Node::With(check, then, otherwise) => {
                let known = self.variables.len();
                let value = self.pipeline(check, dot)?;
                let left = if is_true(&value) {
                    self.scope(then, &value)
                } else {
                    self.scope(otherwise, dot)
                };
                self.variables.truncate(known);
                left?;
            }
            Node::Range(over, body, otherwise) => self.range(over, body, otherwise, dot)?,
            Node::Template(name, value) => {
                let value = match value {
                    Some(pipeline) => self.pipeline(pipeline, dot)?,
                    None => Value::Null,
                };
                self.template(name, &value)?;
            }
            Node::Break => return Err(Leave::Break),
            Node::Continue => return Err(Leave::Continue),
        }
        Ok(())
    }

    fn range(
        &mut self,
        over: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<(), Leave> {
        let known = self.variables.len();
        let items: Vec<(Value, Value)> = match self.commands(over, dot)? {
            Value::Array(items) => {
                let items = items.into_iter().enumerate();
                items.map(|(at, item)| (Value::Int(at as i64), item)).collect()
            }
            Value::Object(fields) => {
                fields.into_iter().map(|(key, value)| (Value::String(key), value)).collect()
            }
            Value::Null => Vec::new(),
            Value::Int(count) => {
                let count = count.clamp(0, STEPS as i64);
                (0..count).map(|at| (Value::Int(at), Value::Int(at))).collect()
            }
            other => {
                return Err(Leave::Failed(format!("range can't iterate over {}", printed(&other))));
            }
        };
        if items.is_empty() {
            return self.scope(otherwise, dot);
        }
        for (key, item) in items {
            match &over.variables[..] {
                [] => {}
                [value] => self.variable(value, item.clone(), over.declares)?,
                [first, value, ..] => {
                    self.variable(first, key, over.declares)?;
                    self.variable(value, item.clone(), over.declares)?;
                }
            }
            let left = self.scope(body, &item);
            if over.declares {
                self.variables.truncate(known);
            }
            match left {
                Ok(()) | Err(Leave::Continue) => {}
                Err(Leave::Break) => break,
                Err(leave) => return Err(leave),
            }
        }
        Ok(())
    }

    fn variable(&mut self, name: &str, value: Value, declares: bool) -> Result<(), String> {
        if declares {
            self.variables.push((name.to_owned(), value));
            return Ok(());
        }
        let known = self.variables.iter_mut().rev().find(|(own, _)| own == name);
        let (_, slot) = known.ok_or_else(|| format!("undefined variable \"${name}\""))?;
        *slot = value;
        Ok(())
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, String> {
        let value = self.commands(pipeline, dot)?;
        for name in &pipeline.variables {
            self.variable(name, value.clone(), pipeline.declares)?;
        }
        Ok(value)
    }

    fn commands(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, String> {
        let mut fed = None;
        for command in &pipeline.commands {
            fed = Some(self.command(command, fed, dot)?);
        }
        Ok(fed.unwrap_or_default())
    }

    fn command(
        &mut self,
        command: &[Operand],
        fed: Option<Value>,
        dot: &Value,
    ) -> Result<Value, String> {
        self.step()?;
        let [first, rest @ ..] = command else { return Ok(Value::Null) };
        if let Operand::Call(function) = first {
            if let Some(decided) = self.decide(*function, rest, fed.as_ref(), dot)? {
                return Ok(decided);
            }
            let mut arguments = Vec::with_capacity(rest.len() + 1);
            for operand in rest {
                arguments.push(self.operand(operand, dot)?);
            }
            arguments.extend(fed);
            return functions::call(self, *function, &arguments);
        }
        if !rest.is_empty() || fed.is_some() {
            return Err("can't give argument to non-function".into());
        }
        self.operand(first, dot)
    }

    /// `and` and `or`, which look at no more arguments than they need.
    fn decide(
        &mut self,
        function: functions::Function,
        operands: &[Operand],
        fed: Option<&Value>,
        dot: &Value,
    ) -> Result<Option<Value>, String> {
        let Some(wanted) = function.decides_on() else { return Ok(None) };
        let mut last = Value::Null;
        for operand in operands {
            last = self.operand(operand, dot)?;
            if is_true(&last) == wanted {
                return Ok(Some(last));
            }
        }
        Ok(Some(fed.cloned().unwrap_or(last)))
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, String> {
        match operand {
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Dot => Ok(dot.clone()),
            Operand::Variable(name) => {
                let known = self.variables.iter().rev().find(|(own, _)| own == name);
                let missing = || format!("undefined variable \"${name}\"");
                known.map(|(_, value)| value.clone()).ok_or_else(missing)
            }
            Operand::Call(function) => match function.decides_on() {
                Some(_) => Err("wrong number of args: want at least 1 got 0".into()),
                None => functions::call(self, *function, &[]),
            },
            Operand::Pipeline(pipeline) => {
                stacker::maybe_grow(STACK / 4, STACK, || self.pipeline(pipeline, dot))
            }
            Operand::Fields(base, fields) => {
                let mut value = self.operand(base, dot)?;
                for (at, field) in fields.iter().enumerate() {
                    value = match &value {
                        Value::Object(object) => object.get(field).cloned().unwrap_or_default(),
                        Value::Null if at == 0 => Value::Null,
                        Value::Null => {
                            return Err(format!("nil pointer evaluating interface {{}}.{field}"));
                        }
                        other => {
                            let kind = other.kind();
                            return Err(format!("can't evaluate field {field} in type {kind}"));
                        }
                    };
                }
                Ok(value)
            }
        }
    }
}

/// What a value looks like in the text.
pub(super) fn printed(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".into(),
        other => gofmt::plain_value(other),
    }
}

pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !Object::is_empty(fields),
        other => other.as_f64() != Some(0.0),
    }
}
