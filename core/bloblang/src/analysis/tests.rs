use super::*;
use crate::Environment;

fn filter_of(text: &str) -> Option<Filter> {
    let environment = Environment::default().with_placeholders(["tyk_context"]);
    filter(&Program::parse(text, &environment).unwrap(), false)
}

#[track_caller]
fn check(text: &str) {
    let filter = filter_of(text).unwrap_or_else(|| panic!("not recognised: {text}"));
    assert_eq!(filter.path, ["user", "id"]);
    struct User;
    impl Params for User {
        fn get(&self, name: &str) -> Option<&str> {
            (name == "tyk_context.u").then_some("x")
        }
    }
    assert_eq!(filter.needle(&User), Some(Needle::Text("x".into())), "{text}");
}

#[test]
fn usual_spellings_are_recognised() {
    for condition in [
        "this.user.id != \"$tyk_context.u\"",
        "\"$tyk_context.u\" != this.user.id",
        "this.user.id != $tyk_context.u",
        "!(this.user.id == \"$tyk_context.u\")",
        "(this.user.id == \"$tyk_context.u\").not()",
        "(this.user.id != \"$tyk_context.u\").not().not()",
        "this.user.id != \"$tyk_context.u\" || this.kind.uppercase() == \"A\"",
        "this.kind == \"a\" || this.user.id != \"$tyk_context.u\"",
        "!(this.user.id == \"$tyk_context.u\" && this.n > 3)",
        "this.user.id.or(\"\") != \"$tyk_context.u\"",
        "(this.user.id | \"\") != \"$tyk_context.u\"",
        "this.user.id.string() != \"$tyk_context.u\"",
        "this.user.id.string() != $tyk_context.u.string()",
        "this.user.id.or(0).string() != \"$tyk_context.u\"",
        "this.user.id.lowercase() != \"$tyk_context.u\"",
        "this.user.id.lowercase() != \"$tyk_context.u\".lowercase()",
        "this.user.id.or(\"\").lowercase() != \"$tyk_context.u\"",
    ] {
        check(&format!("root = if {condition} {{ deleted() }}"));
        check(&format!("root = this\nroot = if {condition} {{ deleted() }}"));
        check(&format!("root = if {condition} {{ deleted() }} else {{ this.a + 1 }}"));
        check(&format!("if {condition} {{ root = deleted() }}"));
        check(&format!("root = match {{ {condition} => deleted(), _ => this }}"));
    }
    for condition in [
        "this.user.id == \"$tyk_context.u\"",
        "$tyk_context.u == this.user.id",
        "!(this.user.id != \"$tyk_context.u\")",
        "this.user.id == \"$tyk_context.u\" && this.n > 3",
    ] {
        check(&format!("root = if {condition} {{ this }} else {{ deleted() }}"));
        check(&format!("root = match {{ {condition} => this, _ => deleted() }}"));
        check(&format!("if {condition} {{ root.a = this.b }} else {{ root = deleted() }}"));
    }
}

#[test]
fn metadata_is_compared_like_a_path() {
    use Origin::{Metadata, MetadataText};
    for (field, origin) in [
        ("@user", Metadata),
        ("metadata(\"user\")", Metadata),
        ("meta(\"user\")", MetadataText),
        ("@user.or(\"\")", Metadata),
        ("@user.string()", Metadata),
        ("(meta(\"user\") | \"nobody\")", MetadataText),
    ] {
        for (text, is_blind) in [
            ("root = if FIELD != \"$tyk_context.u\" { deleted() }", true),
            ("root = if (\"$tyk_context.u\" == FIELD).not() { deleted() } else { this.a }", true),
            ("root = match { FIELD == \"$tyk_context.u\" => this, _ => deleted() }", true),
            ("if FIELD != \"$tyk_context.u\" { root = deleted() }\nmeta seen = \"yes\"", true),
            ("let user = FIELD\nroot = if $user != \"$tyk_context.u\" { deleted() }", true),
            ("meta seen = \"yes\"\nroot = if FIELD != \"$tyk_context.u\" { deleted() }", true),
            ("root = this\nroot = if FIELD != \"$tyk_context.u\" { deleted() }", false),
            ("meta n = this.n\nroot = if FIELD != \"$tyk_context.u\" { deleted() }", false),
            ("root = if FIELD != \"$tyk_context.u\" || this.n > 3 { deleted() }", false),
            ("root = if FIELD != \"$tyk_context.u\" { deleted() }\nmeta n = this.n", false),
        ] {
            let text = text.replace("FIELD", field);
            let filter = filter_of(&text).unwrap_or_else(|| panic!("not recognised: {text}"));
            assert_eq!((filter.origin, filter.path.as_slice()), (origin, &["user".into()][..]));
            assert_eq!(filter.is_blind, is_blind, "{text}");
        }
    }
}

#[test]
fn metadata_that_was_assigned_is_not_what_came() {
    for field in ["@user", "metadata(\"user\")", "meta(\"user\")"] {
        let filter = format!("root = if {field} != \"$tyk_context.u\" {{ deleted() }}");
        assert_eq!(filter_of(&format!("meta user = this.id\n{filter}")), None);
        assert_eq!(filter_of(&format!("meta = {{}}\n{filter}")), None);
    }
}

