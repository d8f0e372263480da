//! From host and path to an API: the longest listen path wins.
//!
//! Plain listen paths are sorted as texts and each knows the next shorter one that it extends. The
//! entry that sorts last before a path either is its prefix or shares all of its prefixes, so a lookup
//! is one binary search and a short climb, however many APIs there are. Templates are few: they are
//! tried one by one, longest first.

use std::{collections::HashMap, sync::Arc};

use crate::runtime::ApiRuntime;

/// All routes of one snapshot.
#[derive(Default)]
pub(crate) struct Router {
    any_host: Routes,
    by_host: HashMap<Arc<str>, Routes>,
}

/// The route a request takes.
#[derive(Clone)]
pub(crate) struct Route {
    pub runtime: Arc<ApiRuntime>,
    /// The API was reached by its id instead of its listen path.
    pub by_id: bool,
}

#[derive(Default)]
struct Routes {
    prefixes: Vec<Prefix>,
    /// Longest listen path first.
    templates: Vec<Arc<ApiRuntime>>,
}

struct Prefix {
    text: String,
    /// The longest other prefix that this one starts with.
    shorter: Option<usize>,
    route: Route,
}

impl Router {
    pub(crate) fn new(runtimes: &[Arc<ApiRuntime>]) -> Self {
        let mut router = Self::default();
        let public = || runtimes.iter().filter(|runtime| !runtime.api.state.internal);
        for runtime in public() {
            let routes = match &runtime.api.domain {
                Some(domain) => router.by_host.entry(domain.clone()).or_default(),
                None => &mut router.any_host,
            };
            routes.add(runtime);
        }
        for runtime in public() {
            let route = Route { runtime: runtime.clone(), by_id: true };
            router.any_host.add_prefix(format!("/{}/", runtime.api.id), route);
        }
        router.by_host.values_mut().chain([&mut router.any_host]).for_each(Routes::finish);
        router
    }

    /// The API for `path` on `host` (without port, in any case).
    pub(crate) fn find(&self, host: Option<&str>, path: &str, strict: bool) -> Option<Route> {
        let limited = || {
            let host = host?.to_ascii_lowercase();
            self.by_host.get(host.as_str())?.find(path, strict)
        };
        let limited = if self.by_host.is_empty() { None } else { limited() };
        limited.or_else(|| self.any_host.find(path, strict))
    }
}

impl Routes {
    fn add(&mut self, runtime: &Arc<ApiRuntime>) {
        let listen = &runtime.api.listen_path;
        if listen.is_template() {
            self.templates.push(runtime.clone());
        } else {
            let route = Route { runtime: runtime.clone(), by_id: false };
            self.add_prefix(listen.value().to_owned(), route);
        }
    }

    fn add_prefix(&mut self, text: String, route: Route) {
        if !self.prefixes.iter().any(|known| known.text == text) {
            self.prefixes.push(Prefix { text, shorter: None, route });
        }
    }

    /// Sorts what was added and links each prefix to the next shorter one.
    fn finish(&mut self) {
        self.templates.sort_by_key(|api| std::cmp::Reverse(api.api.listen_path.value().len()));
        self.prefixes.sort_by(|a, b| a.text.cmp(&b.text));
        let mut open: Vec<usize> = Vec::new();
        for index in 0..self.prefixes.len() {
            while let Some(&last) = open.last() {
                if self.prefixes[index].text.starts_with(&self.prefixes[last].text) {
                    break;
                }
                open.pop();
            }
            self.prefixes[index].shorter = open.last().copied();
            open.push(index);
        }
    }

    fn find(&self, path: &str, strict: bool) -> Option<Route> {
        let fixed = self.longest_prefix(path, strict);
        let length = fixed.map_or(0, |prefix| prefix.text.len());
        let longer = self
            .templates
            .iter()
            .take_while(|runtime| runtime.api.listen_path.value().len() > length)
            .find(|runtime| runtime.api.listen_path.matches(path, strict).is_some());
        match longer {
            Some(runtime) => Some(Route { runtime: runtime.clone(), by_id: false }),
            None => fixed.map(|prefix| prefix.route.clone()),
        }
    }

