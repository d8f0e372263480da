//! Paths with parameters.

use regex::Regex;

/// `/fixed`, `/below/` (everything below it), `/{one}/segment`, `/{number:[0-9]+}`.
#[derive(Clone, Debug)]
pub(crate) enum PathPattern {
    Exact(String),
    Below(String),
    Regex { regex: Regex, names: Vec<String> },
}

impl PathPattern {
    /// # Errors
    /// The path does not begin with `/`, or braces and expressions in it are not well-formed.
    pub(crate) fn new(path: &str) -> Result<Self, String> {
        if !path.starts_with('/') {
            return Err(format!("path {path:?} must begin with a slash"));
        }
        if !path.contains(['{', '}']) {
            let path = path.to_owned();
            return Ok(if path.ends_with('/') { Self::Below(path) } else { Self::Exact(path) });
        }
        let invalid = |problem: &str| format!("path {path:?}: {problem}");
        let mut expression = String::from("^");
        let mut names = Vec::new();
        let mut rest = path;
        while let Some(open) = rest.find(['{', '}']) {
            let (fixed, from) = rest.split_at(open);
            expression.push_str(&regex::escape(fixed));
            let close = closing_brace(from).ok_or_else(|| invalid("unbalanced braces"))?;
            let (name, pattern) = match from[1..close].split_once(':') {
                Some((name, pattern)) => (name, pattern),
                None => (&from[1..close], "[^/]+"),
            };
            if name.is_empty() || pattern.is_empty() || names.iter().any(|known| known == name) {
                return Err(invalid("a parameter needs a name of its own and a pattern"));
            }
            expression.push_str(&format!("(?P<p{}>{pattern})", names.len()));
            names.push(name.to_owned());
            rest = &from[close + 1..];
        }
        expression.push_str(&regex::escape(rest));
        if !path.ends_with('/') {
            expression.push('$');
        }
        let regex = Regex::new(&expression).map_err(|error| invalid(&error.to_string()))?;
        Ok(Self::Regex { regex, names })
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == path,
            Self::Below(prefix) => path.starts_with(prefix.as_str()),
            Self::Regex { regex, .. } => regex.is_match(path),
        }
    }

    /// Names and values of the parameters in a path that matches.
    pub(crate) fn parameters<'a>(&'a self, path: &'a str) -> Vec<(&'a str, &'a str)> {
        let Self::Regex { regex, names } = self else { return Vec::new() };
        let Some(captures) = regex.captures(path) else { return Vec::new() };
        let value = |at: usize| captures.name(&format!("p{at}")).map_or("", |found| found.as_str());
        names.iter().enumerate().map(|(at, name)| (name.as_str(), value(at))).collect()
    }
}

/// Where the brace closes that opens at the start of `text`.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return (depth == 1).then_some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: Option<&[(&str, &str)]>) {
        let pattern = PathPattern::new(pattern).unwrap();
        assert_eq!(pattern.matches(path), expected.is_some());
        assert_eq!(pattern.parameters(path), expected.unwrap_or_default());
    }

    #[test]
    fn parameters_match_one_segment() {
        check("/a/{num}/b", "/a/7/b", Some(&[("num", "7")]));
        check("/a/{num}/b", "/a/7/8/b", None);
        check("/a/{num}/b", "/a//b", None);
        check("/{x}-{y}.json", "/1-2.json", Some(&[("x", "1"), ("y", "2")]));
        check("/{id:[0-9]{2,3}}", "/123", Some(&[("id", "123")]));
        check("/{id:[0-9]{2,3}}", "/1", None);
        check("/{a}/", "/x/y/z", Some(&[("a", "x")]));
    }

    #[test]
    fn a_trailing_slash_takes_everything_below() {
        check("/deep/", "/deep/er/path", Some(&[]));
        check("/deep/", "/deep", None);
        check("/deep", "/deep/", None);
    }

    #[test]
    fn mistakes_are_refused() {
        for path in ["", "a", "/{", "/}", "/{}", "/{a}{a}", "/{a:(}", "/{a:}"] {
            assert!(PathPattern::new(path).is_err(), "{path}");
        }
    }
}
