//! Running a program over one text.

mod places;

use std::collections::BTreeMap;

use regex::Regex;
use sluice_value::EcoString;

use super::functions::Surroundings;
use super::record::Record;
use super::tree::{Arithmetic, Comparison, Expr, Pattern, Place, Program, Statement, special};
use super::value::Val;

/// Steps that one run may take: some seconds of work.
const STEPS: u64 = 5_000_000;
/// Bytes that one run may make texts and elements of.
const BYTES: usize = 256 << 20;
/// Deepest nesting of calls.
const MAX_CALLS: usize = 1000;
/// Stack that must be left for what happens between two calls.
const RESERVE: usize = 8 << 20;
/// Regular expressions that are kept compiled.
const MAX_REGEXES: usize = 100;
/// Largest number of a field.
const MAX_FIELD: usize = 1_000_000;

pub(super) type Array = BTreeMap<EcoString, Val>;

/// What a variable holds.
#[derive(Clone, Debug)]
pub(super) enum Slot {
    Value(Val),
    /// Place among the arrays.
    Array(usize),
}

impl Default for Slot {
    fn default() -> Self {
        Self::Value(Val::Unset)
    }
}

/// Why statements are left before their end.
pub(super) enum Leave {
    Break,
    Continue,
    Next,
    Exit,
    Return(Val),
    Failed(String),
}

impl From<String> for Leave {
    fn from(error: String) -> Self {
        if error == EXIT_IN_FUNCTION { Self::Exit } else { Self::Failed(error) }
    }
}

pub(super) struct Run<'p, 'm> {
    program: &'p Program,
    pub(super) surroundings: &'m mut Surroundings<'p>,
    globals: Vec<Slot>,
    locals: Vec<Slot>,
    /// Where the locals of the running function begin.
    frame: usize,
    calls: usize,
    pub(super) arrays: Vec<Array>,
    /// Which range patterns are open.
    ranges: Vec<bool>,
    pub(super) record: Record,
    input: EcoString,
    /// How much of the input was read.
    read: usize,
    regexes: BTreeMap<EcoString, Regex>,
    pub(super) random: u64,
    pub(super) seed: f64,
    steps: u64,
    bytes: usize,
    pub(super) output: String,
    pub(super) complaints: String,
    status: i32,
}

/// What a run printed.
pub(super) struct Printed {
    pub(super) output: String,
    pub(super) complaints: String,
    pub(super) status: i32,
}

/// Runs a program. `variables` are set before, where the program uses them.
///
/// # Errors
/// What the program fails with.
pub(super) fn run<'p>(
    program: &'p Program,
    input: &str,
    variables: &[(String, Val)],
    surroundings: &mut Surroundings<'p>,
) -> Result<Printed, String> {
    let mut run = Run {
        program,
        surroundings,
        globals: vec![Slot::default(); program.globals.len()],
        locals: Vec::new(),
        frame: 0,
        calls: 0,
        arrays: Vec::new(),
        ranges: vec![false; program.rules.len()],
        record: Record::default(),
        input: input.into(),
        read: 0,
        regexes: BTreeMap::new(),
        random: 0x9E37_79B9_7F4A_7C15,
        seed: 1.0,
        steps: 0,
        bytes: 0,
        output: String::new(),
        complaints: String::new(),
        status: 0,
    };
    for (place, text) in [
        (special::FS, " "),
        (special::OFS, " "),
        (special::ORS, "\n"),
        (special::RS, "\n"),
        (special::SUBSEP, "\x1c"),
        (special::CONVFMT, "%.6g"),
        (special::OFMT, "%.6g"),
    ] {
        run.globals[place] = Slot::Value(Val::text(text));
    }
    for (name, value) in variables {
        let place = program.globals.iter().position(|global| global == name.as_str());
        if let Some(place) = place.filter(|place| *place != special::NF) {
            run.globals[place] = Slot::Value(value.clone());
        }
    }
    match run.everything() {
        Ok(()) | Err(Leave::Exit) => {}
        Err(Leave::Failed(error)) => return Err(error),
        Err(_) => return Err("the program left more than it entered".into()),
    }
    Ok(Printed { output: run.output, complaints: run.complaints, status: run.status })
}

