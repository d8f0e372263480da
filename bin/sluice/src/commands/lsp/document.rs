//! Open documents and the mappings in them.

use std::collections::HashMap;

use lsp_types::Uri;
use percent_encoding::percent_decode_str;
use sluice_bloblang::Environment;

use super::region::{Region, whole, yaml_blocks};

/// Documents longer than this get no help.
const MAX_LENGTH: usize = 4 * 1024 * 1024;

/// The documents the editor has open.
pub(super) struct Documents {
    language: Environment,
    open: HashMap<Uri, Document>,
}

pub(super) struct Document {
    pub(super) text: String,
    /// The whole document is a mapping, rather than having some inside.
    pub(super) is_mapping: bool,
    pub(super) regions: Vec<Region>,
    /// The language, importing from the document's directory.
    pub(super) language: Environment,
}

impl Documents {
    pub(super) fn new(language: Environment) -> Self {
        Self { language, open: HashMap::new() }
    }

    pub(super) fn get(&self, uri: &Uri) -> Option<&Document> {
        self.open.get(uri)
    }

    pub(super) fn put(&mut self, uri: Uri, language_id: &str, text: String) {
        let path = percent_decode_str(uri.path().as_str()).decode_utf8_lossy().into_owned();
        let is_yaml = matches!(language_id, "yaml" | "yml" | "dockercompose")
            || path.ends_with(".yaml")
            || path.ends_with(".yml");
        let directory = path.rsplit_once('/').map_or(".", |(directory, _)| directory);
        let directory = if directory.is_empty() { "/" } else { directory };
        let mut document = Document {
            text: String::new(),
            is_mapping: !is_yaml,
            regions: Vec::new(),
            language: self.language.clone().with_directory(directory),
        };
        document.set(text);
        self.open.insert(uri, document);
    }

    pub(super) fn change(&mut self, uri: &Uri, text: String) {
        if let Some(document) = self.open.get_mut(uri) {
            document.set(text);
        }
    }

    pub(super) fn close(&mut self, uri: &Uri) {
        self.open.remove(uri);
    }
}

impl Document {
    fn set(&mut self, text: String) {
        self.regions = match text.len() {
            0..=MAX_LENGTH if self.is_mapping => vec![whole(&text)],
            0..=MAX_LENGTH => yaml_blocks(&text),
            _ => Vec::new(),
        };
        self.text = text;
    }

    /// The mapping around a line.
    pub(super) fn region(&self, line: u32) -> Option<&Region> {
        self.regions.iter().find(|region| region.has_line(line as usize))
    }
}
