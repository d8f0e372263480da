//! Follows a path through a document.

use std::cell::Cell;

use sluice_value::{EcoVec, Object, Value};

use super::{
    expr::{Branch, Expr, Infix, Path, Step},
    operate,
};
use crate::{builtin::MAX_ELEMENTS, gofmt, number};

type Found = Result<Value, String>;

pub(super) fn eval(expr: &Expr, document: &Value) -> Found {
    let budget = Cell::new(MAX_ELEMENTS);
    let at = At { root: document, current: &Value::Null, budget: &budget };
    let value = at.eval(expr);
    if budget.get() == 0 {
        return Err(format!("the path visits more than {MAX_ELEMENTS} values"));
    }
    value
}

#[derive(Clone, Copy)]
struct At<'a> {
    root: &'a Value,
    /// What `@` stands for.
    current: &'a Value,
    /// How many values may still be visited.
    budget: &'a Cell<usize>,
}

impl<'a> At<'a> {
    fn at<'b>(self, current: &'b Value) -> At<'b>
    where
        'a: 'b,
    {
        At { root: self.root, current, budget: self.budget }
    }

    fn eval(self, expr: &Expr) -> Found {
        match expr {
            Expr::Constant(value) => Ok(value.clone()),
            Expr::Path(path) => self.path(path),
            Expr::Variable(keys) => self.variable(keys),
            Expr::Array(items) => {
                let items: Result<EcoVec<Value>, String> =
                    items.iter().map(|item| self.eval(item)).collect();
                items.map(Value::Array)
            }
            Expr::Object(fields) => {
                let mut object = Object::new();
                for (key, value) in fields {
                    let value = self.eval(value)?;
                    object.insert(self.text(key)?, value);
                }
                Ok(Value::Object(object))
            }
            Expr::Prefix(prefix, operand) => operate::prefix(*prefix, &self.eval(operand)?),
            Expr::Infix(infix, left, right) => {
                let left = self.eval(left)?;
                match (infix, &left) {
                    (Infix::And, Value::Bool(false)) | (Infix::Or, Value::Bool(true)) => Ok(left),
                    (Infix::Coalesce, left) if !operate::is_zero(left) => Ok(left.clone()),
                    _ => operate::infix(*infix, &left, &self.eval(right)?),
                }
            }
            Expr::Matches { text, pattern, wanted } => {
                let text = self.text(text)?;
                Ok(Value::Bool(pattern.is_match(text.as_bytes()) == *wanted))
            }
            Expr::If(condition, then, otherwise) => {
                let is_met = !operate::is_zero(&self.eval(condition)?);
                self.eval(if is_met { then } else { otherwise })
            }
            Expr::Call(name, target) => {
                let kind = gofmt::type_of(&self.eval(target)?, true);
                Err(format!("could not call '{name}' type {kind}"))
            }
        }
    }

    fn text(self, expr: &Expr) -> Result<String, String> {
        self.eval(expr).map(|value| gofmt::plain_value(&value))
    }

    fn integer(self, expr: &Expr) -> Result<i64, String> {
        let value = self.eval(expr)?;
        operate::number(&value).map(number::truncate).ok_or_else(|| {
            let kind = gofmt::type_of(&value, true);
            format!("expected number but got {} ({kind})", gofmt::plain_value(&value))
        })
    }

    fn variable(self, keys: &[Expr]) -> Found {
        let mut value = self.root.clone();
        let mut names: Vec<String> = Vec::with_capacity(keys.len());
        for key in keys {
            names.push(self.text(key)?);
            let name = names.last().map_or("", String::as_str);
            value = match &value {
                Value::Object(fields) => fields.get(name).cloned().unwrap_or_default(),
                Value::Array(items) => {
                    let item = name.parse().ok().and_then(|at: usize| items.get(at));
                    item.unwrap_or(&value).clone()
                }
                _ => return Err(format!("unknown parameter {}", names.join("."))),
            };
        }
        Ok(value)
    }

    fn path(self, path: &Path) -> Found {
        let start = self.steps(&path.start, self.root.clone());
        if path.branches.is_empty() {
            return start;
        }
        let mut found = EcoVec::new();
        if let Ok(start) = start {
            self.branches(&path.branches, start, &mut found);
        }
        Ok(Value::Array(found))
    }

    fn steps(self, steps: &[Step], mut value: Value) -> Found {
        for step in steps {
            value = match step {
                Step::Current => self.current.clone(),
                Step::Key(key) => self.at(&value).select(key)?,
                Step::Script(script) => self.at(&value).eval(script)?,
            };
        }
        Ok(value)
    }

    /// Selects from the current value.
    fn select(self, key: &Expr) -> Found {
        let invalid = |why| format!("could not select value, invalid key: {why}");
        match self.current {
            Value::Array(items) => {
                let index = self.integer(key).map_err(invalid)?;
                let item = usize::try_from(index).ok().and_then(|at| items.get(at));
                item.cloned().ok_or_else(|| format!("index {index} out of bounds"))
            }
            Value::Object(fields) => {
                let name = self.text(key).map_err(invalid)?;
                fields.get(&name).cloned().ok_or_else(|| format!("unknown key {name}"))
            }
            other => Err(format!(
                "unsupported value type {} for select, expected map[string]interface{{}} or \
                 []interface{{}}",
                gofmt::type_of(other, true)
            )),
        }
    }

    fn branches(self, branches: &[(Branch, Vec<Step>)], value: Value, found: &mut EcoVec<Value>) {
        let Some(((branch, steps), rest)) = branches.split_first() else {
            found.push(value);
            return;
        };
        self.branch(branch, &value, &mut |matched| {
            let left = self.budget.get().saturating_sub(1);
            self.budget.set(left);
            if left > 0
                && let Ok(matched) = self.steps(steps, matched.clone())
            {
                self.branches(rest, matched, found);
            }
            left > 0
        });
    }

    /// Visits what the branch leads to for as long as `visit` says so.
    fn branch(self, branch: &Branch, value: &Value, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
        match branch {
            Branch::All => members(value, visit),
            Branch::Descend => descend(value, visit),
            Branch::Keys(keys) => {
                let at = self.at(value);
                keys.iter().all(|key| at.select(key).map_or(true, |value| visit(&value)))
            }
            Branch::Filter(filter) => members(value, &mut |member| {
                let verdict = self.at(member).eval(filter);
                let is_match = verdict.is_ok_and(|value| operate::truth(&value) == Some(true));
                if is_match { visit(member) } else { self.budget.get() > 0 }
            }),
            Branch::Range(bounds) => {
                let Value::Array(items) = value else { return true };
                let at = self.at(value);
                let [start, end, step] = &**bounds;
                let (Ok(start), Ok(end), Ok(step)) =
                    (at.integer(start), at.integer(end), at.integer(step))
                else {
                    return true;
                };
                if start > end {
                    return true;
                }
                let (start, end) = (bound(start, items.len()), bound(end, items.len()));
                let range = items.get(start..end).unwrap_or_default();
                let stride = usize::try_from(step.unsigned_abs().max(1)).unwrap_or(usize::MAX);
                if step >= 0 {
                    range.iter().step_by(stride).all(visit)
                } else {
                    range.iter().rev().step_by(stride).all(visit)
                }
            }
        }
    }
}

fn members(value: &Value, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().all(visit),
        Value::Object(fields) => fields.values().all(visit),
        _ => true,
    }
}

fn descend(value: &Value, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
    visit(value) && members(value, &mut |member| descend(member, visit))
}

/// A bound of a range as a place; negative ones count from the end.
fn bound(at: i64, length: usize) -> usize {
    match usize::try_from(at) {
        Ok(at) => at.min(length),
        Err(_) => {
            let back = usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX);
            length.saturating_sub(back)
        }
    }
}
