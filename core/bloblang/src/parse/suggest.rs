//! Help for people: similar names, lists in words, common mistakes.

/// Alternatives in words: `a, b or c`.
pub(super) fn list(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Names in code style: `` `a`, `b` ``.
pub(super) fn names(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The known name most like `name`, if one is like it at all.
pub(super) fn similar<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    known
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= limit || (name.len() >= 4 && candidate.starts_with(name))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Advice for mistakes that people bring from other languages.
pub(super) fn syntax_hint(text: &str, at: usize, expected: &[&str]) -> Option<String> {
    let rest = &text[at..];
    let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = text[line_start..at].trim_end();
    let hint = if rest.starts_with("and ") {
        "write `&&` for and"
    } else if rest.starts_with("or ") {
        "write `||` for or, or `|` for a fallback value"
    } else if before.ends_with("not") || before.ends_with(" not") {
        "write `!` for not"
    } else if rest.starts_with("??") || rest.starts_with("?:") {
        "write `|` for a fallback value: `this.a | \"default\"`"
    } else if rest.starts_with("? ") {
        "write `if condition { a } else { b }`"
    } else if rest.starts_with("?.") {
        "a path through missing fields yields `null` without further ado"
    } else if rest.starts_with("= ") && before.contains("if ") {
        "write `==` to compare"
    } else if rest.starts_with('\'') {
        "strings stand in double quotes"
    } else if rest.starts_with("=") && before.ends_with("==") {
        "write `==`; comparison is always strict"
    } else if rest.starts_with('[') && expected.contains(&"a line break") {
        "write `.index(0)` for an element and `.slice(1, 2)` for a part"
    } else if rest.starts_with('.') && before.is_empty() && line_start > 0 {
        "a line cannot begin with a dot: end the line before with it"
    } else if rest.starts_with("//") || rest.starts_with("/*") {
        "a comment begins with `#`"
    } else if rest.starts_with(';') {
        "statements end with the line"
    } else {
        return None;
    };
    Some(hint.to_owned())
}
