//! The functions of AWK itself.

use regex::Regex;
use sluice_value::EcoString;

use super::run::{Array, Run};
use super::tree::{Expr, Place, special};
use super::value::Val;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    Atan2,
    Cos,
    Exp,
    Fflush,
    Gsub,
    Index,
    Int,
    Length,
    Log,
    Match,
    Rand,
    Sin,
    Split,
    Sprintf,
    Sqrt,
    Srand,
    Sub,
    Substr,
    Tolower,
    Toupper,
}

const ALL: &[(&str, Builtin, usize, usize)] = &[
    ("atan2", Builtin::Atan2, 2, 2),
    ("cos", Builtin::Cos, 1, 1),
    ("exp", Builtin::Exp, 1, 1),
    ("fflush", Builtin::Fflush, 0, 1),
    ("gsub", Builtin::Gsub, 2, 3),
    ("index", Builtin::Index, 2, 2),
    ("int", Builtin::Int, 1, 1),
    ("length", Builtin::Length, 0, 1),
    ("log", Builtin::Log, 1, 1),
    ("match", Builtin::Match, 2, 2),
    ("rand", Builtin::Rand, 0, 0),
    ("sin", Builtin::Sin, 1, 1),
    ("split", Builtin::Split, 2, 3),
    ("sprintf", Builtin::Sprintf, 1, usize::MAX),
    ("sqrt", Builtin::Sqrt, 1, 1),
    ("srand", Builtin::Srand, 0, 1),
    ("sub", Builtin::Sub, 2, 3),
    ("substr", Builtin::Substr, 2, 3),
    ("tolower", Builtin::Tolower, 1, 1),
    ("toupper", Builtin::Toupper, 1, 1),
];

impl Builtin {
    pub(super) fn parse(name: &str) -> Option<Self> {
        ALL.iter().find(|(own, ..)| *own == name).map(|(_, builtin, ..)| *builtin)
    }

    /// The fewest and the most arguments.
    pub(super) fn arity(self) -> (usize, usize) {
        let found = ALL.iter().find(|(_, builtin, ..)| *builtin == self);
        found.map_or((0, 0), |(_, _, fewest, most)| (*fewest, *most))
    }

    pub(super) fn call(self, run: &mut Run<'_, '_>, arguments: &[Expr]) -> Result<Val, String> {
        match self {
            Self::Length => return length(run, arguments),
            Self::Split => return split(run, arguments),
            Self::Sub | Self::Gsub => return substitute(run, arguments, self == Self::Gsub),
            Self::Match => return find(run, arguments),
            _ => {}
        }
        let values = run.eval_all(arguments)?;
        let number = |at: usize| values.get(at).map_or(0.0, Val::number);
        let text = |run: &Run<'_, '_>, at: usize| {
            values.get(at).map(|value| run.text(value)).unwrap_or_default()
        };
        Ok(match self {
            Self::Atan2 => Val::Number(number(0).atan2(number(1))),
            Self::Cos => Val::Number(number(0).cos()),
            Self::Exp => Val::Number(number(0).exp()),
            Self::Int => Val::Number(number(0).trunc()),
            Self::Log => Val::Number(number(0).ln()),
            Self::Sin => Val::Number(number(0).sin()),
            Self::Sqrt => Val::Number(number(0).sqrt()),
            Self::Rand => {
                run.random ^= run.random << 13;
                run.random ^= run.random >> 7;
                run.random ^= run.random << 17;
                Val::Number((run.random >> 11) as f64 / (1_u64 << 53) as f64)
            }
            Self::Srand => {
                let before = run.seed;
                run.seed = if values.is_empty() { clock() } else { number(0) };
                run.random = run.seed.to_bits().wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
                Val::Number(before)
            }
            Self::Index => {
                let (whole, part) = (text(run, 0), text(run, 1));
                let at = whole.find(part.as_str());
                Val::Number(at.map_or(0.0, |at| (whole[..at].chars().count() + 1) as f64))
            }
            Self::Substr => {
                let length = if values.len() > 2 { number(2) } else { f64::INFINITY };
                let whole = text(run, 0);
                run.spend(whole.len())?;
                Val::text(substr(&whole, number(1), length))
            }
            Self::Tolower | Self::Toupper => {
                let whole = text(run, 0);
                run.spend(whole.len())?;
                let is_lower = self == Self::Tolower;
                Val::text(if is_lower { whole.to_lowercase() } else { whole.to_uppercase() })
            }
            Self::Sprintf => Val::text(run.formatted(&values)?),
            _ => Val::Number(0.0),
        })
    }
}

fn clock() -> f64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0.0, |now| now.as_secs() as f64)
}

