//! The syntax of topic lists: `foo`, `foo:0`, `foo:0-10`, `foo:0:42`.

use std::collections::BTreeMap;

use crate::cluster::split_list;

/// What a topic list names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topics {
    /// Whole topics, in the order of the list.
    pub(crate) names: Vec<String>,
    /// Named partitions, each with the offset to begin at, if that is named, too.
    pub(crate) partitions: BTreeMap<(String, i32), Option<i64>>,
}

/// Offsets that mean the two ends of a partition; others below zero mean nothing.
pub(crate) const OLDEST: i64 = -2;
pub(crate) const NEWEST: i64 = -1;

impl Topics {
    /// Reads a list. `unspecified` is the offset that counts as none.
    ///
    /// # Errors
    /// An item is malformed, or names an offset where `with_offsets` forbids it.
    pub(crate) fn parse(
        list: &[String],
        with_offsets: bool,
        unspecified: i64,
    ) -> Result<Self, String> {
        let mut topics = Self::default();
        for item in split_list(list) {
            let parts: Vec<&str> = item.split(':').collect();
            let (topic, partitions, offset) = match parts.as_slice() {
                [topic] => {
                    topics.names.push((*topic).to_owned()); // may be a pattern
                    continue;
                }
                [topic, partitions] => (topic, partitions, None),
                [topic, partitions, offset] if with_offsets => (topic, partitions, Some(offset)),
                [_, _, _] => {
                    return Err(format!(
                        "topic '{item}' is invalid, explicit offsets are not supported by this input"
                    ));
                }
                _ => {
                    return Err(format!(
                        "topic '{item}' is invalid, only one partition and an optional offset should be specified"
                    ));
                }
            };
            let topic = topic.trim();
            check_name(topic)?;
            let offset = offset.map(|text| parse_offset(&item, text)).transpose()?;
            let offset = offset.filter(|offset| *offset != unspecified);
            for partition in parse_partitions(&item, partitions)? {
                let known = topics.partitions.entry((topic.to_owned(), partition)).or_default();
                *known = offset.or(*known);
            }
        }
        Ok(topics)
    }
}

/// Only what can be the name of a topic. To the client library a name that begins with `^` is a
/// pattern: it must not get there from a value that a user supplies.
///
/// # Errors
/// The text is no such name.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_name = !name.is_empty() && name.len() <= 249 && name.chars().all(legal);
    if is_name && name != "." && name != ".." {
        return Ok(());
    }
    Err(format!("'{name}' cannot be the name of a topic"))
}

fn parse_offset(item: &str, text: &str) -> Result<i64, String> {
    let offset: Option<i64> = text.trim().parse().ok();
    offset
        .filter(|offset| *offset >= OLDEST)
        .ok_or_else(|| format!("topic '{item}' is invalid, '{text}' is not an offset"))
}

fn parse_partitions(item: &str, text: &str) -> Result<std::ops::RangeInclusive<i32>, String> {
    let invalid = |text: &str| format!("topic '{item}' is invalid, '{text}' is not a partition");
    let number = |text: &str| {
        let number: Option<i32> = text.trim().parse().ok();
        number.filter(|number| *number >= 0).ok_or_else(|| invalid(text))
    };
    let Some((first, last)) = text.split_once('-') else {
        let partition = number(text)?;
        return Ok(partition..=partition);
    };
    let (first, last) = (number(first)?, number(last)?);
    // A slip of the keyboard must not ask for a billion partitions.
    if first > last || last - first >= 100_000 {
        return Err(invalid(text));
    }
    Ok(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &[&str]) -> Result<Topics, String> {
        let list: Vec<String> = list.iter().map(|&item| item.to_owned()).collect();
        Topics::parse(&list, true, NEWEST)
    }

    #[track_caller]
    fn check(list: &[&str], names: &[&str], partitions: &[(&str, i32, Option<i64>)]) {
        let topics = parse(list).unwrap();
        assert_eq!(topics.names, names);
        let partitions = partitions.iter().map(|&(topic, id, at)| ((topic.to_owned(), id), at));
        assert_eq!(topics.partitions, partitions.collect());
    }

    #[test]
    fn names_may_be_separated_by_commas() {
        check(&[" foo, bar ", "baz "], &["foo", "bar", "baz"], &[]);
        check(&["", ","], &[], &[]);
    }

    #[test]
    fn partitions_and_ranges_are_named_after_a_colon() {
        check(&["foo", "bar:1"], &["foo"], &[("bar", 1, None)]);
        check(&["a:5-7"], &[], &[("a", 5, None), ("a", 6, None), ("a", 7, None)]);
    }

    #[test]
    fn a_named_offset_takes_precedence_over_none() {
        check(&["foo:5:7"], &[], &[("foo", 5, Some(7))]);
        let overridden = [("foo", 4, Some(3)), ("foo", 5, Some(7)), ("foo", 6, Some(3))];
        check(&["foo:4-6:3", "foo:5:7"], &[], &overridden);
        let kept = [("foo", 4, Some(3)), ("foo", 5, Some(3))];
        check(&["foo:4-5:3", "foo:5:-1"], &[], &kept);
        check(&["foo:4-5:3", "foo:5"], &[], &kept);
    }

    #[test]
    fn offsets_can_be_forbidden() {
        let error = Topics::parse(&["foo:5:5".into()], false, NEWEST).unwrap_err();
        assert!(error.contains("explicit offsets are not supported by this input"), "{error}");
    }

    #[test]
    fn only_names_of_topics_are_accepted() {
        assert!(check_name("orders.v1_a-B").is_ok());
        for name in ["", "^.*", "a b", "a\0", "..", "a/b", &"x".repeat(250)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn malformed_items_are_named() {
        for item in ["foo:x", "foo:-1", "foo:3-1", "foo:1:2:3", "foo:1:x", "foo:0-2000000000"] {
            let error = parse(&[item]).unwrap_err();
            assert!(error.contains(item), "{error}");
        }
    }
}
