//! Environment variables: those of the process, and those of files and tests over them.

use std::collections::BTreeMap;

use super::files;

/// Variables by name. The process environment is never changed: other threads read it.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    over: BTreeMap<String, String>,
}

impl Variables {
    /// Reads files with lines such as `NAME=value`. Later files win.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is no assignment.
    pub fn from_files(patterns: &[String]) -> Result<Self, String> {
        let mut variables = Self::default();
        let paths = files::expand_patterns(patterns)
            .map_err(|error| format!("Failed to resolve env file glob pattern: {error}"))?;
        for path in paths {
            let text = files::read(&path)
                .map_err(|error| format!("Failed to read dotenv file: {error}"))?;
            let pairs = parse(&String::from_utf8_lossy(&text))
                .map_err(|error| format!("Failed to parse dotenv file: {path}: {error}"))?;
            variables.over.extend(pairs);
        }
        Ok(variables)
    }

    /// These variables with others over them.
    #[must_use]
    pub fn with(&self, over: &BTreeMap<String, String>) -> Self {
        let mut variables = self.clone();
        variables.over.extend(over.iter().map(|(name, value)| (name.clone(), value.clone())));
        variables
    }

    pub fn get(&self, name: &str) -> Option<String> {
        self.over.get(name).cloned().or_else(|| std::env::var(name).ok())
    }
}

fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else {
            return Err(format!("line {}: expected NAME=value", at + 1));
        };
        let name = name.trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(format!("line {}: not the name of a variable: {name}", at + 1));
        }
        let value = unquoted(value.trim()).ok_or_else(|| format!("line {}: open quote", at + 1))?;
        pairs.push((name.to_owned(), value));
    }
    Ok(pairs)
}

/// The value without its quotes (in double quotes `\n` and the like are escapes), or without a
/// comment behind it.
fn unquoted(value: &str) -> Option<String> {
    if let Some(rest) = value.strip_prefix('\'') {
        return rest.split_once('\'').map(|(inside, _)| inside.to_owned());
    }
    let Some(rest) = value.strip_prefix('"') else {
        let value = value.split(" #").next().unwrap_or_default();
        return Some(value.trim_end().to_owned());
    };
    let mut out = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(out),
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                c => out.push(c),
            },
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_variables() {
        let text = "# c\nA=1\nexport B = two # not this\nC='x # y'\nD=\"a\\n\\\"b\\\"\" # c\nE=\n";
        let pairs = parse(text).unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("A", "1"), ("B", "two"), ("C", "x # y"), ("D", "a\n\"b\""), ("E", "")]);
        assert_eq!(parse("A=1\nnope").unwrap_err(), "line 2: expected NAME=value");
        assert_eq!(parse("A=\"x").unwrap_err(), "line 1: open quote");
    }
}
