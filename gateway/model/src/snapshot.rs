//! All APIs that are served together.

use std::{collections::HashMap, sync::Arc};

use crate::Api;

/// An immutable set of APIs without two at one place.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    apis: Vec<Arc<Api>>,
}

/// Two APIs claim the same thing; the second was left out.
#[derive(Clone, Debug)]
pub struct Conflict {
    pub kept: Arc<Api>,
    pub refused: Arc<Api>,
    /// What both claim: an id or an address.
    pub claim: String,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kept, refused, claim } = self;
        write!(
            f,
            "`{}` ({}) has the same {claim} as `{}` ({})",
            refused.name, refused.origin, kept.name, kept.origin
        )
    }
}

impl std::error::Error for Conflict {}

impl Snapshot {
    /// Takes `apis` in order; one that claims the id or the address of an earlier one is refused.
    pub fn build(apis: impl IntoIterator<Item = Arc<Api>>) -> (Self, Vec<Conflict>) {
        let mut by_id: HashMap<Arc<str>, Arc<Api>> = HashMap::new();
        let mut by_address: HashMap<String, Arc<Api>> = HashMap::new();
        let mut taken = Vec::new();
        let mut conflicts = Vec::new();
        for api in apis {
            let address = api.address();
            let earlier = by_id
                .get(&api.id)
                .map(|kept| (kept, format!("id `{}`", api.id)))
                .or_else(|| Some((by_address.get(&address)?, format!("listen path `{address}`"))));
            if let Some((kept, claim)) = earlier {
                conflicts.push(Conflict { kept: kept.clone(), refused: api, claim });
                continue;
            }
            by_id.insert(api.id.clone(), api.clone());
            by_address.insert(address, api.clone());
            taken.push(api);
        }
        (Self { apis: taken }, conflicts)
    }

    pub fn apis(&self) -> &[Arc<Api>] {
        &self.apis
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ListenPath, Revision, State, Upstream};

    fn api(id: &str, path: &str) -> Arc<Api> {
        Arc::new(Api {
            id: id.into(),
            name: format!("name of {id}").into(),
            organisation: "".into(),
            revision: Revision([0; 32]),
            origin: format!("{id}.json").into(),
            domain: None,
            listen_path: ListenPath::new(path, true).unwrap(),
            state: State::default(),
            expiration: None,
            upstream: Upstream::default(),
            context_variables: false,
            request_size_limit: None,
            extension: None,
        })
    }

    #[test]
    fn the_first_claim_wins_and_the_message_names_both() {
        let (snapshot, conflicts) =
            Snapshot::build([api("a", "/x/"), api("b", "/x/"), api("a", "/y/"), api("c", "/z/")]);
        let ids: Vec<_> = snapshot.apis().iter().map(|api| &*api.id).collect();
        assert_eq!(ids, ["a", "c"]);
        assert_eq!(
            conflicts[0].to_string(),
            "`name of b` (b.json) has the same listen path `/x/` as `name of a` (a.json)"
        );
        assert_eq!(
            conflicts[1].to_string(),
            "`name of a` (a.json) has the same id `a` as `name of a` (a.json)"
        );
    }
}
