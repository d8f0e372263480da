//! Texts that mean something to their component: they are read with everything else, so that one
//! that cannot be read is told with all other mistakes of the document.

use crate::types::text;
use crate::{Field, FieldType, Node, Reader, Type};

/// What a text stands for.
pub trait FromText: Sized {
    /// `field`: the last part of the text's document path.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn from_text(text: &str, field: &str) -> Result<Self, String>;
}

/// A field whose text is read by its component's own rules.
#[derive(Clone, Debug)]
pub struct Parsed<T>(pub T);

impl<T: FromText> FieldType for Parsed<T> {
    fn describe(field: &mut Field) {
        field.ty = Type::String;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let text = text(node, reader, "string")?;
        let field = reader.path().rsplit('.').next().unwrap_or_default();
        match T::from_text(&text, field) {
            Ok(value) => Some(Self(value)),
            Err(message) => {
                reader.problem(node.at, message);
                None
            }
        }
    }
}
