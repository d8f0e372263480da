//! `capitalize`: a capital at the beginning of each word.

use sluice_value::Value;
use unicode_segmentation::UnicodeSegmentation;

use super::changed;
use crate::{
    Error,
    builtin::{Category, Example, Method, MethodCode},
};

pub(super) const METHOD: Method = Method::new(
    "capitalize",
    &[Category::String],
    "Turns the first letter of each word into a capital, and all other letters into small ones.",
    MethodCode::Value(capitalize),
)
.examples(&[Example::new(
    "root.title = this.title.capitalize()",
    &[(r#"{"title":"the OLD jean-luc"}"#, r#"{"title":"The Old Jean-Luc"}"#)],
)]);

fn capitalize(value: &Value) -> Result<Value, Error> {
    changed(value, |text| {
        let mut out = String::with_capacity(text.len());
        for word in text.split_word_bounds() {
            let first = word.find(char::is_alphabetic);
            let Some(first) = first else {
                out.push_str(word);
                continue;
            };
            let letter = word[first..].chars().next().unwrap_or_default();
            out.push_str(&word[..first]);
            out.push_str(&title(letter));
            out.push_str(&word[first + letter.len_utf8()..].to_lowercase());
        }
        out
    })
}

/// The form of a letter at the beginning of a word, which for a few is not its capital.
fn title(letter: char) -> String {
    match letter {
        'Ǆ' | 'ǆ' => "ǅ".into(),
        'Ǉ' | 'ǉ' => "ǈ".into(),
        'Ǌ' | 'ǌ' => "ǋ".into(),
        'Ǳ' | 'ǳ' => "ǲ".into(),
        'ß' => "Ss".into(),
        other => other.to_uppercase().collect(),
    }
}
