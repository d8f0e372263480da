//! Request paths: decoded for matching, raw for forwarding, clean or redirected.

use std::borrow::Cow;

use http::Uri;
use sluice_model::ListenPath;

use super::escape::{path_escape, unescape};

/// The path of a request in its two forms.
#[derive(Debug)]
pub(crate) struct RequestPath<'a> {
    /// Percent-decoded: what routes match.
    pub decoded: Cow<'a, str>,
    /// As sent: what upstreams get.
    pub raw: &'a str,
}

/// Why a path is not routed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PathRefusal {
    /// A percent escape is malformed: 400.
    Malformed,
    /// The path has a cleaner name: 301 to it.
    Moved(String),
}

impl<'a> RequestPath<'a> {
    pub(crate) fn read(uri: &'a Uri, skip_cleaning: bool) -> Result<Self, PathRefusal> {
        let raw = uri.path();
        let decoded = unescape(raw, false).ok_or(PathRefusal::Malformed)?;
        // `OPTIONS *` and `CONNECT host` have no path to speak of.
        let cleanable = !skip_cleaning && raw.starts_with('/');
        if cleanable && let Cow::Owned(clean) = clean(&decoded) {
            let mut location = path_escape(&clean);
            if let Some(query) = uri.query() {
                location.push('?');
                location.push_str(query);
            }
            return Err(PathRefusal::Moved(location));
        }
        Ok(Self { decoded, raw })
    }

    /// The raw path without `listen`, as an upstream should see it.
    pub(crate) fn stripped_raw(&self, listen: &ListenPath) -> String {
        if listen.matches(self.raw, false).is_some() {
            return listen.strip_from(self.raw);
        }
        // The listen path was spelled with escapes: spell the rest anew.
        path_escape(&listen.strip_from(&self.decoded))
    }
}

/// Resolves `.`, `..` and repeated slashes; borrowed when there was nothing to do.
fn clean(path: &str) -> Cow<'_, str> {
    let is_clean =
        !path.contains("//") && !path.split('/').any(|segment| segment == "." || segment == "..");
    if is_clean {
        return Cow::Borrowed(path);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop(),
            other => segments.push(other),
        }
    }
    let mut clean = format!("/{}", segments.join("/"));
    if path.ends_with('/') && clean.len() > 1 {
        clean.push('/');
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(uri: &str, expected: Result<&str, PathRefusal>) {
        let uri: Uri = uri.parse().unwrap();
        let read = RequestPath::read(&uri, false).map(|path| path.decoded.into_owned());
        assert_eq!(read, expected.map(str::to_owned), "{uri}");
    }

    #[test]
    fn escapes_are_decoded_for_matching() {
        check("/v%65nt", Ok("/vent"));
        check("/a%2Fb", Ok("/a/b"));
        check("/a%zz", Err(PathRefusal::Malformed));
        check("/a%4", Err(PathRefusal::Malformed));
    }

    #[test]
    fn unclean_paths_move_and_keep_their_query() {
        let moved = |location: &str| Err(PathRefusal::Moved(location.to_owned()));
        check("/a//b/../c/?x=1&y=%20", moved("/a/c/?x=1&y=%20"));
        check("/a/%2e%2e/b", moved("/b"));
        check("//evil.example/x", moved("/evil.example/x"));
        check("/..", moved("/"));
        check("/a b/./c".replace(' ', "%20").as_str(), moved("/a%20b/c"));
    }

    #[test]
    fn upstreams_get_the_path_as_it_was_sent() {
        let listen = ListenPath::new("/app/", true).unwrap();
        for (uri, expected) in
            [("/app/x%2Fy", "/x%2Fy"), ("/app/", "/"), ("/%61pp/x%20y", "/x%20y")]
        {
            let uri: Uri = uri.parse().unwrap();
            let path = RequestPath::read(&uri, false).unwrap();
            assert_eq!(path.stripped_raw(&listen), expected);
        }
    }

    proptest! {
        #[test]
        fn cleaning_ends(path in "/[/.a]{0,20}") {
            let once = clean(&path).into_owned();
            prop_assert!(matches!(clean(&once), Cow::Borrowed(_)), "{path} -> {once}");
        }
    }
}
