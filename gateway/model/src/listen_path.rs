//! Where an API listens: a raw prefix, or a template with `{name}` and `{name:pattern}` parts.

use std::fmt;

use regex::Regex;

/// A listen path that is known to work.
#[derive(Clone)]
pub struct ListenPath {
    value: String,
    strip: bool,
    template: Option<Regex>,
}

/// Why a text can't be a listen path.
#[derive(Debug, thiserror::Error)]
pub enum ListenPathError {
    #[error("is empty")]
    Empty,
    #[error("must start with `/`, found `{0}`")]
    Relative(String),
    #[error("has unbalanced braces: `{0}`")]
    Braces(String),
    #[error("has an empty pattern or name in `{{{0}}}`")]
    EmptyPart(String),
    #[error("has a pattern that is no regular expression: `{pattern}`")]
    Pattern { pattern: String, source: Box<regex::Error> },
}

impl ListenPath {
    /// Reads a listen path; `strip` removes it from the path that the upstream sees.
    pub fn new(value: &str, strip: bool) -> Result<Self, ListenPathError> {
        if value.is_empty() {
            return Err(ListenPathError::Empty);
        }
        if !value.starts_with('/') {
            return Err(ListenPathError::Relative(value.to_owned()));
        }
        let template =
            if value.contains(['{', '}']) { Some(compile_template(value)?) } else { None };
        Ok(Self { value: value.to_owned(), strip, template })
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether the upstream sees paths without the listen path.
    pub fn strip(&self) -> bool {
        self.strip
    }

    pub fn is_template(&self) -> bool {
        self.template.is_some()
    }

    /// Length of the start of `path` that this listen path covers, if it covers any.
    ///
    /// A raw prefix covers every path that starts with it (`/app` covers `/apple`) unless `strict`,
    /// which wants the prefix to end at a segment boundary. A path ending in `/` is a boundary itself,
    /// and templates are never strict.
    pub fn matches(&self, path: &str, strict: bool) -> Option<usize> {
        if let Some(template) = &self.template {
            return template.find(path).map(|found| found.end());
        }
        let rest = path.strip_prefix(self.value.as_str())?;
        let boundary = rest.is_empty() || rest.starts_with('/') || self.value.ends_with('/');
        (boundary || !strict).then_some(self.value.len())
    }

    /// `path` without the listen path, always starting with `/`; whole when it is not covered.
    pub fn strip_from(&self, path: &str) -> String {
        let rest = match self.matches(path, false) {
            Some(length) => &path[length..],
            None => path,
        };
        if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") }
    }
}

impl PartialEq for ListenPath {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value && self.strip == other.strip
    }
}

impl fmt::Debug for ListenPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (strip: {})", self.value, self.strip)
    }
}

/// Turns `/t/{tenant}/{kind:a|b}/` into an anchored expression; text outside braces is literal.
fn compile_template(value: &str) -> Result<Regex, ListenPathError> {
    let unbalanced = || ListenPathError::Braces(value.to_owned());
    let mut expression = String::from("^");
    let mut rest = value;
    while let Some(open) = rest.find(['{', '}']) {
        if rest[open..].starts_with('}') {
            return Err(unbalanced());
        }
        expression.push_str(&regex::escape(&rest[..open]));
        let close = closing_brace(&rest[open..]).ok_or_else(unbalanced)?;
        let part = &rest[open + 1..open + close];
        let (name, pattern) = part.split_once(':').unwrap_or((part, "[^/]+"));
        if name.is_empty() || pattern.is_empty() {
            return Err(ListenPathError::EmptyPart(part.to_owned()));
        }
        // Compiled on its own first, so a pattern can't reach out of its group.
        let refused = |source| ListenPathError::Pattern {
            pattern: pattern.to_owned(),
            source: Box::new(source),
        };
        Regex::new(pattern).map_err(refused)?;
        expression.extend(["(?:", pattern, ")"]);
        rest = &rest[open + close + 1..];
    }
    expression.push_str(&regex::escape(rest));
    Regex::new(&expression).map_err(|source| ListenPathError::Pattern {
        pattern: expression,
        source: Box::new(source),
    })
}

/// Index of the brace that closes the one at the start, counting nested ones (`{id:[0-9]{3}}`).
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(index),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(listen: &str, path: &str, strict: bool, stripped: Option<&str>) {
        let listen = ListenPath::new(listen, true).unwrap();
        let found = listen.matches(path, strict).map(|_| listen.strip_from(path));
        assert_eq!(found.as_deref(), stripped, "{listen:?} on {path}");
    }

    #[test]
    fn a_plain_path_is_a_raw_prefix_unless_strict() {
        check("/app", "/app", false, Some("/"));
        check("/app", "/apple", false, Some("/le"));
        check("/app", "/apple", true, None);
        check("/app", "/app/le", true, Some("/le"));
    }

    #[test]
    fn a_trailing_slash_belongs_to_the_path() {
        check("/a/", "/a", false, None);
        check("/a/", "/a/b", true, Some("/b"));
        check("/", "/anything", true, Some("/anything"));
    }

    #[test]
    fn template_parts_match_one_segment_or_their_pattern() {
        check("/t/{tenant}/", "/t/acme/x", false, Some("/x"));
        check("/t/{tenant}/", "/t//x", false, None);
        check("/{_:a|b}/", "/b/x", false, Some("/x"));
        check("/{_:a|b}/", "/c/x", false, None);
        check("/{id:[0-9]{3}}/", "/123/x", false, Some("/x"));
        check("/a.b/{x}/", "/aXb/y/", false, None);
    }

    #[test]
    fn impossible_paths_are_refused_with_the_reason() {
        for (value, reason) in [
            ("", "empty"),
            ("app", "start with"),
            ("/{a", "braces"),
            ("/a}", "braces"),
            ("/{:x}", "empty"),
            ("/{a:(}", "regular expression"),
            ("/{a:x)|(y}", "regular expression"),
        ] {
            let error = ListenPath::new(value, true).unwrap_err().to_string();
            assert!(error.contains(reason), "{value}: {error}");
        }
    }
}