#[test]
fn what_stands_around_the_filter_may_be_what_cannot_fail() {
    const FILTER: &str = "root = if this.user.id != \"$tyk_context.u\" { deleted() }";
    for before in [
        "let user = this.user.id",
        "meta seen = this.user.id",
        "root.a = this.b\nroot.c = \"x\"",
        "root.a = 1\nroot = this",
    ] {
        check(&format!("{before}\n{FILTER}"));
    }
    for after in [
        "meta seen = this.user.id",
        "let seen = this.user.id",
        "root.secret = deleted()",
        "root = if this.kind == \"b\" { deleted() }",
        "if this.kind != \"b\" { root.b = deleted() }",
    ] {
        check(&format!("{FILTER}\n{after}"));
    }
    check("let u = \"$tyk_context.u\"\nroot = if this.user.id != $u { deleted() }");
    check("let u = this.user.id\nlet v = $u\nroot = if $v != \"$tyk_context.u\" { deleted() }");
    check("root = match this.user.id { \"$tyk_context.u\" => this, _ => deleted() }");
    check("root = match this.user { this.id != \"$tyk_context.u\" => deleted(), _ => this }");
}

#[test]
fn in_place_nothing_is_left_to_read_of_what_was_deleted() {
    let filter = "root = if this.user.id != \"$tyk_context.u\" { deleted() }";
    let found = |after: &str| {
        let environment = Environment::default().with_placeholders(["tyk_context"]);
        let program = Program::parse(&format!("{filter}\n{after}"), &environment).unwrap();
        super::filter(&program, true).is_some()
    };
    assert!(found("meta seen = \"yes\""));
    assert!(!found("meta seen = this.user.id"));
    assert!(!found("root = if this.kind == \"b\" { deleted() }"));
}

#[test]
fn what_might_keep_other_messages_is_not() {
    for text in [
        "root = this",
        "root = if this.user.id != \"fixed\" { deleted() }",
        "root = if this.user.id == \"$tyk_context.u\" { deleted() }",
        "root = if this.user.id == \"$tyk_context.u\" { this }",
        "root = if this.user.id.uppercase() != \"$tyk_context.u\" { deleted() }",
        "root = if this.user.id.lowercase() != \"$tyk_context.u\" { deleted() }\nroot = if this.a.lowercase() != \"b\" { deleted() }",
        "root = if this.a.lowercase() == \"b\" || this.user.id != \"$tyk_context.u\" { deleted() }",
        "root = if this.user.id.lowercase().string() != \"$tyk_context.u\" { deleted() }",
        "root = if this.user.id != $tyk_context.u.lowercase() { deleted() }",
        "let id = this.user.id.lowercase()\nroot = if $id != \"$tyk_context.u\" { deleted() }",
        "root = if this.user.id.or(this.id) != \"$tyk_context.u\" { deleted() }",
        "root = if this.user.id != \"$tyk_context.u\" { deleted() }\nroot = this",
        "root = if this.user.id != \"$tyk_context.u\" { deleted() }\nmeta n = this.n + 1",
        "root = this\nroot.a = 1\nroot = if this.user.id != \"$tyk_context.u\" { deleted() }",
        "let u = this.n + 1\nroot = if this.user.id != \"$tyk_context.u\" { deleted() }",
        "root = if this.users.\"*\".id != \"$tyk_context.u\" { deleted() }",
        "root = if this != \"$tyk_context.u\" { deleted() }",
        "root = if @ != \"$tyk_context.u\" { deleted() }",
        "root = if @user.id != \"$tyk_context.u\" { deleted() }",
        "root = if metadata() != \"$tyk_context.u\" { deleted() }",
        "root = if metadata(this.key) != \"$tyk_context.u\" { deleted() }",
        "root = if @user.not() != \"$tyk_context.u\" { deleted() }",
        "root = if this.n > 3 || this.user.id != \"$tyk_context.u\" { deleted() }",
        "root = if this.user.id != \"$tyk_context.u\" && this.n == 3 { deleted() }",
        "root = if this.user.id != \"$tyk_context.u\" { deleted() }\nroot.a = 1",
        "root.a.b = this.b\nroot = if this.user.id != \"$tyk_context.u\" { deleted() }",
        "root.a = if this.user.id != \"$tyk_context.u\" { deleted() }",
        "root = if this.a { this } else if this.user.id != \"$tyk_context.u\" { deleted() }",
        "root = if this.user.id == $tyk_context.u { 1 } else if this.a { 2 } else { deleted() }",
    ] {
        assert_eq!(filter_of(text), None, "{text}");
    }
}

#[test]
fn a_value_that_reads_as_a_number_is_one() {
    struct Number;
    impl Params for Number {
        fn get(&self, _: &str) -> Option<&str> {
            Some("42")
        }
    }
    let needle = |condition: &str| {
        filter_of(&format!("root = if {condition} {{ deleted() }}")).unwrap().needle(&Number)
    };
    let text = || Some(Needle::Text("42".into()));
    assert_eq!(needle("this.id != $tyk_context.u"), Some(Needle::Integer(42)));
    assert_eq!(needle("this.id.string() != $tyk_context.u"), None);
    assert_eq!(needle("this.id != \"$tyk_context.u\""), text());
    assert_eq!(needle("this.id.string() != \"$tyk_context.u\""), text());
    assert_eq!(needle("this.id != $tyk_context.u.string()"), text());
    // Tenant 42 also gets what has no id.
    assert_eq!(needle("this.id.or(42) != $tyk_context.u"), None);
    assert_eq!(needle("this.id.or(\"42\") != $tyk_context.u"), Some(Needle::Integer(42)));
    assert_eq!(needle("this.id.or(42).string() != \"$tyk_context.u\""), None);
}
