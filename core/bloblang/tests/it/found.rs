//! Inputs that fuzzing found, from `tests/found`: a document, a zero byte and a mapping. They
//! yield results or errors, and nothing panics on the way, not even where it would be caught.

use std::{
    cell::Cell,
    panic::{set_hook, take_hook},
};

use sluice_bloblang::{Environment, Input, Program, Single};
use sluice_value::json;

thread_local! {
    static PANICS: Cell<usize> = const { Cell::new(0) };
}

#[test]
fn nothing_panics_on_inputs_that_fuzzing_found() {
    let default = take_hook();
    set_hook(Box::new(move |info| {
        PANICS.set(PANICS.get() + 1);
        default(info);
    }));
    for file in std::fs::read_dir("tests/found").expect("the directory is there") {
        let path = file.expect("it can be listed").path();
        run(&std::fs::read(&path).expect("it can be read"));
        assert_eq!(PANICS.get(), 0, "{}", path.display());
    }
}

fn run(input: &[u8]) {
    let split = input.iter().position(|byte| *byte == 0).expect("there is a zero byte");
    let value = json::parse(&input[..split]).expect("it begins with a document");
    let mapping = std::str::from_utf8(&input[split + 1..]).expect("a mapping is text");
    let program = Program::parse(mapping, &Environment::default()).expect("it is a mapping");
    let message = Single { value, ..Single::default() };
    drop(program.map(&Input::new(&message, 0)));
    drop(program.mutate(&Input::new(&message, 0)));
}