impl Run<'_, '_> {
    fn everything(&mut self) -> Result<(), Leave> {
        let program = self.program;
        let mut rules = || {
            for action in &program.begin {
                self.block(action)?;
            }
            if program.rules.is_empty() && program.end.is_empty() {
                return Ok(());
            }
            while self.next_record()? {
                match self.rules() {
                    Ok(()) | Err(Leave::Next) => {}
                    Err(leave) => return Err(leave),
                }
            }
            Ok(())
        };
        match rules() {
            Ok(()) | Err(Leave::Exit) => {}
            Err(leave) => return Err(leave),
        }
        program.end.iter().try_for_each(|action| self.block(action))
    }

    fn rules(&mut self) -> Result<(), Leave> {
        let program = self.program;
        for (at, rule) in program.rules.iter().enumerate() {
            let applies = match &rule.pattern {
                Pattern::Always => true,
                Pattern::When(check) => self.eval(check)?.is_true(),
                Pattern::Range(first, last) => {
                    let is_open = self.ranges[at] || self.eval(first)?.is_true();
                    self.ranges[at] = is_open && !self.eval(last)?.is_true();
                    is_open
                }
            };
            if !applies {
                continue;
            }
            match &rule.action {
                Some(action) => self.block(action)?,
                None => self.print(&[], None)?,
            }
        }
        Ok(())
    }

    /// Reads the next record; false at the end.
    fn next_record(&mut self) -> Result<bool, Leave> {
        let separator = self.text_of(special::RS);
        let regex = match separator.chars().nth(1) {
            Some(_) => Some(self.regex(&separator)?),
            None => None,
        };
        let mut rest = &self.input[self.read..];
        if separator.is_empty() {
            rest = rest.trim_start_matches('\n');
        }
        if rest.is_empty() {
            self.read = self.input.len();
            return Ok(false);
        }
        let start = self.input.len() - rest.len();
        let found = match (&regex, separator.as_str()) {
            (Some(regex), _) => regex.find(rest).map(|found| (found.start(), found.end())),
            (None, "") => rest.find("\n\n").map(|at| (at, at + 2)),
            (None, separator) => rest.find(separator).map(|at| (at, at + separator.len())),
        };
        let (end, next) = found.unwrap_or((rest.len(), rest.len()));
        let mut record = &rest[..end];
        if separator.is_empty() {
            record = record.trim_end_matches('\n');
        }
        let record = EcoString::from(record);
        self.read = start + next;
        self.spend(record.len())?;
        self.record.set(record);
        for counter in [special::NR, special::FNR] {
            let count = self.value_of(counter).number() + 1.0;
            self.globals[counter] = Slot::Value(Val::Number(count));
        }
        Ok(true)
    }

    /// Takes a step.
    fn step(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.steps > STEPS {
            return Err("the AWK program did not end within 5 million steps".into());
        }
        Ok(())
    }

