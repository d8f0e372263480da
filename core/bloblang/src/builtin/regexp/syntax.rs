//! The regular expressions of the reference, read into the form that the matcher takes.
//!
//! Reading them ourselves keeps what users rely on: `\d`, `\w` and `\b` mean ASCII, brackets have
//! no set operators, group names may repeat, `{` may stand for itself, and errors say what they
//! always said.

use regex_syntax::{
    Parser as ClassParser,
    hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, HirKind, Look, Repetition},
};

use crate::Error;

/// Deepest nesting of groups.
const MAX_DEPTH: usize = 200;
/// Most repetitions that counts may ask for, nested ones multiplied.
const MAX_REPEAT: u32 = 1000;

/// An expression and the names of its groups; unnamed ones have none.
pub(super) struct Expression {
    pub(super) hir: Hir,
    pub(super) names: Vec<String>,
}

pub(super) fn parse(text: &str) -> Result<Expression, Error> {
    let mut parser =
        Parser { text, at: 0, flags: Flags::default(), depth: 0, names: vec![String::new()] };
    let hir = parser.alternation()?;
    if parser.at < text.len() {
        return Err(failed("unexpected )", text));
    }
    Ok(Expression { hir, names: parser.names })
}

#[derive(Clone, Copy, Default)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_all: bool,
    lazy: bool,
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    flags: Flags,
    depth: usize,
    names: Vec<String>,
}

