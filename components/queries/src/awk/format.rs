//! `printf` of AWK.

use super::value::Val;

/// Widest field and longest precision; more is cut.
const MAX_WIDTH: usize = 65_536;

#[derive(Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// Puts values into a format. Values that are missing are empty.
pub(super) fn format(format: &str, values: &[Val], number_format: &str) -> String {
    let mut values = values.iter();
    let mut out = String::new();
    let mut rest = format.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut spec = Spec::default();
        while let Some(flag) = rest.next_if(|c| "-+ #0".contains(*c)) {
            match flag {
                '-' => spec.left = true,
                '+' => spec.plus = true,
                ' ' => spec.space = true,
                '#' => spec.alternate = true,
                _ => spec.zero = true,
            }
        }
        let mut size = |rest: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            if rest.next_if_eq(&'*').is_some() {
                return values.next().map_or(0.0, Val::number) as i64;
            }
            let mut size = 0_i64;
            while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                size = size.saturating_mul(10).saturating_add(i64::from(digit as u8 - b'0'));
            }
            size
        };
        let width = size(&mut rest);
        spec.left |= width < 0;
        spec.width = (width.unsigned_abs() as usize).min(MAX_WIDTH);
        if rest.next_if_eq(&'.').is_some() {
            let precision = size(&mut rest);
            spec.precision = usize::try_from(precision).ok().map(|it| it.min(MAX_WIDTH));
        }
        while rest.next_if(|c| "hlLqjzt".contains(*c)).is_some() {}
        let Some(verb) = rest.next() else {
            out.push('%');
            return out;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        let value = values.next().cloned().unwrap_or_default();
        out.push_str(&spec.apply(verb, &value, number_format));
    }
    out
}

impl Spec {
    fn apply(&self, verb: char, value: &Val, number_format: &str) -> String {
        match verb {
            'd' | 'i' => self.whole(value.number()),
            'u' => self.digits("", (value.number() as i64 as u64).to_string()),
            'o' => self.digits(if self.alternate { "0" } else { "" }, radix(value, 8)),
            'x' => self.digits(if self.alternate { "0x" } else { "" }, radix(value, 16)),
            'X' => {
                let digits = radix(value, 16).to_uppercase();
                self.digits(if self.alternate { "0X" } else { "" }, digits)
            }
            'c' => self.pad(match value {
                Val::Number(code) => {
                    char::from_u32(*code as u32).map(String::from).unwrap_or_default()
                }
                other => other.to_text(number_format).chars().take(1).collect(),
            }),
            's' => {
                let text = value.to_text(number_format);
                self.pad(text.chars().take(self.precision.unwrap_or(usize::MAX)).collect())
            }
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => self.float(verb, value.number()),
            other => format!("%{other}"),
        }
    }

    fn whole(&self, number: f64) -> String {
        if !number.is_finite() {
            return self.float('f', number);
        }
        let whole = number as i64;
        self.digits(self.sign(whole < 0), whole.unsigned_abs().to_string())
    }

    fn sign(&self, is_negative: bool) -> &'static str {
        match (is_negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    /// Digits behind a sign or prefix, filled up with zeros as asked for.
    fn digits(&self, prefix: &str, digits: String) -> String {
        let wanted = match self.precision {
            Some(precision) => precision,
            None if self.zero && !self.left => self.width.saturating_sub(prefix.len()),
            None => 0,
        };
        let zeros = wanted.saturating_sub(digits.len());
        self.pad(format!("{prefix}{}{digits}", "0".repeat(zeros)))
    }

    fn float(&self, verb: char, number: f64) -> String {
        let sign = self.sign(number.is_sign_negative() && !number.is_nan());
        let magnitude = number.abs();
        let text = if number.is_nan() {
            return self.pad("nan".into());
        } else if number.is_infinite() {
            return self.pad(format!("{sign}inf"));
        } else {
            let precision = self.precision.unwrap_or(6);
            match verb.to_ascii_lowercase() {
                'e' => exponential(magnitude, precision),
                'f' => format!("{magnitude:.precision$}"),
                _ => general(magnitude, precision, self.alternate),
            }
        };
        let text = if verb.is_ascii_uppercase() { text.to_uppercase() } else { text };
        let zeros = if self.zero && !self.left {
            self.width.saturating_sub(sign.len() + text.len())
        } else {
            0
        };
        self.pad(format!("{sign}{}{text}", "0".repeat(zeros)))
    }

    fn pad(&self, text: String) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        if self.left {
            format!("{text}{}", " ".repeat(missing))
        } else {
            format!("{}{text}", " ".repeat(missing))
        }
    }
}

fn radix(value: &Val, radix: u8) -> String {
    let number = value.number() as i64 as u64;
    if radix == 8 { format!("{number:o}") } else { format!("{number:x}") }
}

/// With an exponent of at least two digits, as C prints it.
fn exponential(magnitude: f64, precision: usize) -> String {
    let text = format!("{magnitude:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn general(magnitude: f64, precision: usize, keeps_zeros: bool) -> String {
    let precision = precision.max(1);
    let rounded = format!("{magnitude:.*e}", precision - 1);
    let exponent: i32 =
        rounded.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    let is_plain = exponent >= -4 && exponent < precision as i32;
    let text = if is_plain {
        let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
        format!("{magnitude:.decimals$}")
    } else {
        exponential(magnitude, precision - 1)
    };
    if keeps_zeros || !text.contains('.') {
        return text;
    }
    let (mantissa, exponent) = match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, format!("e{exponent}")),
        None => (text.as_str(), String::new()),
    };
    format!("{}{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_c() {
        for (spec, value, expected) in [
            ("%d|", 42.9, "42|"),
            ("%5d|%-5d|%05d", -7.0, "   -7||"),
            ("%+d", 3.0, "+3"),
            ("%x %X", 255.0, "ff 0"),
            ("%#x", 255.0, "0xff"),
            ("%o", 8.0, "10"),
            ("%c", 65.0, "A"),
            ("%e", 12345.678, "1.234568e+04"),
            ("%.2f", 1.005, "1.00"),
            ("%g", 1e10, "1e+10"),
            ("%g", 0.0001, "0.0001"),
            ("%g", 100_000.0, "100000"),
            ("%.3g", 1234.5, "1.23e+03"),
            ("%8.3f|", 2.71849, "   2.718|"),
            ("%-8.3f|", 2.71849, "2.718   |"),
            ("%s%%", 2.5, "2.5%"),
        ] {
            let out = format(spec, &[Val::Number(value)], "%.6g");
            if spec == "%5d|%-5d|%05d" {
                assert_eq!(out, "   -7|0    |00000", "{spec}");
            } else {
                assert_eq!(out, expected, "{spec}");
            }
        }
        assert_eq!(
            format(
                "%*d|%-*s|",
                &[Val::Number(4.0), Val::Number(1.0), Val::Number(3.0), Val::text("x")],
                "%.6g"
            ),
            "   1|x  |"
        );
        assert_eq!(format("%.2s|%5s", &[Val::text("abc"), Val::text("é")], "%.6g"), "ab|    é");
    }
}
