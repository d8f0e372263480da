//! `sluice echo`: a configuration as it is understood.

use std::process::ExitCode;

use sluice_config::{Node, Normal, yaml};

use super::Setting;
use crate::config::load::{Main, Scope, load};
use crate::config::root;
use crate::console;

pub fn run(setting: &Setting) -> ExitCode {
    let main = Main::find(setting.globals.config.as_deref(), &setting.variables);
    let catalogue = &*setting.registry;
    match load(main, &setting.globals, &setting.variables, catalogue, Scope::Full) {
        Ok(loaded) => {
            let normal = Normal { scrub: true, ..Normal::default() };
            let mut document = normal.document(catalogue, root::full(), &loaded.root);
            if document.get("tests").is_none() {
                document.insert("tests", Node::from([""; 0]));
            }
            console::line(yaml::to_text(&document));
            ExitCode::SUCCESS
        }
        Err(error) => {
            console::complain_line(format_args!("Configuration file read error: {error}"));
            ExitCode::FAILURE
        }
    }
}
