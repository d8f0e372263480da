//! The formatter: what it makes nicer, and that it changes no program.

use proptest::prelude::*;
use sluice_bloblang::{Environment, Program, format};

use crate::support::mappings_of_cases;

#[track_caller]
fn formats(text: &str, expected: &str) {
    let formatted = format(text, &Environment::default()).expect("it is a mapping");
    assert_eq!(formatted, expected);
}

#[test]
fn operators_are_set_apart() {
    formats("root=this.a+1", "root = this.a + 1\n");
    formats("root   =   this.a    ==-1\n", "root = this.a == -1\n");
    formats("root = !this.a||this.b&&- 1 < 2", "root = !this.a || this.b && -1 < 2\n");
    formats("root = this.a-1", "root = this.a - 1\n");
    formats("root = this.a|\"none\"", "root = this.a | \"none\"\n");
    formats("root = this.a.map_each(x->x*2)", "root = this.a.map_each(x -> x * 2)\n");
}

#[test]
fn lists_and_objects_are_spaced_alike() {
    formats("root = [ 1,2 ,3 ]", "root = [1, 2, 3]\n");
    formats(r#"root = { "a" :1,"b":{} }"#, "root = {\"a\": 1, \"b\": {}}\n");
    formats("root = this.a[0]", "root = this.a[0]\n");
    formats("root = this.a[1:this.b - 1]", "root = this.a[1:this.b - 1]\n");
    formats("root = now().ts_format( format : \"2006\" )", "root = now().ts_format(format: \"2006\")\n");
}

#[test]
fn blocks_are_indented() {
    formats(
        "if this.a{\nroot.b=1\n}else{\n\n\n\nroot.b=2 # two\n  # none\n\n}",
        "if this.a {\n  root.b = 1\n} else {\n  root.b = 2 # two\n  # none\n}\n",
    );
    formats(
        "root = match this.a{\n1=>{\n\"x\":1\n}\n_=>2\n}",
        "root = match this.a {\n  1 => {\n    \"x\": 1\n  }\n  _ => 2\n}\n",
    );
    formats("map m{root=this}\nroot=this.apply(\"m\")", "map m { root = this }\nroot = this.apply(\"m\")\n");
}

#[test]
fn what_goes_on_is_indented_once() {
    formats(
        "root = this.a\n.map_each(x->{\n\"v\":x\n})\n    # only the small\n      .filter(x->x.v<\n3)\nroot.b=1",
        "root = this.a\n  .map_each(x -> {\n    \"v\": x\n  })\n  # only the small\n  .filter(x -> x.v <\n      3)\nroot.b = 1\n",
    );
    formats("root = this.a+\n1 +\n2", "root = this.a +\n  1 +\n  2\n");
}

#[test]
fn blank_lines_are_kept_once() {
    formats("\n\n# head\n\n\nlet x=1\n\n\n\nroot=$x\n\n", "# head\n\nlet x = 1\n\nroot = $x\n");
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
    let formatted = format("root=$tyk_context.a-b.c-1", &environment).expect("it is a mapping");
    assert_eq!(formatted, "root = $tyk_context.a-b.c-1\n");
}

#[test]
fn recorded_mappings_stay_the_same_program() {
    let environment = Environment::default();
    let mut count = 0;
    for mapping in mappings_of_cases() {
        let Ok(program) = Program::parse(&mapping, &environment) else { continue };
        let formatted = format(&mapping, &environment).expect("it is a mapping");
        let again = Program::parse(&formatted, &environment).expect("it still is one");
        assert!(again == program, "{mapping}\n---\n{formatted}");
        let twice = format(&formatted, &environment).expect("it still is one");
        assert_eq!(twice, formatted, "formatting again changes nothing");
        count += 1;
    }
    assert!(count > 1000, "{count} mappings");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// However the author spaced it, the program stays and formatting comes to an end.
    #[test]
    fn wild_spacing_changes_no_program(
        which in any::<prop::sample::Index>(),
        spaces in prop::collection::vec((any::<prop::sample::Index>(), "[ \t]{0,3}|\n| # c\n"), 0..8),
    ) {
        let environment = Environment::default();
        let mappings = mappings_of_cases();
        let mut mapping = which.get(&mappings).clone();
        for (at, space) in spaces {
            let places: Vec<usize> = mapping.char_indices().map(|(at, _)| at).collect();
            if !places.is_empty() {
                mapping.insert_str(*at.get(&places), &space);
            }
        }
        if let Ok(program) = Program::parse(&mapping, &environment) {
            let formatted = format(&mapping, &environment).expect("it is a mapping");
            let again = Program::parse(&formatted, &environment).expect("it still is one");
            prop_assert!(again == program, "{}\n---\n{}", mapping, formatted);
            let twice = format(&formatted, &environment).expect("it still is one");
            prop_assert_eq!(twice, formatted);
        }
    }
}
