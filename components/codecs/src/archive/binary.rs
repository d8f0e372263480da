//! The reference engine's own format of a batch: how many messages, then each with its length.

use bytes::Bytes;

use crate::limits::MAX_MESSAGES;

/// # Errors
/// More or longer messages than 32 bits count.
pub(super) fn pack<'a>(
    contents: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, String> {
    let counted = |length: usize| {
        let length = u32::try_from(length).map_err(|_| "message is too large for this format")?;
        Ok::<_, String>(length.to_be_bytes())
    };
    let mut out = counted(contents.len())?.to_vec();
    for content in contents {
        out.extend_from_slice(&counted(content.len())?);
        out.extend_from_slice(content);
    }
    Ok(out)
}

/// # Errors
/// The lengths are not those of the content.
pub(super) fn unpack(content: &Bytes) -> Result<Vec<Bytes>, String> {
    let mut rest = content.clone();
    let count = length(&mut rest)?;
    // Each message takes at least its length.
    if count > rest.len() / 4 || count > MAX_MESSAGES {
        return Err(broken());
    }
    let mut contents = Vec::with_capacity(count);
    for _ in 0..count {
        let length = length(&mut rest)?;
        if length > rest.len() {
            return Err(broken());
        }
        contents.push(rest.split_to(length));
    }
    Ok(contents)
}

fn length(rest: &mut Bytes) -> Result<usize, String> {
    let length = rest.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes) as usize);
    let length = length.ok_or_else(broken)?;
    let _ = rest.split_to(4);
    Ok(length)
}

fn broken() -> String {
    "serialised message bytes were in unexpected format".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_the_content() {
        let contents = [&b"ab"[..], b"", b"c"];
        let packed = Bytes::from(pack(contents.into_iter()).unwrap());
        assert_eq!(unpack(&packed).unwrap(), contents);
        for length in 0..packed.len() {
            assert!(unpack(&packed.slice(..length)).is_err(), "{length}");
        }
        assert!(unpack(&Bytes::from_static(b"\xff\xff\xff\xff\0\0\0\0")).is_err());
    }
}
