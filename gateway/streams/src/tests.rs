//! How many instances a key, an API and a node may have, and what their inputs are told.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use sluice_config::config;
use sluice_engine::{
    BuiltInput, BuiltOutput, ConnectError, Delivery, Input, Output, ReadError, Reader, Registry,
    WriteError, Writer,
};
use sluice_message::Batch;

use crate::StreamSettings;
use crate::api::{Found, Limit, StreamApi};
use crate::placeholders::Values;

config! {
    /// Nothing to configure.
    struct Nothing {}
}

config! {
    /// A name to put values into.
    struct Named {
        /// The name.
        name: String = "",
    }
}

/// What inputs were told that catching up may have, by their names.
fn told() -> MutexGuard<'static, HashMap<String, Option<u8>>> {
    static TOLD: LazyLock<Mutex<HashMap<String, Option<u8>>>> = LazyLock::new(Mutex::default);
    TOLD.lock().unwrap()
}

/// Reads nothing, and takes everything.
struct Idle;

#[async_trait]
impl Input for Idle {
    async fn connect(&self) -> Result<Box<dyn Reader>, ConnectError> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl Reader for Idle {
    async fn read(&mut self) -> Result<Vec<Delivery>, ReadError> {
        std::future::pending().await
    }
}

#[async_trait]
impl Output for Idle {
    async fn connect(&self) -> Result<Box<dyn Writer>, ConnectError> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl Writer for Idle {
    async fn write(&self, _: &Batch) -> Result<(), WriteError> {
        Ok(())
    }
}

/// An API with one stream for each user.
fn api(limit: impl FnOnce(&mut StreamSettings)) -> StreamApi {
    let mut registry = Registry::default();
    registry.input("idle", |config: Named, scope| {
        told().insert(config.name, scope.catch_up_percent());
        Ok(BuiltInput::connector(Idle, false))
    });
    registry.output("http_server", |_: Nothing, _| Ok(BuiltOutput::connector(Idle, 1)));
    registry.buffer("none", |_: Nothing, _| Ok(Box::new(|source| source)));
    let mut settings = StreamSettings::new(Arc::new(registry));
    settings.idle_limit = Duration::ZERO;
    limit(&mut settings);
    let streams = serde_json::json!({ "live": {
        "input": { "idle": { "name": "$tyk_context.request_data_user" } },
        "output": { "http_server": {} },
    } });
    StreamApi::start("api", streams.as_object().unwrap(), Arc::new(settings))
}

/// What a request of a key finds for a user: an instance, or whose limit was reached.
fn found(api: &StreamApi, user: &str, key: Option<&str>) -> Result<(), Limit> {
    let mut values = Values::default();
    values.insert("tyk_context.request_data_user".into(), user.into());
    match api.inner.instance(0, values, key) {
        Found::Running(_) => Ok(()),
        Found::Broken => panic!("the stream cannot be built"),
        Found::Full(limit) => Err(limit),
    }
}

#[tokio::test]
async fn a_key_has_as_many_users_as_it_may() {
    let api = api(|settings| settings.max_instances_of_key = 2);
    assert_eq!(found(&api, "a", Some("k")), Ok(()));
    assert_eq!(found(&api, "b", Some("k")), Ok(()));
    assert_eq!(found(&api, "c", Some("k")), Err(Limit::Key));
    assert_eq!(found(&api, "b", Some("k")), Ok(()), "it is there already");
    assert_eq!(found(&api, "c", Some("other")), Ok(()));
    assert_eq!(found(&api, "b", Some("other")), Ok(()), "somebody else's counts for them");
    for user in ["d", "e", "f"] {
        assert_eq!(found(&api, user, None), Ok(()), "requests without a key have no such limit");
    }
    assert_eq!(Limit::Key.status(), 429);
    for instance in api.inner.take_idle() {
        instance.stop().await;
    }
    assert_eq!(found(&api, "c", Some("k")), Ok(()), "those that ended do not count");
}

#[tokio::test]
async fn apis_and_nodes_have_limits_too() {
    let crowded = api(|settings| settings.max_instances = 1);
    assert_eq!(found(&crowded, "a", None), Ok(()));
    assert_eq!(found(&crowded, "b", None), Err(Limit::Api));
    let crowded = api(|settings| settings.max_instances_of_node = 1);
    assert_eq!(found(&crowded, "a", None), Ok(()));
    assert_eq!(found(&crowded, "b", None), Err(Limit::Node));
    assert_eq!((Limit::Api.status().as_u16(), Limit::Node.status().as_u16()), (429, 503));
}

#[tokio::test]
async fn inputs_know_how_much_of_the_time_catching_up_may_have() {
    for (user, percent) in [("usual", None), ("patient", Some(7))] {
        let api = api(|settings| settings.catch_up_percent = percent);
        assert_eq!(found(&api, user, None), Ok(()));
        assert_eq!(told().get(user), Some(&percent));
    }
}