pub(super) fn failed(what: &str, at: &str) -> Error {
    Error::new(format!("error parsing regexp: {what}: `{at}`"))
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Branches up to the end or a closing bracket.
    fn alternation(&mut self) -> Result<Hir, Error> {
        let mut branches = vec![self.concatenation()?];
        while self.eat("|") {
            branches.push(self.concatenation()?);
        }
        Ok(Hir::alternation(branches))
    }

    fn concatenation(&mut self) -> Result<Hir, Error> {
        let mut items: Vec<Hir> = Vec::new();
        // Where a repetition directly before began: they cannot be stacked.
        let mut last_repeat = None;
        while let Some(c) = self.peek() {
            let start = self.at;
            let repetition = match c {
                '|' | ')' => break,
                '*' => self.symbol(0, None),
                '+' => self.symbol(1, None),
                '?' => self.symbol(0, Some(1)),
                '{' => self.counts()?,
                _ => None,
            };
            let Some((min, max)) = repetition else {
                self.item(&mut items)?;
                last_repeat = None;
                continue;
            };
            let lazy = self.eat("?");
            if let Some(from) = last_repeat {
                return Err(failed(
                    "invalid nested repetition operator",
                    &self.text[from..self.at],
                ));
            }
            let written = &self.text[start..self.at];
            let Some(sub) = items.pop() else {
                return Err(failed("missing argument to repetition operator", written));
            };
            let repeated = Hir::repetition(Repetition {
                min,
                max,
                greedy: lazy == self.flags.lazy,
                sub: Box::new(sub),
            });
            if c == '{' && !within_limit(&repeated, MAX_REPEAT) {
                return Err(failed("invalid repeat count", written));
            }
            items.push(repeated);
            last_repeat = Some(start);
        }
        Ok(Hir::concat(items))
    }

    fn symbol(&mut self, min: u32, max: Option<u32>) -> Option<(u32, Option<u32>)> {
        self.at += 1;
        Some((min, max))
    }

    /// `{n}`, `{n,}` or `{n,m}`; a bracket that begins none of these stands for itself.
    fn counts(&mut self) -> Result<Option<(u32, Option<u32>)>, Error> {
        let inside = &self.rest()[1..];
        let Some((counts, _)) = inside.split_once('}') else { return Ok(None) };
        let (min, max) = match counts.split_once(',') {
            None => (counts, Some(counts)),
            Some((min, "")) => (min, None),
            Some((min, max)) => (min, Some(max)),
        };
        let is_number = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_digit())
                && (text.len() == 1 || !text.starts_with('0'))
        };
        if !is_number(min) || !max.is_none_or(is_number) {
            return Ok(None);
        }
        let start = self.at;
        self.at += counts.len() + 2;
        let number = |text: &str| text.parse().ok().filter(|count| *count <= MAX_REPEAT);
        let limits = match (number(min), max.map(number)) {
            (Some(min), None) => Some((min, None)),
            (Some(min), Some(Some(max))) if min <= max => Some((min, Some(max))),
            _ => None,
        };
        match limits {
            Some(limits) => Ok(Some(limits)),
            None => Err(failed("invalid repeat count", &self.text[start..self.at])),
        }
    }

    /// One thing to match; flags in brackets add none, a quotation may add many.
    fn item(&mut self, items: &mut Vec<Hir>) -> Result<(), Error> {
        let rest = self.rest();
        match self.peek() {
            Some('(') => items.extend(self.group()?),
            Some('[') => items.push(self.class()?),
            Some('.') => {
                self.at += 1;
                let dot = if self.flags.dot_all { Dot::AnyChar } else { Dot::AnyCharExceptLF };
                items.push(Hir::dot(dot));
            }
            Some('^') => {
                self.at += 1;
                let look = if self.flags.multi_line { Look::StartLF } else { Look::Start };
                items.push(Hir::look(look));
            }
            Some('$') => {
                self.at += 1;
                let look = if self.flags.multi_line { Look::EndLF } else { Look::End };
                items.push(Hir::look(look));
            }
            Some('\\') => {
                let look = match rest.as_bytes().get(1) {
                    Some(b'A') => Some(Look::Start),
                    Some(b'z') => Some(Look::End),
                    Some(b'b') => Some(Look::WordAscii),
                    Some(b'B') => Some(Look::WordAsciiNegate),
                    Some(b'C') => return Err(failed("invalid escape sequence", &rest[..2])),
                    _ => None,
                };
                if let Some(look) = look {
                    self.at += 2;
                    items.push(Hir::look(look));
                } else if self.eat("\\Q") {
                    let quoted = self.rest();
                    let (literal, length) = match quoted.split_once("\\E") {
                        Some((literal, _)) => (literal, literal.len() + 2),
                        None => (quoted, quoted.len()),
                    };
                    items.extend(literal.chars().map(|c| self.literal(c)));
                    self.at += length;
                } else if let Some(class) = self.class_escape()? {
                    items.push(Hir::class(Class::Unicode(class)));
                } else {
                    let literal = self.escape()?;
                    items.push(literal.map_or_else(Hir::fail, |c| self.literal(c)));
                }
            }
            Some(c) => {
                self.at += c.len_utf8();
                items.push(self.literal(c));
            }
            None => {}
        }
        Ok(())
    }

    fn literal(&self, c: char) -> Hir {
        if self.flags.fold_case {
            let class = folded(ClassUnicode::new([ClassUnicodeRange::new(c, c)]));
            return Hir::class(Class::Unicode(class));
        }
        Hir::literal(c.to_string().into_bytes())
    }

    /// A group, or `None` for flags that hold from here on.
    fn group(&mut self) -> Result<Option<Hir>, Error> {
        let outer = self.flags;
        let mut index = None;
        if self.rest().starts_with("(?") {
            if self.rest().starts_with("(?P<") || self.rest().starts_with("(?<") {
                index = Some(self.group_name()?);
            } else if !self.group_flags()? {
                return Ok(None);
            }
        } else {
            self.at += 1;
            self.names.push(String::new());
            index = Some(self.names.len() - 1);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(failed("expression nests too deeply", self.text));
        }
        let sub = self.alternation()?;
        self.depth -= 1;
        if !self.eat(")") {
            return Err(failed("missing closing )", self.text));
        }
        self.flags = outer;
        Ok(Some(match index {
            None => sub,
            Some(index) => Hir::capture(Capture {
                index: u32::try_from(index)
                    .map_err(|_| failed("expression too large", self.text))?,
                name: None,
                sub: Box::new(sub),
            }),
        }))
    }

    fn group_name(&mut self) -> Result<usize, Error> {
        let rest = self.rest();
        let Some(end) = rest.find('>') else {
            return Err(failed("invalid named capture", rest));
        };
        let name = &rest[rest.find('<').unwrap_or_default() + 1..end];
        let is_valid =
            !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
        if !is_valid {
            return Err(failed("invalid named capture", &rest[..=end]));
        }
        self.at += end + 1;
        self.names.push(name.to_owned());
        Ok(self.names.len() - 1)
    }

    /// Flags such as `(?i` up to `:`, which opens a group (true), or `)`.
    fn group_flags(&mut self) -> Result<bool, Error> {
        let start = self.at;
        self.at += 2;
        let mut flags = self.flags;
        let mut on = true;
        let mut is_complete = true;
        while let Some(c) = self.take() {
            let flag = match c {
                'i' => &mut flags.fold_case,
                'm' => &mut flags.multi_line,
                's' => &mut flags.dot_all,
                'U' => &mut flags.lazy,
                '-' if on => {
                    on = false;
                    is_complete = false;
                    continue;
                }
                ':' | ')' if is_complete => {
                    self.flags = flags;
                    return Ok(c == ':');
                }
                _ => break,
            };
            *flag = on;
            is_complete = true;
        }
        Err(failed("invalid or unsupported Perl syntax", &self.text[start..self.at]))
    }

    /// `\d`, `\pL` and the like.
    fn class_escape(&mut self) -> Result<Option<ClassUnicode>, Error> {
        let rest = self.rest();
        let class = match rest.as_bytes() {
            [b'\\', b'd' | b'D', ..] => ranges(&[('0', '9')]),
            [b'\\', b's' | b'S', ..] => ranges(&[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')]),
            [b'\\', b'w' | b'W', ..] => ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
            [b'\\', b'p' | b'P', _, ..] => return self.unicode_class().map(Some),
            _ => return Ok(None),
        };
        self.at += 2;
        let is_negated = rest.as_bytes()[1].is_ascii_uppercase();
        Ok(Some(self.of_case(class, is_negated)))
    }

    fn of_case(&self, class: ClassUnicode, is_negated: bool) -> ClassUnicode {
        let mut class = if self.flags.fold_case { folded(class) } else { class };
        if is_negated {
            class.negate();
        }
        class
    }

    fn unicode_class(&mut self) -> Result<ClassUnicode, Error> {
        let rest = self.rest();
        let (name, length) = match rest[2..].strip_prefix('{') {
            Some(inside) => match inside.split_once('}') {
                Some((name, _)) => (name, name.len() + 4),
                None => return Err(failed("invalid character class range", rest)),
            },
            None => {
                let length = rest[2..].chars().next().map_or(0, char::len_utf8);
                (&rest[2..2 + length], 2 + length)
            }
        };
        let written = &rest[..length];
        let (name, is_opposite) = match name.strip_prefix('^') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let unknown = || failed("invalid character class range", written);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(unknown());
        }
        let hir = ClassParser::new().parse(&format!("\\p{{{name}}}")).map_err(|_| unknown())?;
        let class = match hir.into_kind() {
            HirKind::Class(Class::Unicode(class)) => class,
            HirKind::Literal(literal) => {
                let text = String::from_utf8_lossy(&literal.0).into_owned();
                ClassUnicode::new(text.chars().map(|c| ClassUnicodeRange::new(c, c)))
            }
            _ => return Err(unknown()),
        };
        self.at += length;
        Ok(self.of_case(class, rest.as_bytes()[1].is_ascii_uppercase() != is_opposite))
    }

    /// `[...]`
    fn class(&mut self) -> Result<Hir, Error> {
        let whole = self.rest();
        self.at += 1;
        let is_negated = self.eat("^");
        let mut class = ClassUnicode::empty();
        let mut is_first = true;
        while is_first || self.peek() != Some(']') {
            is_first = false;
            if let Some(named) = self.posix_class()? {
                class.union(&named);
                continue;
            }
            if let Some(escaped) = self.class_escape()? {
                class.union(&escaped);
                continue;
            }
            let start = self.at;
            let low = self.class_char(whole)?;
            let mut high = low;
            let is_range = self.rest().starts_with('-')
                && self.rest().len() > 1
                && !self.rest().starts_with("-]");
            if is_range {
                self.at += 1;
                high = self.class_char(whole)?;
            }
            // Halves of surrogate pairs match nothing.
            if let (Some(low), Some(high)) = (low, high) {
                if high < low {
                    let range = &self.text[start..self.at];
                    return Err(failed("invalid character class range", range));
                }
                let range = ClassUnicode::new([ClassUnicodeRange::new(low, high)]);
                class.union(&self.of_case(range, false));
            }
        }
        self.at += 1;
        if is_negated {
            class.negate();
        }
        Ok(Hir::class(Class::Unicode(class)))
    }

    fn class_char(&mut self, whole: &str) -> Result<Option<char>, Error> {
        match self.peek() {
            None => Err(failed("missing closing ]", whole)),
            Some('\\') => self.escape(),
            Some(_) => Ok(self.take()),
        }
    }

    /// `[:alpha:]` inside brackets.
    fn posix_class(&mut self) -> Result<Option<ClassUnicode>, Error> {
        let rest = self.rest();
        let Some(end) = rest.strip_prefix("[:").and_then(|inside| inside.find(":]")) else {
            return Ok(None);
        };
        let name = &rest[2..end + 2];
        let (plain, is_negated) = match name.strip_prefix('^') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let class = match plain {
            "alnum" => ranges(&[('0', '9'), ('A', 'Z'), ('a', 'z')]),
            "alpha" => ranges(&[('A', 'Z'), ('a', 'z')]),
            "ascii" => ranges(&[('\0', '\x7f')]),
            "blank" => ranges(&[('\t', '\t'), (' ', ' ')]),
            "cntrl" => ranges(&[('\0', '\x1f'), ('\x7f', '\x7f')]),
            "digit" => ranges(&[('0', '9')]),
            "graph" => ranges(&[('!', '~')]),
            "lower" => ranges(&[('a', 'z')]),
            "print" => ranges(&[(' ', '~')]),
            "punct" => ranges(&[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
            "space" => ranges(&[('\t', '\r'), (' ', ' ')]),
            "upper" => ranges(&[('A', 'Z')]),
            "word" => ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
            "xdigit" => ranges(&[('0', '9'), ('A', 'F'), ('a', 'f')]),
            _ => return Err(failed("invalid character class range", &rest[..end + 4])),
        };
        self.at += end + 4;
        Ok(Some(self.of_case(class, is_negated)))
    }

    /// A character behind a backslash; `None` for half of a surrogate pair.
    fn escape(&mut self) -> Result<Option<char>, Error> {
        let start = self.at;
        self.at += 1;
        let invalid =
            |this: &Self| Err(failed("invalid escape sequence", &this.text[start..this.at]));
        let Some(c) = self.take() else {
            return Err(failed("trailing backslash at end of expression", ""));
        };
        match c {
            'a' => Ok(Some('\x07')),
            'f' => Ok(Some('\x0c')),
            'n' => Ok(Some('\n')),
            'r' => Ok(Some('\r')),
            't' => Ok(Some('\t')),
            'v' => Ok(Some('\x0b')),
            'x' => match self.hexadecimal() {
                Some(code) => Ok(char::from_u32(code)),
                None => invalid(self),
            },
            '0'..='7' => {
                let is_octal = |c: Option<char>| c.is_some_and(|c| ('0'..='7').contains(&c));
                if c != '0' && !is_octal(self.peek()) {
                    return invalid(self);
                }
                let mut code = c.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.at += 1;
                }
                Ok(char::from_u32(code))
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(Some(c)),
            _ => invalid(self),
        }
    }

    /// Two digits, or any number of them in brackets.
    fn hexadecimal(&mut self) -> Option<u32> {
        if !self.eat("{") {
            let high = self.take()?.to_digit(16);
            let low = self.take()?.to_digit(16);
            return Some(high? * 16 + low?);
        }
        let mut code: u32 = 0;
        let mut is_empty = true;
        loop {
            match self.take()? {
                '}' => return (!is_empty).then_some(code),
                c => code = code * 16 + c.to_digit(16)?,
            }
            is_empty = false;
            if code > char::MAX as u32 {
                return None;
            }
        }
    }
}

fn ranges(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(ranges.iter().map(|(low, high)| ClassUnicodeRange::new(*low, *high)))
}

fn folded(mut class: ClassUnicode) -> ClassUnicode {
    class.case_fold_simple();
    class
}

/// Whether counts inside counts stay below the limit together.
fn within_limit(hir: &Hir, limit: u32) -> bool {
    let limit = match hir.kind() {
        HirKind::Repetition(repetition) => match repetition.max.unwrap_or(repetition.min) {
            0 => limit,
            count if count > limit => return false,
            count => limit / count,
        },
        _ => limit,
    };
    hir.kind().subs().iter().all(|sub| within_limit(sub, limit))
}