    /// Pays for making `bytes`; copying takes steps, too.
    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes + 8);
        self.steps += bytes as u64 / 64;
        if self.bytes > BYTES {
            return Err("the AWK program needs more than 256 MiB of memory".into());
        }
        self.step()
    }

    fn block(&mut self, statements: &[Statement]) -> Result<(), Leave> {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), Leave> {
        self.step()?;
        match statement {
            Statement::Expr(expr) => Ok(self.eval(expr).map(drop)?),
            Statement::Print { values, to } => self.print(values, to.as_ref()),
            Statement::Printf { values, to } => {
                let values = self.eval_all(values)?;
                let text = self.formatted(&values)?;
                self.write(&text, to.as_ref())
            }
            Statement::If(check, then, otherwise) => {
                let is_true = self.eval(check)?.is_true();
                self.block(if is_true { then } else { otherwise })
            }
            Statement::While(check, body) => {
                while self.eval(check)?.is_true() && self.once(body)? {}
                Ok(())
            }
            Statement::DoWhile(body, check) => {
                while self.once(body)? && self.eval(check)?.is_true() {}
                Ok(())
            }
            Statement::For(first, check, last, body) => {
                if let Some(first) = first {
                    self.statement(first)?;
                }
                loop {
                    let goes_on = match check {
                        Some(check) => self.eval(check)?.is_true(),
                        None => true,
                    };
                    if !goes_on || !self.once(body)? {
                        return Ok(());
                    }
                    if let Some(last) = last {
                        self.statement(last)?;
                    }
                }
            }
            Statement::ForIn(variable, array, body) => {
                let array = self.array(*array)?;
                let keys: Vec<EcoString> = self.arrays[array].keys().cloned().collect();
                for key in keys {
                    self.set_variable(*variable, Val::Input(key))?;
                    if !self.once(body)? {
                        break;
                    }
                }
                Ok(())
            }
            Statement::Block(body) => self.block(body),
            Statement::Break => Err(Leave::Break),
            Statement::Continue => Err(Leave::Continue),
            Statement::Next => Err(Leave::Next),
            Statement::Exit(status) => {
                if let Some(status) = status {
                    self.status = self.eval(status)?.number() as i32;
                }
                Err(Leave::Exit)
            }
            Statement::Return(value) => Err(Leave::Return(match value {
                Some(value) => self.eval(value)?,
                None => Val::Unset,
            })),
            Statement::Delete(array, index) => {
                let key = self.key(index)?;
                let array = self.array(*array)?;
                self.arrays[array].remove(&key);
                Ok(())
            }
            Statement::DeleteAll(array) => {
                let array = self.array(*array)?;
                self.arrays[array].clear();
                Ok(())
            }
        }
    }

    /// Runs the body of a loop once; false when it ends the loop.
    fn once(&mut self, body: &[Statement]) -> Result<bool, Leave> {
        self.step()?;
        match self.block(body) {
            Ok(()) | Err(Leave::Continue) => Ok(true),
            Err(Leave::Break) => Ok(false),
            Err(leave) => Err(leave),
        }
    }

    fn print(&mut self, values: &[Expr], to: Option<&Expr>) -> Result<(), Leave> {
        let mut text = String::new();
        if values.is_empty() {
            text.push_str(&self.whole_record());
        } else {
            let values = self.eval_all(values)?;
            let (separator, format) = (self.text_of(special::OFS), self.text_of(special::OFMT));
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    text.push_str(&separator);
                }
                text.push_str(&value.to_text(&format));
            }
        }
        text.push_str(&self.text_of(special::ORS));
        self.write(&text, to)
    }

    fn write(&mut self, text: &str, to: Option<&Expr>) -> Result<(), Leave> {
        self.spend(text.len())?;
        let to = match to {
            Some(to) => {
                let to = self.eval(to)?;
                self.text(&to)
            }
            None => "/dev/stdout".into(),
        };
        match to.as_str() {
            "/dev/stdout" | "-" => self.output.push_str(text),
            "/dev/stderr" => self.complaints.push_str(text),
            _ => return Err(Leave::Failed("files cannot be written from here".into())),
        }
        Ok(())
    }

    pub(super) fn eval_all(&mut self, exprs: &[Expr]) -> Result<Vec<Val>, String> {
        exprs.iter().map(|expr| self.eval(expr)).collect()
    }

    pub(super) fn eval(&mut self, expr: &Expr) -> Result<Val, String> {
        self.step()?;
        Ok(match expr {
            Expr::Number(number) => Val::Number(*number),
            Expr::Text(text) => Val::Text(text.clone()),
            Expr::Regex(regex) => Val::truth(regex.is_match(&self.whole_record())),
            Expr::Place(place) => self.get(place)?,
            Expr::Assign(place, value) => {
                let value = self.eval(value)?;
                self.set(place, value.clone())?;
                value
            }
            Expr::Update(place, operation, value) => {
                let value = self.eval(value)?.number();
                let old = self.get(place)?.number();
                let new = Val::Number(calculate(*operation, old, value)?);
                self.set(place, new.clone())?;
                new
            }
            Expr::Step { place, by, is_before } => {
                let old = self.get(place)?.number();
                self.set(place, Val::Number(old + by))?;
                Val::Number(if *is_before { old + by } else { old })
            }
            Expr::Choice(check, yes, no) => {
                let chosen = if self.eval(check)?.is_true() { yes } else { no };
                self.eval(chosen)?
            }
            Expr::And(left, right) => {
                Val::truth(self.eval(left)?.is_true() && self.eval(right)?.is_true())
            }
            Expr::Or(left, right) => {
                Val::truth(self.eval(left)?.is_true() || self.eval(right)?.is_true())
            }
            Expr::Not(inner) => Val::truth(!self.eval(inner)?.is_true()),
            Expr::Negate(inner) => Val::Number(-self.eval(inner)?.number()),
            Expr::Plus(inner) => Val::Number(self.eval(inner)?.number()),
            Expr::Arithmetic(operation, left, right) => {
                let left = self.eval(left)?.number();
                Val::Number(calculate(*operation, left, self.eval(right)?.number())?)
            }
            Expr::Compare(comparison, left, right) => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                Val::truth(self.holds(*comparison, &left, &right))
            }
            Expr::Concat(left, right) => {
                let (left, right) = (self.eval(left)?, self.eval(right)?);
                let mut text = self.text(&left);
                drop(left);
                let right = self.text(&right);
                self.spend(text.len() + right.len())?;
                text.push_str(&right);
                Val::Text(text)
            }
            Expr::Match { text, regex, negated } => {
                let text = self.eval(text)?;
                let text = self.text(&text);
                let regex = self.regex_of(regex)?;
                Val::truth(regex.is_match(&text) != *negated)
            }
            Expr::In(index, array) => {
                let key = self.key(index)?;
                let array = self.array(*array)?;
                Val::truth(self.arrays[array].contains_key(&key))
            }
            Expr::Builtin(builtin, arguments) => builtin.call(self, arguments)?,
            Expr::Native(native, arguments) => {
                let arguments = self.eval_all(arguments)?;
                self.spend(64)?;
                native.call(self, &arguments)?
            }
            Expr::Call(function, arguments) => self.call(*function, arguments)?,
            Expr::Getline(place) => self.getline(place.as_ref())?,
            Expr::Group(inner) => self.eval(inner)?,
            Expr::List(items) => Val::Text(self.key(items)?),
        })
    }

    fn holds(&self, comparison: Comparison, left: &Val, right: &Val) -> bool {
        let order = left.compare(right, &self.text_of(special::CONVFMT));
        match comparison {
            Comparison::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Comparison::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
            Comparison::Equal => order.is_some_and(std::cmp::Ordering::is_eq),
            Comparison::NotEqual => !order.is_some_and(std::cmp::Ordering::is_eq),
            Comparison::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
            Comparison::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }

    /// The rest of the input, a record at a time.
    fn getline(&mut self, place: Option<&Place>) -> Result<Val, String> {
        let before = self.record.clone();
        let read = self.next_record().map_err(|leave| match leave {
            Leave::Failed(error) => error,
            _ => String::new(),
        })?;
        if let (true, Some(place)) = (read, place) {
            let text = self.whole_record();
            self.record = before;
            self.set(place, Val::Input(text))?;
        }
        Ok(Val::truth(read))
    }

    fn call(&mut self, function: usize, arguments: &[Expr]) -> Result<Val, String> {
        let program = self.program;
        let function = &program.functions[function];
        let left = stacker::remaining_stack();
        if self.calls >= MAX_CALLS || left.is_some_and(|left| left < RESERVE) {
            let name = &function.name;
            return Err(format!("calling {name:?} exceeded maximum call depth of {MAX_CALLS}"));
        }
        let mut slots = Vec::with_capacity(function.parameters);
        for argument in arguments {
            slots.push(match argument {
                Expr::Place(Place::Variable(variable)) => self.slot(*variable).clone(),
                other => Slot::Value(self.eval(other)?),
            });
        }
        slots.resize_with(function.parameters, Slot::default);
        let (frame, base) = (self.frame, self.locals.len());
        self.locals.extend(slots);
        self.frame = base;
        self.calls += 1;
        let left = self.block(&function.body);
        self.calls -= 1;
        self.frame = frame;
        let after: Vec<Slot> = self.locals.drain(base..).collect();
        // A variable that nothing was in, and that the function made an array of, is one now.
        for (argument, slot) in arguments.iter().zip(after) {
            if let (Expr::Place(Place::Variable(variable)), Slot::Array(_)) = (argument, &slot) {
                *self.slot_mut(*variable) = slot;
            }
        }
        match left {
            Ok(()) => Ok(Val::Unset),
            Err(Leave::Return(value)) => Ok(value),
            Err(Leave::Failed(error)) => Err(error),
            Err(Leave::Exit) => Err(EXIT_IN_FUNCTION.into()),
            Err(_) => Err("a function left more than it entered".into()),
        }
    }
}

/// How `exit` leaves functions, whose callers expect a value or an error.
const EXIT_IN_FUNCTION: &str = "\0exit";

pub(super) fn calculate(operation: Arithmetic, left: f64, right: f64) -> Result<f64, String> {
    Ok(match operation {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide if right == 0.0 => return Err("division by zero".into()),
        Arithmetic::Divide => left / right,
        Arithmetic::Modulo if right == 0.0 => return Err("division by zero in mod".into()),
        Arithmetic::Modulo => left % right,
        Arithmetic::Power => left.powf(right),
    })
}
