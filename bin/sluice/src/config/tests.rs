//! Unit tests as configurations hold them.

use std::collections::BTreeMap;

use sluice_config::{Node, Query, config};
use sluice_value::Value;

config! {
    /// One unit test.
    pub struct TestCase {
        /// What the test is called.
        name: String => lint_required advanced,
        /// Environment variables while the configuration is read.
        environment: Option<BTreeMap<String, String>> => advanced,
        /// The processors under test: a JSON pointer or a label, behind `file#` where they are
        /// in another file.
        target_processors: String = "/pipeline/processors" => advanced,
        /// A file with a mapping, to test that instead.
        target_mapping: String = "" => advanced,
        /// Processors to stand in for others, by the label or JSON pointer of those.
        mocks: Option<BTreeMap<String, Node>> => advanced,
        /// A batch to feed in.
        input_batch: Option<Vec<TestInput>> => advanced,
        /// Batches to feed in, one after the other.
        input_batches: Option<Vec<Vec<TestInput>>> => advanced,
        /// What should come out.
        output_batches: Option<Vec<Vec<TestOutput>>> => advanced,
    }
}

config! {
    /// A message to feed in.
    pub struct TestInput {
        /// Its content.
        content: Option<String> => advanced,
        /// Its content as a document.
        json_content: Option<Value> => advanced,
        /// A file with its content, relative to the test.
        file_content: Option<String> => advanced,
        /// Its metadata.
        metadata: Option<BTreeMap<String, Value>> => advanced,
    }
}

config! {
    /// What a message should be like. Every condition that is given must hold.
    pub struct TestOutput {
        /// A query that must be true.
        bloblang: Option<Query> => advanced,
        /// The content.
        content_equals: Option<String> => advanced,
        /// A regular expression that must match somewhere in the content.
        content_matches: Option<String> => advanced,
        /// Metadata that must be there.
        metadata_equals: Option<BTreeMap<String, Value>> => advanced,
        /// A file with the content, relative to the test.
        file_equals: Option<String> => advanced,
        /// A file with a document that must equal the content.
        file_json_equals: Option<String> => advanced,
        /// A document that must equal the content.
        json_equals: Option<Value> => advanced,
        /// A document whose fields and items the content must have.
        json_contains: Option<Value> => advanced,
        /// A file with a document whose fields and items the content must have.
        file_json_contains: Option<String> => advanced,
    }
}

config! {
    /// A document with tests; what else it holds is not read here.
    pub struct Tests {
        /// The tests.
        tests: Option<Vec<TestCase>> => advanced,
    }
}