/// The characters from `start`, counted from 1, of `length`, both rounded.
fn substr(whole: &str, start: f64, length: f64) -> EcoString {
    let start = start.round_ties_even();
    let end = start + if length.is_nan() { 0.0 } else { length.round_ties_even() };
    let first = start.max(1.0);
    if start.is_nan() || end <= first {
        return EcoString::new();
    }
    let count = (end - first).min(whole.len() as f64) as usize;
    whole.chars().skip(first as usize - 1).take(count).collect()
}

fn length(run: &mut Run<'_, '_>, arguments: &[Expr]) -> Result<Val, String> {
    let length = match arguments.first() {
        None => run.whole_record().chars().count(),
        Some(Expr::Place(Place::Variable(variable))) if run.holds_array(*variable) => {
            let array = run.array(*variable)?;
            run.arrays[array].len()
        }
        Some(argument) => {
            let value = run.eval(argument)?;
            run.text(&value).chars().count()
        }
    };
    Ok(Val::Number(length as f64))
}

fn split(run: &mut Run<'_, '_>, arguments: &[Expr]) -> Result<Val, String> {
    let [text, Expr::Place(Place::Variable(array)), separator @ ..] = arguments else {
        return Err("split needs an array as its second argument".into());
    };
    let text = run.eval(text)?;
    let text = run.text(&text);
    let parts = match separator.first() {
        None => {
            let separator = run.text_of(special::FS);
            run.split(&text, &separator)?
        }
        Some(Expr::Regex(_)) if text.is_empty() => Vec::new(),
        Some(Expr::Regex(regex)) => regex.split(&text).map(EcoString::from).collect(),
        Some(separator) => {
            let separator = run.eval(separator)?;
            let separator = run.text(&separator);
            run.split(&text, &separator)?
        }
    };
    run.spend(text.len() + parts.len() * size_of::<Val>() * 2)?;
    let count = parts.len();
    let array = run.array(*array)?;
    let parts = parts.into_iter().enumerate();
    run.arrays[array] = parts
        .map(|(at, part)| (EcoString::from((at + 1).to_string()), Val::Input(part)))
        .collect::<Array>();
    Ok(Val::Number(count as f64))
}

fn find(run: &mut Run<'_, '_>, arguments: &[Expr]) -> Result<Val, String> {
    let [text, regex] = arguments else { return Err("match needs two arguments".into()) };
    let text = run.eval(text)?;
    let text = run.text(&text);
    let regex = run.regex_of(regex)?;
    let (start, length) = match regex.find(&text) {
        Some(found) => (
            (text[..found.start()].chars().count() + 1) as f64,
            found.as_str().chars().count() as f64,
        ),
        None => (0.0, -1.0),
    };
    run.set_global(special::RSTART, Val::Number(start));
    run.set_global(special::RLENGTH, Val::Number(length));
    Ok(Val::Number(start))
}

fn substitute(run: &mut Run<'_, '_>, arguments: &[Expr], everywhere: bool) -> Result<Val, String> {
    let [regex, replacement, target @ ..] = arguments else {
        return Err("sub needs two arguments".into());
    };
    let regex = run.regex_of(regex)?;
    let replacement = run.eval(replacement)?;
    let replacement = run.text(&replacement);
    let record = Place::Field(Box::new(Expr::Number(0.0)));
    let place = match target.first() {
        None => Some(record),
        Some(Expr::Place(place)) => Some(place.clone()),
        Some(_) => None,
    };
    let text = match (&place, target.first()) {
        (Some(place), _) => run.get(place)?,
        (None, Some(target)) => run.eval(target)?,
        (None, None) => Val::Unset,
    };
    let text = run.text(&text);
    let (replaced, count) = replace(run, &regex, &text, &replacement, everywhere)?;
    if let (true, Some(place)) = (count > 0, place) {
        run.set(&place, Val::text(replaced))?;
    }
    Ok(Val::Number(count as f64))
}

/// Replaces the first match, or all of them: `&` stands for what matched.
fn replace(
    run: &mut Run<'_, '_>,
    regex: &Regex,
    text: &str,
    replacement: &str,
    everywhere: bool,
) -> Result<(String, usize), String> {
    let (mut out, mut from, mut count) = (String::new(), 0, 0);
    let most = if everywhere { usize::MAX } else { 1 };
    for found in regex.find_iter(text).take(most) {
        out.push_str(&text[from..found.start()]);
        let before = out.len();
        let mut characters = replacement.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '&' => out.push_str(found.as_str()),
                '\\' if matches!(characters.peek(), Some('&' | '\\')) => {
                    out.extend(characters.next());
                }
                c => out.push(c),
            }
        }
        run.spend(out.len() - before + found.start() - from)?;
        from = found.end();
        count += 1;
    }
    out.push_str(&text[from..]);
    run.spend(text.len() - from)?;
    Ok((out, count))
}
