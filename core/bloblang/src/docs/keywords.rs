//! The words of the grammar.

/// A word with a meaning of its own.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    pub name: &'static str,
    /// One or two sentences of Markdown.
    pub summary: &'static str,
    /// How it is written.
    pub example: &'static str,
    /// It begins a statement, rather than standing inside an expression.
    pub is_statement: bool,
}

/// All words, statements first.
pub const KEYWORDS: &[Keyword] = &[
    Keyword {
        name: "root",
        summary: "The new document. Assign to it, or to a path below it; inside an expression it \
                  is what was assigned so far.",
        example: "root.id = this.user.id",
        is_statement: true,
    },
    Keyword {
        name: "let",
        summary: "Names a value, for use as `$name` in the statements that follow.",
        example: "let total = this.items.map_each(i -> i.price).sum()",
        is_statement: true,
    },
    Keyword {
        name: "meta",
        summary: "Sets a metadata key of the new message, or all of them at once.",
        example: "meta topic = \"events-\" + this.kind",
        is_statement: true,
    },
    Keyword {
        name: "map",
        summary: "Names a group of statements that `apply` runs on any value. `this` is that \
                  value, `root` what the map makes of it.",
        example: "map person {\n  root.name = this.first + \" \" + this.last\n}",
        is_statement: true,
    },
    Keyword {
        name: "import",
        summary: "Takes the maps of another file.",
        example: "import \"./maps.blobl\"",
        is_statement: true,
    },
    Keyword {
        name: "from",
        summary: "Makes another file the whole mapping. Nothing else may stand beside it.",
        example: "from \"./mapping.blobl\"",
        is_statement: true,
    },
    Keyword {
        name: "if",
        summary: "Chooses by conditions: between values inside an expression, between groups of \
                  statements as a statement. Without an `else`, an expression for which no \
                  condition holds assigns nothing.",
        example: "root.size = if this.n > 100 { \"big\" } else { \"small\" }",
        is_statement: true,
    },
    Keyword {
        name: "else",
        summary: "What holds when the conditions before it do not; `else if` asks another one.",
        example: "if this.a { root.b = 1 } else if this.c { root.b = 2 } else { root.b = 3 }",
        is_statement: false,
    },
    Keyword {
        name: "match",
        summary: "The value of the first case that fits. A case is a literal that equals the \
                  subject, a condition about it (as `this`), or `_` for anything. Where no case \
                  fits, nothing is assigned.",
        example: "root.sound = match this.animal {\n  \"cat\" => \"meow\"\n  \"dog\" => \"woof\"\n  _ => deleted()\n}",
        is_statement: false,
    },
    Keyword {
        name: "this",
        summary: "The value being mapped: the document, or what a map, lambda, `match` or \
                  `.(...)` around it works on.",
        example: "root.name = this.user.name",
        is_statement: false,
    },
    Keyword {
        name: "_",
        summary: "In a `match`, the case that always fits; as a lambda's name, a context that \
                  stays unnamed, so that `this` keeps its meaning.",
        example: "root = match this.kind {\n  \"a\" => 1\n  _ => 2\n}",
        is_statement: false,
    },
    Keyword {
        name: "true",
        summary: "The boolean.",
        example: "root.ok = true",
        is_statement: false,
    },
    Keyword {
        name: "false",
        summary: "The boolean.",
        example: "root.ok = false",
        is_statement: false,
    },
    Keyword {
        name: "null",
        summary: "No value; also what paths yield that lead nowhere.",
        example: "root.deleted_at = null",
        is_statement: false,
    },
];

/// The keyword of that name.
pub fn keyword(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

impl Keyword {
    /// The word, its meaning and an example as Markdown.
    pub fn markdown(&self) -> String {
        format!(
            "**{}** (keyword)\n\n{}\n\n```coffee\n{}\n```\n",
            self.name, self.summary, self.example
        )
    }
}
