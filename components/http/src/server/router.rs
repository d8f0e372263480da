//! Which handler answers a path.
//!
//! Of several paths that match, the one mounted first answers. Of several handlers on one path,
//! the one mounted last answers, and the one before it again once that is gone. A path whose
//! handlers are all gone is remembered as disabled.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use http::Request;
use http::uri::{PathAndQuery, Uri};
use sluice_engine::http::{Endpoint, HttpBody, HttpHandler, Mount, OriginalPath};

use super::PathPattern;
use crate::query::decode_path;

/// Most disabled paths remembered.
const MAX_DISABLED: usize = 1000;

pub(super) struct Router {
    /// Without a trailing slash; empty for none.
    root_path: String,
    table: Arc<RwLock<Table>>,
}

#[derive(Default)]
struct Table {
    /// In the order in which their paths were first mounted.
    routes: BTreeMap<u64, Route>,
    exact: HashMap<String, u64>,
    patterns: Vec<u64>,
    next: u64,
}

struct Route {
    endpoint: Endpoint,
    pattern: PathPattern,
    /// The last one answers.
    handlers: Vec<(u64, Arc<dyn HttpHandler>)>,
}

pub(super) enum Found {
    Nothing,
    Disabled,
    Handler(Arc<dyn HttpHandler>),
}

impl Router {
    pub(super) fn new(root_path: &str) -> Self {
        let root_path = root_path.trim_end_matches('/');
        let root_path = match root_path {
            "" => String::new(),
            path if path.starts_with('/') => path.to_owned(),
            path => format!("/{path}"),
        };
        Self { root_path, table: Arc::default() }
    }

    pub(super) fn mount(
        &self,
        endpoint: Endpoint,
        handler: Arc<dyn HttpHandler>,
    ) -> Result<Mount, String> {
        let pattern = PathPattern::new(&endpoint.path)?;
        let path = endpoint.path.clone();
        let id = write(&self.table).add(endpoint, pattern, handler);
        let table: Weak<RwLock<Table>> = Arc::downgrade(&self.table);
        Ok(Mount::new(move || {
            if let Some(table) = table.upgrade() {
                write(&table).remove(&path, id);
            }
        }))
    }

    /// Finds the handler. Below the root path the request's URI loses that prefix.
    pub(super) fn find(&self, request: &mut Request<HttpBody>) -> Found {
        let path = decode_path(request.uri().path());
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let found = table.find(&path);
        if !matches!(found, Found::Nothing) || self.root_path.is_empty() {
            return found;
        }
        let below = path.strip_prefix(self.root_path.as_str()).filter(|rest| rest.starts_with('/'));
        let Some(below) = below else { return Found::Nothing };
        let found = table.find(below);
        if matches!(found, Found::Handler(_)) {
            let original = OriginalPath(path.clone().into_owned());
            let raw = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
            if let Some(stripped) = raw.strip_prefix(self.root_path.as_str()) {
                if let Ok(uri) = stripped.parse::<Uri>() {
                    *request.uri_mut() = uri;
                    request.extensions_mut().insert(original);
                }
            }
        }
        found
    }

    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        let mut endpoints: Vec<_> =
            table.routes.values().map(|route| route.endpoint.clone()).collect();
        endpoints.sort_by(|a, b| a.path.cmp(&b.path));
        endpoints
    }
}

impl Table {
    fn add(
        &mut self,
        endpoint: Endpoint,
        pattern: PathPattern,
        handler: Arc<dyn HttpHandler>,
    ) -> u64 {
        self.next += 1;
        let id = self.next;
        if let Some(route) = self.route_mut(&endpoint.path) {
            route.endpoint = endpoint;
            route.handlers.push((id, handler));
            return id;
        }
        match pattern {
            PathPattern::Exact(ref path) => {
                self.exact.insert(path.clone(), id);
            }
            _ => self.patterns.push(id),
        }
        self.routes.insert(id, Route { endpoint, pattern, handlers: vec![(id, handler)] });
        id
    }

    fn route_mut(&mut self, path: &str) -> Option<&mut Route> {
        self.routes.values_mut().find(|route| route.endpoint.path == path)
    }

    fn remove(&mut self, path: &str, id: u64) {
        let Some(route) = self.route_mut(path) else { return };
        route.handlers.retain(|(other, _)| *other != id);
        if route.handlers.is_empty() {
            route.endpoint.description = "Endpoint disabled.".into();
            self.forget_disabled();
        }
    }

