//! Filters of topics: which are well formed, and which have topics in common.

/// Prefix of filters whose messages a broker shares out among clients.
pub(crate) const SHARED: &str = "$share/";

/// # Errors
/// Why a broker would refuse it.
pub(crate) fn check(filter: &str) -> Result<(), &'static str> {
    if filter.is_empty() || filter.len() > 65_535 || filter.contains('\0') {
        return Err("topics have 1 to 65535 bytes and no zero byte");
    }
    let levels: Vec<&str> = filter.split('/').collect();
    for (at, level) in levels.iter().enumerate() {
        if level.contains('#') && (*level != "#" || at + 1 != levels.len()) {
            return Err("'#' must be the last level");
        }
        if level.contains('+') && *level != "+" {
            return Err("'+' must be a whole level");
        }
    }
    Ok(())
}

/// Whether some topic matches both. Errs to `true` for topics of the broker's own, such as `$SYS`.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    let (mut ones, mut others) = (one.split('/'), other.split('/'));
    loop {
        match (ones.next(), others.next()) {
            (None, None) | (Some("#"), _) | (_, Some("#")) => return true,
            (Some(a), Some(b)) if a == b || a == "+" || b == "+" => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_checked_as_brokers_do() {
        for filter in ["a", "a/b", "+", "#", "a/+/b", "a/#", "/", "$SYS/#", "a//b"] {
            assert_eq!(check(filter), Ok(()), "{filter}");
        }
        for filter in ["", "a#", "a/#/b", "a+/b", "#/a", "a/b+"] {
            assert!(check(filter).is_err(), "{filter}");
        }
    }

    #[test]
    fn filters_overlap_when_a_topic_matches_both() {
        for (one, other) in [
            ("a/#", "a"),
            ("a/+", "a/b"),
            ("+/b", "a/+"),
            ("#", "x/y"),
            ("a/b", "a/b"),
            ("a/#", "+/b/c"),
        ] {
            assert!(overlap(one, other) && overlap(other, one), "{one} {other}");
        }
        for (one, other) in [("a/b", "a"), ("a/+", "a"), ("a/b", "a/c"), ("users/1/#", "users/2/#")]
        {
            assert!(!overlap(one, other) && !overlap(other, one), "{one} {other}");
        }
    }
}
