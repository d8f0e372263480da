//! The formatter: what it makes nicer. That it changes no program is shown beside its code.

use sluice_bloblang::{Environment, format};

#[track_caller]
fn formats(text: &str, expected: &str) {
    let formatted = format(text, &Environment::default()).expect("it is a mapping");
    assert_eq!(formatted, expected);
}

#[test]
fn operators_are_set_apart() {
    formats("root = this.a+1", "root = this.a + 1\n");
    formats("root   =   this.a    ==-1\n", "root = this.a == -1\n");
    formats("root = ! this.a||this.b&&- 1 < 2", "root = !this.a || this.b && -1 < 2\n");
    formats("root = this.a-1", "root = this.a - 1\n");
    formats("root = this.a|\"none\"", "root = this.a | \"none\"\n");
    formats("root = this.a.map_each(x  ->\tx*2)", "root = this.a.map_each(x -> x * 2)\n");
    formats("meta a= 1\nmeta =   {}", "meta a = 1\nmeta = {}\n");
}

#[test]
fn lists_and_objects_are_spaced_alike() {
    formats("root = [ 1,2 ,3 ]", "root = [1, 2, 3]\n");
    formats(r#"root = { "a" :1,"b":{} }"#, "root = {\"a\": 1, \"b\": {}}\n");
    formats("root = this.a[ 0 ]", "root = this.a[0]\n");
    formats("root = this.a[ 1 : this.b-1 ]", "root = this.a[1:this.b - 1]\n");
    formats(
        "root = now().ts_format( format:\"2006\" )",
        "root = now().ts_format(format: \"2006\")\n",
    );
}

#[test]
fn blocks_are_indented() {
    formats(
        "if this.a{\nroot.b = 1\n}else{\n\n\n\nroot.b = 2 # two\n  # none\n\n}",
        "if this.a {\n  root.b = 1\n} else {\n  root.b = 2 # two\n  # none\n}\n",
    );
    formats(
        "root = match this.a{\n1=>{\n\"x\":1\n}\n-1=>if this.b\n{2} else\n{3}\n{\"c\":4}=> 5\n_=>2\n}",
        "root = match this.a {\n  1 => {\n    \"x\": 1\n  }\n  -1 => if this.b\n  { 2 } else\n  { 3 }\n  {\"c\": 4} => 5\n  _ => 2\n}\n",
    );
    formats(
        "map m {root = this}\nroot = this.apply(\"m\")",
        "map m { root = this }\nroot = this.apply(\"m\")\n",
    );
}

#[test]
fn what_goes_on_is_indented_once() {
    formats(
        "root = this.a.\nmap_each(x -> {\n\"v\":x\n}).\n    # only the small\n      filter(x -> x.v <\n3)\nroot.b = 1",
        "root = this.a.\n  map_each(x -> {\n    \"v\": x\n  }).\n  # only the small\n  filter(x -> x.v <\n      3)\nroot.b = 1\n",
    );
    formats("root = this.a+\n1 +\n2", "root = this.a +\n  1 +\n  2\n");
    formats("root = this.a.sum(\n)", "root = this.a.sum(\n)\n");
}

#[test]
fn blank_lines_are_kept_once() {
    formats("\n\n# head\n\n\nlet x = 1\n\n\n\nroot = $x\n\n", "# head\n\nlet x = 1\n\nroot = $x\n");
    formats("root.a = 1\r\n\r\n\r\n# x\r\nroot.b = 2\r\n", "root.a = 1\n\n# x\nroot.b = 2\n");
}

#[test]
fn the_last_line_ends_with_a_line_break() {
    formats("root = 1", "root = 1\n");
    formats("root = 1 # one", "root = 1 # one\n");
    formats("root = 1\n# end", "root = 1\n# end\n");
}

#[test]
fn texts_are_not_touched() {
    let raw = "root = \"\"\"\n  a   b=1\n\n\n\"\"\"\n";
    formats(raw, raw);
    formats("root = \"a=  #b\\\"  c\" # d   \n", "root = \"a=  #b\\\"  c\" # d\n");
    formats("root.\"a b\".0 = @\"x=y\"\n", "root.\"a b\".0 = @\"x=y\"\n");
}

#[test]
fn placeholders_stay_whole() {
    let environment = Environment::default().with_placeholders(["tyk_context"]);
    let formatted = format("root =  $tyk_context.a-b.c -1", &environment).expect("it is a mapping");
    assert_eq!(formatted, "root = $tyk_context.a-b.c - 1\n");
}

#[test]
fn what_is_no_mapping_is_refused() {
    let problems = format("root = ", &Environment::default()).expect_err("a value is missing");
    assert_eq!(problems.first().code, "syntax");
}