    fn forget_disabled(&mut self) {
        let disabled = self.routes.iter().filter(|(_, route)| route.handlers.is_empty());
        let disabled: Vec<u64> = disabled.map(|(order, _)| *order).collect();
        let surplus = disabled.len().saturating_sub(MAX_DISABLED);
        for order in &disabled[..surplus] {
            self.routes.remove(order);
            self.exact.retain(|_, other| other != order);
            self.patterns.retain(|other| other != order);
        }
    }

    fn find(&self, path: &str) -> Found {
        let exact = self.exact.get(path).copied();
        let patterns = self.patterns.iter().copied();
        let earlier = patterns.clone().take_while(|order| exact.is_none_or(|exact| *order < exact));
        let later = patterns.skip_while(|order| exact.is_none_or(|exact| *order < exact));
        let is_exact = |order: &u64| Some(*order) == exact;
        let mut found = Found::Nothing;
        for order in earlier.chain(exact).chain(later) {
            let route = &self.routes[&order];
            if is_exact(&order) || route.pattern.matches(path) {
                match route.handlers.last() {
                    Some((_, handler)) => return Found::Handler(handler.clone()),
                    None => found = Found::Disabled,
                }
            }
        }
        found
    }
}

fn write(table: &RwLock<Table>) -> std::sync::RwLockWriteGuard<'_, Table> {
    table.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use http::Response;
    use sluice_engine::http::full_body;

    use super::*;

    struct Named(&'static str);

    #[async_trait]
    impl HttpHandler for Named {
        async fn handle(&self, request: Request<HttpBody>) -> Response<HttpBody> {
            let original = request.extensions().get::<OriginalPath>();
            let original = original.map_or(String::new(), |path| format!(" {}", path.0));
            Response::new(full_body(format!("{} {}{original}", self.0, request.uri())))
        }
    }

    fn mount(router: &Router, path: &str, name: &'static str) -> Mount {
        let endpoint = Endpoint { path: path.into(), description: name.into() };
        router.mount(endpoint, Arc::new(Named(name))).unwrap()
    }

    #[track_caller]
    fn check(router: &Router, path: &str, expected: &str) {
        let mut request = Request::new(full_body(""));
        *request.uri_mut() = path.parse().unwrap();
        let answer = match router.find(&mut request) {
            Found::Nothing => "nothing".to_owned(),
            Found::Disabled => "disabled".to_owned(),
            Found::Handler(handler) => {
                use futures_util::FutureExt;
                use http_body_util::BodyExt;
                let response = handler.handle(request).now_or_never().unwrap();
                let body = response.into_body().collect().now_or_never().unwrap().unwrap();
                String::from_utf8(body.to_bytes().to_vec()).unwrap()
            }
        };
        assert_eq!(answer, expected);
    }

    #[test]
    fn the_path_mounted_first_answers() {
        let router = Router::new("/root/");
        let _ping = mount(&router, "/ping", "ping");
        let all = mount(&router, "/", "all");
        let _later = mount(&router, "/a", "later");
        check(&router, "/ping", "ping /ping");
        check(&router, "/a", "all /a");
        drop(all);
        check(&router, "/a", "later /a");
        check(&router, "/b", "disabled");
    }

    #[test]
    fn handlers_on_one_path_stack_up() {
        let router = Router::new("");
        let first = mount(&router, "/a", "first");
        let second = mount(&router, "/a", "second");
        check(&router, "/a", "second /a");
        drop(second);
        check(&router, "/a", "first /a");
        drop(first);
        check(&router, "/a", "disabled");
        check(&router, "/", "nothing");
        let _third = mount(&router, "/a", "third");
        check(&router, "/a", "third /a");
    }

    #[test]
    fn the_root_path_is_taken_off() {
        let router = Router::new("root");
        let _mount = mount(&router, "/a b", "a");
        check(&router, "/root/a%20b?x=%20y", "a /a%20b?x=%20y /root/a b");
        check(&router, "/rootx/a", "nothing");
    }

    #[test]
    fn few_disabled_paths_are_remembered() {
        let router = Router::new("");
        for n in 0..MAX_DISABLED + 5 {
            drop(mount(&router, &format!("/{n}"), "x"));
        }
        check(&router, "/4", "nothing");
        check(&router, "/5", "disabled");
        assert_eq!(router.endpoints().len(), MAX_DISABLED);
    }
}
