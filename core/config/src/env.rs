//! Environment variables in the raw text of a document: `${NAME}` and `${NAME:default}`.

/// What a text became and which variables it missed.
#[derive(Debug, PartialEq, Eq)]
pub struct Replaced {
    pub text: String,
    /// Names without a value and without a default, once per place they stand at.
    pub missing: Vec<String>,
}

/// Replaces `${NAME}` by the variable's value and `${NAME:default}` by its default when it is
/// unset or empty. `${{NAME}}` becomes the literal `${NAME}`. One pass: what was put in is not
/// looked at again. Line breaks in a value become `\n`, so that a value stays on its line.
pub fn replace(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Replaced {
    let mut out = String::with_capacity(text.len());
    let mut missing = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((inside, after)) = escaped(rest) {
            out.push_str("${");
            out.push_str(inside);
            out.push('}');
            rest = after;
        } else if let Some((name, default, after)) = variable(rest) {
            match (lookup(name), default) {
                (Some(value), None) => out.push_str(&value.replace('\n', "\\n")),
                (Some(value), Some(_)) if !value.is_empty() => {
                    out.push_str(&value.replace('\n', "\\n"));
                }
                (_, Some(default)) => out.push_str(default),
                (None, None) => missing.push(name.to_owned()),
            }
            rest = after;
        } else {
            out.push_str("${");
            rest = &rest[2..];
        }
    }
    out.push_str(rest);
    Replaced { text: out, missing }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '.'
}

/// `${NAME}` or `${NAME:default}` at the start of `text`: name, default, and what follows.
fn variable(text: &str) -> Option<(&str, Option<&str>, &str)> {
    let inside = &text[2..];
    let name_end = inside.find(|c| !is_name(c))?;
    let (name, rest) = inside.split_at(name_end);
    if name.is_empty() {
        return None;
    }
    if let Some(after) = rest.strip_prefix('}') {
        return Some((name, None, after));
    }
    let default = rest.strip_prefix(':')?;
    let end = default.find(['}', '\n'])?;
    let after = default[end..].strip_prefix('}')?;
    Some((name, Some(&default[..end]), after))
}

/// `${{NAME}}` or `${{NAME:default}}` at the start of `text`: the inside and what follows.
fn escaped(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix("${{")?;
    let end = inside.find("}}")?;
    let name = inside[..end].split(':').next()?;
    let valid = !name.is_empty() && name.chars().all(is_name) && !inside[..end].contains('\n');
    valid.then(|| (&inside[..end], &inside[end + 2..]))
}
