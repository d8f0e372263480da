//! How a text can be written.

use super::resolve::{Kind, resolve};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// What the characters of a text allow.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent findings about one text")]
pub(super) struct Findings {
    pub(super) is_multiline: bool,
    plain_allowed: bool,
    single_quoted_allowed: bool,
    literal_allowed: bool,
}

impl Findings {
    pub(super) fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let (Some(&first), Some(&last)) = (chars.first(), chars.last()) else {
            return Self {
                is_multiline: false,
                plain_allowed: true,
                single_quoted_allowed: true,
                literal_allowed: false,
            };
        };
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let mut breaks = false;
        let mut special = false;
        let mut tabs = false;
        let mut break_space = false;
        let mut space_break = false;
        let mut before = None;
        for (at, &c) in chars.iter().enumerate() {
            let blank_after = chars.get(at + 1).is_none_or(|next| matches!(next, ' ' | '\t'));
            indicators |= match c {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
                | '@' | '`' => at == 0,
                '?' | '-' => at == 0 && blank_after,
                ':' => blank_after,
                '#' => before
                    .is_none_or(|before| matches!(before, ' ' | '\t' | '\0') || is_break(before)),
                _ => false,
            };
            match c {
                '\t' => tabs = true,
                c if !is_printable(c) => special = true,
                _ => {}
            }
            break_space |= c == ' ' && before.is_some_and(is_break);
            space_break |= is_break(c) && before == Some(' ');
            breaks |= is_break(c);
            before = Some(c);
        }
        let outer_blank = [first, last].iter().any(|&c| c == ' ' || is_break(c));
        Self {
            is_multiline: breaks,
            plain_allowed: !(indicators
                || breaks
                || special
                || tabs
                || break_space
                || space_break
                || outer_blank),
            single_quoted_allowed: !(special || tabs || break_space || space_break),
            literal_allowed: !(last == ' ' || special || space_break),
        }
    }

    /// Whether a key can stand on a line with its value.
    pub(super) fn is_simple_key(&self, length: usize) -> bool {
        !self.is_multiline && length <= 128
    }

    /// The style closest to the one that is wanted.
    pub(super) fn style(&self, wanted: Style, text: &str, is_simple_key: bool) -> Style {
        let mut style = wanted;
        if is_simple_key && self.is_multiline {
            style = Style::DoubleQuoted;
        }
        if style == Style::Plain && (!self.plain_allowed || (text.is_empty() && is_simple_key)) {
            style = Style::SingleQuoted;
        }
        if style == Style::SingleQuoted && !self.single_quoted_allowed {
            style = Style::DoubleQuoted;
        }
        if style == Style::Literal && (!self.literal_allowed || is_simple_key) {
            style = Style::DoubleQuoted;
        }
        style
    }
}

/// The style that a string wants: without quotes only where it reads back as a string.
pub(super) fn wanted(text: &str) -> Style {
    if text.contains('\n') {
        return Style::Literal;
    }
    let reads_back = resolve(text, false).0 == Kind::String;
    if reads_back && !is_base_60(text) && !is_old_bool(text) {
        Style::Plain
    } else {
        Style::DoubleQuoted
    }
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

pub(super) fn is_printable(c: char) -> bool {
    matches!(c,
        '\n' | ' '..='~' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FEFE}' | '\u{FF00}'..='\u{FFFD}')
}

/// What YAML 1.1 took for truth values.
fn is_old_bool(text: &str) -> bool {
    matches!(
        text,
        "y" | "Y"
            | "yes"
            | "Yes"
            | "YES"
            | "on"
            | "On"
            | "ON"
            | "n"
            | "N"
            | "no"
            | "No"
            | "NO"
            | "off"
            | "Off"
            | "OFF"
    )
}

/// What YAML 1.1 took for numbers of hours, minutes and seconds: `1:30:00.5`.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = match unsigned.rfind(':') {
        Some(colon) => match unsigned[colon..].find('.') {
            Some(point) => unsigned.split_at(colon + point),
            None => (unsigned, ""),
        },
        None => return false,
    };
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or_default();
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    first.starts_with(|c: char| c.is_ascii_digit())
        && is_number(first)
        && is_number(fraction.strip_prefix('.').unwrap_or(fraction))
        && parts.all(|part| matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9']))
}