    fn longest_prefix(&self, path: &str, strict: bool) -> Option<&Prefix> {
        let after = self.prefixes.partition_point(|prefix| prefix.text.as_str() <= path);
        let mut candidate = after.checked_sub(1);
        while let Some(index) = candidate {
            let prefix = &self.prefixes[index];
            if prefix.covers(path, strict) {
                return Some(prefix);
            }
            candidate = prefix.shorter;
        }
        None
    }
}

impl Prefix {
    fn covers(&self, path: &str, strict: bool) -> bool {
        let Some(rest) = path.strip_prefix(self.text.as_str()) else { return false };
        !strict || rest.is_empty() || rest.starts_with('/') || self.text.ends_with('/')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sluice_model::{Api, ListenPath, Revision, State, Upstream};

    use super::*;

    fn runtime(id: &str, path: &str, domain: Option<&str>, internal: bool) -> Arc<ApiRuntime> {
        let api = Arc::new(Api {
            id: id.into(),
            name: id.into(),
            organisation: "".into(),
            revision: Revision([0; 32]),
            origin: "test".into(),
            domain: domain.map(Into::into),
            listen_path: ListenPath::new(path, true).unwrap(),
            state: State { active: true, internal },
            expiration: None,
            upstream: Upstream::default(),
            context_variables: false,
            request_size_limit: None,
            extension: None,
        });
        Arc::new(ApiRuntime::inert(api))
    }

    #[track_caller]
    fn check(router: &Router, path: &str, strict: bool, expected: Option<&str>) {
        let found = router.find(Some("host.example"), path, strict);
        assert_eq!(
            found.map(|route| route.runtime.api.id.to_string()).as_deref(),
            expected,
            "{path}"
        );
    }

    #[test]
    fn the_longest_listen_path_wins() {
        let router = Router::new(&[
            runtime("root", "/", None, false),
            runtime("app", "/app", None, false),
            runtime("app-v2", "/app/v2/", None, false),
            runtime("tenant", "/t/{tenant}/", None, false),
            runtime("hidden", "/hidden/", None, true),
        ]);
        check(&router, "/app/v2/x", false, Some("app-v2"));
        check(&router, "/app/v2", false, Some("app"));
        check(&router, "/apple", false, Some("app"));
        check(&router, "/apple", true, Some("root"));
        check(&router, "/t/acme/", false, Some("tenant"));
        check(&router, "/hidden/x", false, Some("root"));
        check(&router, "/app-v2/x", false, Some("app-v2"));
    }

    #[test]
    fn nothing_answers_outside_all_listen_paths() {
        let router = Router::new(&[runtime("a", "/a/", None, false)]);
        check(&router, "/a", false, None);
        check(&router, "/", false, None);
        check(&router, "*", false, None);
    }

    #[test]
    fn apis_of_a_domain_answer_only_there() {
        let router = Router::new(&[
            runtime("d", "/x/", Some("host.example"), false),
            runtime("e", "/y/", Some("other.example"), false),
        ]);
        check(&router, "/x/", false, Some("d"));
        check(&router, "/y/", false, None);
        assert!(router.find(Some("OTHER.example"), "/y/", false).is_some());
        assert!(router.find(None, "/y/", false).is_none());
    }

    proptest! {
        #[test]
        fn lookups_agree_with_trying_every_prefix(
            paths in prop::collection::btree_set("/[ab/]{0,5}", 1..20),
            path in "/[ab/]{0,8}",
            strict: bool,
        ) {
            let runtimes: Vec<_> = paths
                .iter()
                .enumerate()
                .map(|(index, path)| runtime(&format!("id{index}"), path, None, false))
                .collect();
            let expected = runtimes
                .iter()
                .filter(|runtime| runtime.api.listen_path.matches(&path, strict).is_some())
                .max_by_key(|runtime| runtime.api.listen_path.value().len())
                .map(|runtime| runtime.api.id.clone());
            let found = Router::new(&runtimes).find(None, &path, strict);
            prop_assert_eq!(found.map(|route| route.runtime.api.id.clone()), expected);
        }
    }
}
