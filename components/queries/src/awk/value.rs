//! Values of AWK: texts and numbers, and texts of the input that look like numbers.

use std::cmp::Ordering;

use sluice_value::EcoString;

use super::lex::number_length;

#[derive(Clone, Debug, Default)]
pub(super) enum Val {
    #[default]
    Unset,
    Number(f64),
    Text(EcoString),
    /// Text from the input: compared as a number when it looks like one.
    Input(EcoString),
}

impl Val {
    pub(super) fn text(text: impl Into<EcoString>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn truth(truth: bool) -> Self {
        Self::Number(f64::from(u8::from(truth)))
    }

    pub(super) fn number(&self) -> f64 {
        match self {
            Self::Unset => 0.0,
            Self::Number(number) => *number,
            Self::Text(text) | Self::Input(text) => leading_number(text),
        }
    }

    /// `format` is for numbers that are not whole.
    pub(super) fn to_text(&self, format: &str) -> EcoString {
        match self {
            Self::Unset => EcoString::new(),
            Self::Number(number) => number_text(*number, format),
            Self::Text(text) | Self::Input(text) => text.clone(),
        }
    }

    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Unset => false,
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Input(text) => match whole_number(text) {
                Some(number) => number != 0.0,
                None => !text.is_empty(),
            },
        }
    }

    /// The number when the value is to be compared as one.
    fn as_number(&self) -> Option<f64> {
        match self {
            Self::Unset => Some(0.0),
            Self::Number(number) => Some(*number),
            Self::Text(_) => None,
            Self::Input(text) => whole_number(text),
        }
    }

    /// `None` when one is not a number, but compared as one.
    pub(super) fn compare(&self, other: &Self, format: &str) -> Option<Ordering> {
        match (self.as_number(), other.as_number()) {
            (Some(left), Some(right)) => left.partial_cmp(&right),
            _ => Some(self.to_text(format).cmp(&other.to_text(format))),
        }
    }
}

fn number_text(number: f64, format: &str) -> EcoString {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.into();
    }
    if number.fract() == 0.0 && number.abs() < 1e18 {
        return EcoString::from((number as i64).to_string());
    }
    super::format::format(format, &[Val::Number(number)], "%.6g").into()
}

fn split_sign(text: &str) -> (f64, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    }
}

/// The number that a text begins with; 0 when there is none.
fn leading_number(text: &str) -> f64 {
    let (sign, rest) = split_sign(text.trim_start());
    sign * rest[..number_length(rest)].parse().unwrap_or(0.0)
}

/// The number that a text is.
fn whole_number(text: &str) -> Option<f64> {
    let (sign, rest) = split_sign(text.trim());
    let length = number_length(rest);
    if length == 0 || length != rest.len() {
        return None;
    }
    rest.parse::<f64>().ok().map(|number| sign * number)
}
