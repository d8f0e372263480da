//! How outputs put messages one after the other.

use sluice_engine::BuildError;
use sluice_message::Batch;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Each message replaces what was there.
    AllBytes,
    /// Nothing between messages.
    Append,
    /// A delimiter after each message that does not end with it already.
    Delimited(Vec<u8>),
}

impl Codec {
    /// # Errors
    /// The name is none of `all-bytes`, `append`, `lines` and `delim:x`.
    pub fn parse(name: &str) -> Result<Self, BuildError> {
        match name {
            "all-bytes" => Ok(Self::AllBytes),
            "append" => Ok(Self::Append),
            "lines" => Ok(Self::Delimited(b"\n".to_vec())),
            _ => match name.strip_prefix("delim:") {
                Some(delimiter) if !delimiter.is_empty() => {
                    Ok(Self::Delimited(delimiter.as_bytes().to_vec()))
                }
                Some(_) => {
                    Err(BuildError::new("custom delimiter codec requires a non-empty delimiter"))
                }
                None => Err(BuildError::new(format!("codec was not recognised: {name}"))),
            },
        }
    }

    pub fn encode(&self, content: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(content);
        if let Self::Delimited(delimiter) = self {
            if !content.ends_with(delimiter) {
                out.extend_from_slice(delimiter);
            }
        }
    }

    pub fn encode_batch(&self, batch: &Batch, out: &mut Vec<u8>) {
        for message in batch.iter() {
            self.encode(message.bytes(), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(codec: &str, contents: &[&str], expected: &str) {
        let codec = Codec::parse(codec).unwrap();
        let mut out = Vec::new();
        contents.iter().for_each(|content| codec.encode(content.as_bytes(), &mut out));
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn delimiters_are_not_doubled() {
        check("lines", &["a", "b\n", ""], "a\nb\n\n");
        check("delim:--", &["a", "b--"], "a--b--");
        check("append", &["a", "b"], "ab");
        assert!(Codec::parse("delim:").is_err() && Codec::parse("csv").is_err());
    }
}
