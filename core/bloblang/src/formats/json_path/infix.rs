//! Operators between two expressions and what they bind.

use sluice_value::Value;

use super::{
    eval,
    expr::{Expr, Infix},
};
use crate::builtin::Pattern;

#[derive(Clone, Copy, Debug)]
pub(super) enum Operator {
    Infix(Infix),
    Matches,
    MatchesNot,
    If,
}

impl Operator {
    pub(super) fn named(sign: &str) -> Option<Self> {
        match sign {
            "=~" => Some(Self::Matches),
            "!~" => Some(Self::MatchesNot),
            "?" => Some(Self::If),
            _ => Infix::ALL
                .iter()
                .find(|(name, _)| *name == sign)
                .map(|(_, infix)| Self::Infix(*infix)),
        }
    }

    pub(super) fn begins_with(sign: &str) -> bool {
        ["=~", "!~"].iter().any(|name| name.starts_with(sign))
            || Infix::ALL.iter().any(|(name, _)| name.starts_with(sign))
    }

    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Infix(infix) => infix.precedence(),
            Self::Matches | Self::MatchesNot => 40,
            Self::If => 0,
        }
    }
}

/// Combines the operand with the operators before it that bind at least so strongly.
pub(super) fn unwind(
    waiting: &mut Vec<(Expr, Operator)>,
    operand: Expr,
    lowest: u8,
) -> Result<Expr, String> {
    let mut right = operand;
    while let Some((left, operator)) = waiting.pop_if(|(_, op)| op.precedence() >= lowest) {
        let (left, operand) = (Box::new(left), right);
        right = match operator {
            Operator::Infix(infix) => fold(Expr::Infix(infix, left, Box::new(operand)))?,
            Operator::If => operand,
            Operator::Matches | Operator::MatchesNot => {
                let Expr::Constant(pattern) = operand else {
                    return Err("a regular expression must be a constant".into());
                };
                let pattern = Pattern::new(&crate::gofmt::plain_value(&pattern))
                    .map_err(|error| error.to_string())?;
                let wanted = matches!(operator, Operator::Matches);
                fold(Expr::Matches { text: left, pattern, wanted })?
            }
        };
    }
    Ok(right)
}

/// Computes what is constant.
pub(super) fn fold(expr: Expr) -> Result<Expr, String> {
    let is_constant = |expr: &Expr| matches!(expr, Expr::Constant(_));
    let folds = match &expr {
        Expr::Prefix(_, operand) => is_constant(operand),
        Expr::Infix(_, left, right) => is_constant(left) && is_constant(right),
        Expr::Matches { text, .. } => is_constant(text),
        _ => false,
    };
    if folds { eval::eval(&expr, &Value::Null).map(Expr::Constant) } else { Ok(expr) }
}
