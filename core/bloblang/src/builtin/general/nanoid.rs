//! `nanoid`: short random identifiers.

use crate::{
    Error, Outcome,
    builtin::{
        Args, Category, Example, Function, FunctionCode, MAX_GROWTH, Param, PreparedFunction,
    },
};

pub(super) const FUNCTION: Function = Function::new(
    "nanoid",
    Category::General,
    "A new random identifier of 21 letters, digits, dashes and underscores, or of another length \
     and alphabet.",
    FunctionCode::Prepare(nanoid),
)
.params(&[
    Param::integer("length", "How many characters.").optional(),
    Param::string("alphabet", "The characters to choose from; needs a length.").optional(),
])
.examples(&[Example::new(
    "root.usual = nanoid().length()\nroot.long = nanoid(54).length()\nroot.few = nanoid(4, \"x\")",
    &[("{}", r#"{"few":"xxxx","long":54,"usual":21}"#)],
)]);

const ALPHABET: &str = "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

fn nanoid(args: &Args<'_, '_>) -> Result<PreparedFunction, Error> {
    let alphabet = args.opt_text(1).map(std::borrow::Cow::into_owned);
    let length = match (args.opt_integer(0), &alphabet) {
        (None, Some(_)) => {
            return Err(Error::new("field length must be specified when an alphabet is specified"));
        }
        (length, _) => length.unwrap_or(21),
    };
    let custom = alphabet.is_some();
    let alphabet: Vec<char> = alphabet.as_deref().unwrap_or(ALPHABET).chars().collect();
    Ok(PreparedFunction::new(move |_| {
        if alphabet.is_empty() || alphabet.len() > 255 {
            return Err(Error::new(
                "alphabet must not be empty and contain no more than 255 chars",
            ));
        }
        let length = usize::try_from(length).map_err(|_| {
            Error::new(if custom { "size must be positive integer" } else { "negative id length" })
        })?;
        if custom && length == 0 {
            return Err(Error::new("size must be positive integer"));
        }
        if length > MAX_GROWTH / 256 {
            return Err(Error::new("the length of a nanoid is limited to a million characters"));
        }
        random_text(&alphabet, length).map(Outcome::from)
    }))
}

/// Characters chosen evenly: bytes beyond the largest multiple of the alphabet's size are not used.
fn random_text(alphabet: &[char], length: usize) -> Result<String, Error> {
    let usable = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    let mut chosen = 0;
    while chosen < length {
        for byte in super::secure_bytes::<64>()?.map(usize::from) {
            if byte < usable && chosen < length {
                text.push(alphabet[byte % alphabet.len()]);
                chosen += 1;
            }
        }
    }
    Ok(text)
}
