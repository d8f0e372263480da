//! Help for people: similar names, lists in words, common mistakes.

/// What would have been accepted, in words a user knows: `a, b or c`.
pub(super) fn list(expected: &[&'static str]) -> String {
    let mut items: Vec<String> = Vec::new();
    for what in expected {
        let friendly = friendly(what);
        if !items.contains(&friendly) {
            items.push(friendly);
        }
    }
    match items.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The reference's name of a piece of grammar, said better.
fn friendly(what: &str) -> String {
    match what {
        "whitespace" => "a space",
        "line break" => "a line break",
        "quoted string" => "a string in double quotes",
        "end quote" => "a closing double quote",
        "end triple-quote" => "closing triple quotes",
        "literal" | "object" => "a value",
        "number" => "a number",
        "query" => "an expression (a value, a path, a function or an operation)",
        "field path" => "a field name",
        "variable path" | "variable name" => "a variable name",
        "match case" => "a match case",
        "function" => "a function",
        "method" => "a method",
        "function arguments" => "arguments in brackets",
        "function argument" => "an argument",
        "argument value" => "the value of the argument",
        "comma" => "a comma",
        "closing bracket" | ")" => "a closing bracket",
        "snake-case" => "a parameter name",
        "context name" => "a context name",
        "assignment" => "an assignment",
        "import, map, or assignment" => "an assignment, a `map` or an `import`",
        "filepath" => "a file path in double quotes",
        "map name" => "a map name",
        "target path" => "a target path",
        "end of expression" => "`}` at the end of the expression",
        "end of escaped expression" => "`}}` at the end of the escaped expression",
        "the mapping to end here" => "the end of the mapping",
        other => return format!("`{other}`"),
    }
    .to_owned()
}

/// The reference's own text for what would have been accepted at a place.
pub(super) fn reference_list(text: &str, at: usize, expected: &[&str], fatal: bool) -> String {
    let mut names: Vec<&str> = Vec::new();
    for what in expected {
        if !names.contains(what) {
            names.push(what);
        }
    }
    let list = match names.as_slice() {
        [first @ .., last] if first.len() > 1 => format!("{}, or {last}", first.join(", ")),
        names => names.join(" or "),
    };
    let required = if fatal { "required: " } else { "" };
    let found: String = text[at..].chars().take(5).collect();
    if found.is_empty() {
        format!("{required}expected {list}, but reached end of input")
    } else {
        format!("{required}expected {list}, got: {found}")
    }
}

/// Names in code style: `` `a`, `b` ``.
pub(super) fn names(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// The known name most like `name`, if one is like it at all.
pub(crate) fn similar<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
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
    } else if rest.starts_with('=') && before.ends_with("==") {
        "write `==`; comparison is always strict"
    } else if rest.starts_with('[') && expected.contains(&"line break") {
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
