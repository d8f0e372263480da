//! Places as texts: where a tenant stands in every partition, for clients that come back.
//!
//! A text holds a version, the offsets by topic and partition, and a checksum, in the alphabet of
//! URLs. Topics are known by a hash of their names, so that texts stay short. Whatever a client
//! sends, reading it yields offsets or an error.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};

const VERSION: u8 = 1;
/// Bytes of the checksum and of a topic's hash.
const CHECK: usize = 4;
/// Longer texts are refused unread.
pub(super) const MOST_TEXT: usize = 8192;
/// Partitions that fit into a text that a header may carry.
pub(super) const MOST_PARTITIONS: usize = 512;

/// A partition: the hash of its topic's name, and its number.
pub(super) type Key = ([u8; CHECK], i32);

pub(super) fn key(topic: &str, partition: i32) -> Key {
    (hash(topic.as_bytes()), partition)
}

/// `offsets` in any order; partitions of one topic next to each other make the text short.
pub(super) fn write(offsets: impl Iterator<Item = (Key, i64)>) -> String {
    let mut out = vec![VERSION];
    let mut topic = None;
    for ((hash, partition), offset) in offsets {
        // A topic begins with a zero; within it, partitions are written one higher.
        if topic != Some(hash) {
            out.push(0);
            out.extend(hash);
            topic = Some(hash);
        }
        number(&mut out, u64::from(partition.unsigned_abs()) + 1);
        number(&mut out, offset.max(0) as u64);
    }
    let check = hash(&out);
    out.extend(check);
    URL_SAFE_NO_PAD.encode(out)
}

/// # Errors
/// This is no place, in words for whoever sent it.
pub(super) fn read(text: &str) -> Result<Vec<(Key, i64)>, String> {
    let broken = || "this is not an id of this stream".to_owned();
    if text.len() > MOST_TEXT {
        return Err(broken());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| broken())?;
    match bytes.first() {
        Some(&VERSION) => {}
        Some(_) => return Err("the id has an unknown version".into()),
        None => return Err(broken()),
    }
    let (content, check) = bytes.split_last_chunk::<CHECK>().ok_or_else(broken)?;
    if hash(content) != *check {
        return Err(broken());
    }
    let mut rest = &content[1..];
    let mut topic = None;
    let mut offsets = Vec::new();
    while !rest.is_empty() {
        let Some(partition) = take_number(&mut rest).ok_or_else(broken)?.checked_sub(1) else {
            let (hash, after) = rest.split_first_chunk::<CHECK>().ok_or_else(broken)?;
            topic = Some(*hash);
            rest = after;
            continue;
        };
        let partition = i32::try_from(partition).map_err(|_| broken())?;
        let offset = take_number(&mut rest).ok_or_else(broken)?;
        let offset = i64::try_from(offset).map_err(|_| broken())?;
        offsets.push(((topic.ok_or_else(broken)?, partition), offset));
    }
    Ok(offsets)
}

fn hash(bytes: &[u8]) -> [u8; CHECK] {
    let digest = digest(&SHA256, bytes);
    *digest.as_ref().first_chunk().expect("a digest is longer")
}

/// Seven bits at a time, the lowest first.
fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn places_are_short() {
        let offsets = (0..12).map(|id| (key("completed", id), 1_000_000 + i64::from(id)));
        let text = write(offsets);
        assert!(text.len() < 80, "{text}");
    }

    #[test]
    fn what_is_no_place_is_refused_by_a_sentence() {
        let good = write([(key("t", 3), 77)].into_iter());
        for text in ["", "x", "AQ", "%%%", "AgAAAAAA", &good[1..], &good[..good.len() - 1]] {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert!(read(&"A".repeat(MOST_TEXT + 1)).is_err());
        assert_eq!(read(&good), Ok(vec![(key("t", 3), 77)]));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            offsets in prop::collection::vec((0..3_usize, 0..i32::MAX, 0..i64::MAX), 0..40),
        ) {
            let offsets: Vec<(Key, i64)> = offsets
                .into_iter()
                .map(|(topic, id, offset)| (key(["a", "b", "c"][topic], id), offset))
                .collect();
            prop_assert_eq!(read(&write(offsets.iter().copied())), Ok(offsets));
        }

        #[test]
        fn nothing_that_is_sent_does_harm(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let mut content = vec![VERSION];
            content.extend(bytes);
            let check = hash(&content);
            content.extend(check);
            let _ = read(&URL_SAFE_NO_PAD.encode(&content));
            let _ = read(&String::from_utf8_lossy(&content));
        }
    }
}
