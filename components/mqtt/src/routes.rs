//! Which readers a topic concerns: a tree of the levels of their filters.

use std::collections::HashMap;

/// Things by topic filter.
#[derive(Debug)]
pub(crate) struct Routes<T> {
    root: Node<T>,
}

#[derive(Debug)]
struct Node<T> {
    below: HashMap<Box<str>, Node<T>>,
    /// The level `+`.
    any: Option<Box<Node<T>>>,
    /// Filters that end here.
    here: Vec<T>,
    /// Filters that end here with `#`.
    rest: Vec<T>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self { below: HashMap::new(), any: None, here: Vec::new(), rest: Vec::new() }
    }
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { root: Node::default() }
    }
}

impl<T> Routes<T> {
    /// What stands at exactly this filter.
    pub(crate) fn at(&mut self, filter: &str) -> &mut Vec<T> {
        let mut node = &mut self.root;
        for level in filter.split('/') {
            node = match level {
                "#" => return &mut node.rest,
                "+" => node.any.get_or_insert_default(),
                level => {
                    if !node.below.contains_key(level) {
                        node.below.insert(level.into(), Node::default());
                    }
                    node.below.get_mut(level).expect("it was just put in")
                }
            };
        }
        &mut node.here
    }

    /// Takes out of the filter what is not to stay; whether anything is left there.
    pub(crate) fn retain(&mut self, filter: &str, keep: impl FnMut(&T) -> bool) -> bool {
        let at = self.at(filter);
        at.retain(keep);
        let is_left = !at.is_empty();
        if !is_left {
            self.root.prune(&mut filter.split('/'));
        }
        is_left
    }

    /// Everything whose filter the topic matches.
    pub(crate) fn matching<'a>(&'a self, topic: &str, found: &mut impl FnMut(&'a T)) {
        let is_special = topic.starts_with('$');
        self.root.matching(topic.split('/'), is_special, found);
    }

    /// Everything there is, once for each filter.
    pub(crate) fn each<'a>(&'a self, found: &mut impl FnMut(&'a T)) {
        self.root.each(found);
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.root.is_empty()
    }
}

impl<T> Node<T> {
    /// `is_special`: wildcards at the first level do not mean the broker's own topics.
    fn matching<'a, 't>(
        &'a self,
        mut levels: impl Iterator<Item = &'t str> + Clone,
        is_special: bool,
        found: &mut impl FnMut(&'a T),
    ) {
        if !is_special {
            self.rest.iter().for_each(&mut *found);
        }
        let Some(level) = levels.next() else {
            self.here.iter().for_each(found);
            return;
        };
        if let Some(below) = self.below.get(level) {
            below.matching(levels.clone(), false, found);
        }
        if let Some(any) = self.any.as_ref().filter(|_| !is_special) {
            any.matching(levels, false, found);
        }
    }

    fn each<'a>(&'a self, found: &mut impl FnMut(&'a T)) {
        self.here.iter().chain(&self.rest).for_each(&mut *found);
        for below in self.below.values().chain(self.any.as_deref()) {
            below.each(found);
        }
    }

    fn prune<'t>(&mut self, levels: &mut impl Iterator<Item = &'t str>) {
        match levels.next() {
            None | Some("#") => {}
            Some("+") => {
                if let Some(any) = &mut self.any {
                    any.prune(levels);
                    if any.is_empty() {
                        self.any = None;
                    }
                }
            }
            Some(level) => {
                if let Some(below) = self.below.get_mut(level) {
                    below.prune(levels);
                    if below.is_empty() {
                        self.below.remove(level);
                    }
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.below.is_empty() && self.any.is_none() && self.here.is_empty() && self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(filter: &str, topic: &str, expected: bool) {
        let mut routes = Routes::default();
        routes.at(filter).push(());
        let mut found = false;
        routes.matching(topic, &mut |()| found = true);
        assert_eq!(found, expected, "{filter} {topic}");
        assert!(!routes.retain(filter, |()| false));
        assert!(routes.is_empty(), "nothing is left of {filter}");
    }

    #[test]
    fn topics_match_as_the_protocol_says() {
        for (filter, topic) in [
            ("a/b", "a/b"),
            ("a/+", "a/b"),
            ("a/+", "a/"),
            ("+/+", "/a"),
            ("#", "a/b/c"),
            ("a/#", "a"),
            ("a/#", "a/b/c"),
            ("+/b/#", "a/b/c/d"),
            ("$SYS/#", "$SYS/broker"),
            ("a/+/c", "a/$b/c"),
            ("ä/+", "ä/ö"),
        ] {
            check(filter, topic, true);
        }
        for (filter, topic) in [
            ("a/b", "a"),
            ("a/+", "a"),
            ("a/+", "a/b/c"),
            ("+", "/a"),
            ("a/b/#", "a/c"),
            ("#", "$SYS/broker"),
            ("+/broker", "$SYS/broker"),
            ("A", "a"),
        ] {
            check(filter, topic, false);
        }
    }

    #[test]
    fn each_of_several_is_found_once() {
        let mut routes = Routes::default();
        routes.at("users/1/#").push(1);
        routes.at("users/2/#").push(2);
        routes.at("users/2/#").push(3);
        let mut found = Vec::new();
        routes.matching("users/2/mail", &mut |it| found.push(*it));
        assert_eq!(found, [2, 3]);
        assert!(routes.retain("users/2/#", |it| *it == 3));
    }
}
