//! No text and no document makes the language panic.

use proptest::prelude::*;
use sluice_bloblang::{Environment, Input, Program, Template};

use crate::support::message;

/// Pieces that mappings are made of, in no particular order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "root",
        "this",
        ".",
        ".a",
        ".b",
        " = ",
        "=",
        "==",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "|",
        "||",
        "&&",
        "<",
        ">=",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\n",
        " ",
        "#",
        "\"",
        "\"x\"",
        "\"\"\"",
        "1",
        "0",
        "-1",
        "2.5",
        "null",
        "true",
        "let x = ",
        "$x",
        "meta k = ",
        "@",
        "@k",
        "match ",
        "if ",
        "else ",
        "else if ",
        "_ => ",
        " => ",
        "x -> ",
        "map m {\n",
        "deleted()",
        "nothing()",
        ".map_each(",
        ".apply(\"m\")",
        ".string()",
        ".length()",
        ".sort()",
        ".or(",
        ".catch(",
        ".slice(",
        ".index(",
        "range(0, ",
        ".repeat(",
        ".format(",
        "import \"f\"",
        "é",
        "\r\n",
        "\\",
        "$tyk.a",
        "${!",
        "}}",
        "${{!",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn documents() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "null",
        "1",
        "\"x\"",
        "[]",
        "{}",
        r#"{"a":[1,"x",null],"b":{"a":1.5}}"#,
        r#"[[1],{"a":2}]"#,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_accepted_or_refused(text in pieces(), document in documents()) {
        let environment = Environment::default().with_placeholders(["tyk"]);
        let message = message(document);
        let input = Input::new(&message, 0);
        match Program::parse(&text, &environment) {
            Ok(program) => {
                drop(program.map(&input));
                drop(program.mutate(&input));
            }
            Err(problems) => prop_assert!(!problems.to_string().is_empty()),
        }
        if let Ok(template) = Template::parse(&text, &environment) {
            drop(template.render(&input));
        }
    }
}
