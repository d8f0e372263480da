//! Numbers as text: what JSON wrote, and how computed floats print.

use ecow::EcoString;

/// The text of a JSON number that is not a plain `i64` (`1.50`, `1e3`, `-0`, 30 digits).
///
/// Holds always: the text follows the JSON grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(EcoString);

impl Number {
    /// `text` must be a JSON number; the parser guarantees that.
    pub(crate) fn from_json_text(text: &str) -> Self {
        Self(text.into())
    }

    /// A number as JSON writes it; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
            && crate::json::validate(text.as_bytes()).is_ok();
        (is_number && text.trim_end() == text).then(|| Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The integer this text spells; `None` for a fraction, an exponent or out of range.
    pub fn as_i64(&self) -> Option<i64> {
        // Most texts end in a fraction, which need not be read to its point.
        if self.0.len() > 20 || self.0.as_bytes().contains(&b'.') {
            return None;
        }
        self.0.parse().ok()
    }

    pub fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// The nearest float; infinite beyond the range of `f64`.
    pub fn as_f64(&self) -> f64 {
        self.0.parse().expect("JSON number grammar is a subset of Rust's float grammar")
    }
}

/// A float as JSON prints it: plain digits, with an exponent from 1e21 and below 1e-6.
/// Not-a-number and infinities have no JSON form and print as `null`.
pub fn format_float_json(f: f64) -> String {
    let mut out = Vec::new();
    write_float_json(f, &mut out);
    String::from_utf8(out).expect("numbers are ASCII")
}

/// Appends what [`format_float_json`] returns.
pub(crate) fn write_float_json(f: f64, out: &mut Vec<u8>) {
    if !f.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(f);
    // Where no exponent was needed there, none is here; only whole numbers look different.
    if text.contains('e') {
        out.extend_from_slice(with_rare_magnitude(f).as_bytes());
    } else {
        out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    }
}

fn with_rare_magnitude(f: f64) -> String {
    let (digits, exponent) = shortest(f);
    if f != 0.0 && !(-6..21).contains(&exponent) {
        return exponential(f, &digits, exponent, 1);
    }
    plain(f, &digits, exponent)
}

/// A float in general form, as string conversion and interpolation print it: with an exponent
/// (of at least two digits) from 1e6 and below 1e-4, otherwise plain.
pub fn format_float_general(f: f64) -> String {
    if f.is_nan() {
        return "NaN".into();
    }
    if f.is_infinite() {
        return if f > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    let (digits, exponent) = shortest(f);
    if f != 0.0 && !(-4..6).contains(&exponent) {
        return exponential(f, &digits, exponent, 2);
    }
    plain(f, &digits, exponent)
}

/// Shortest decimal digits that read back as `f`, and the decimal exponent of the first one.
fn shortest(f: f64) -> (String, i32) {
    let text = format!("{:e}", f.abs());
    let (mantissa, exponent) = text.split_once('e').expect("{:e} always prints an exponent");
    let digits = mantissa.replace('.', "");
    (digits, exponent.parse().expect("{:e} prints a decimal exponent"))
}

fn sign(f: f64) -> &'static str {
    if f.is_sign_negative() { "-" } else { "" }
}

fn exponential(f: f64, digits: &str, exponent: i32, width: usize) -> String {
    let (first, rest) = digits.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let e_sign = if exponent < 0 { '-' } else { '+' };
    format!("{}{first}{point}{rest}e{e_sign}{:0width$}", sign(f), exponent.abs())
}

fn plain(f: f64, digits: &str, exponent: i32) -> String {
    let sign = sign(f);
    if exponent < 0 {
        let zeros = "0".repeat((-exponent - 1) as usize);
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        format!("{sign}{digits}{}", "0".repeat(whole - digits.len()))
    } else {
        format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_form_uses_an_exponent_only_at_the_edges() {
        for (f, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (2.5, "2.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.000_02, "0.00002"),
            (0.000_001, "0.000001"),
            (1e15, "1000000000000000"),
            (1e16, "10000000000000000"),
            (1.5e17, "150000000000000000"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::NAN, "null"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (-1.25e-9, "-1.25e-9"),
            (123_456_789.125, "123456789.125"),
        ] {
            assert_eq!(format_float_json(f), text);
        }
    }

    #[test]
    fn general_form_switches_at_a_million() {
        for (f, text) in [
            (0.0, "0"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(format_float_general(f), text);
        }
    }
}
