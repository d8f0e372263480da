//! A place whose component may be replaced while others use it.
//!
//! Where resources can be replaced, who asks for one gets the place instead of the component, so
//! that each use goes to whatever stands there at the moment.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use sluice_message::{Batch, DeliveryError};

use crate::component::BoxError;
use crate::wiring::Step;
use crate::{Batches, Cache, CacheError, InFlight, RateLimit, Sink};

pub(super) struct Slot<T: ?Sized>(RwLock<Arc<T>>);

impl<T: ?Sized> Slot<T> {
    pub(super) fn new(component: Arc<T>) -> Self {
        Self(RwLock::new(component))
    }

    pub(super) fn get(&self) -> Arc<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another in its place. Uses that are under way end with the old one.
    pub(super) fn replace(&self, component: Arc<T>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = component;
    }
}

#[async_trait]
impl Cache for Slot<dyn Cache> {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        Slot::get(self).get(key).await
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        Slot::get(self).set(key, value, ttl).await
    }

    async fn add(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        Slot::get(self).add(key, value, ttl).await
    }

    async fn delete(&self, key: &str) -> Result<(), CacheError> {
        Slot::get(self).delete(key).await
    }

    async fn close(&self) {
        Slot::get(self).close().await;
    }
}

#[async_trait]
impl RateLimit for Slot<dyn RateLimit> {
    async fn access(&self, bytes: usize) -> Result<Option<Duration>, BoxError> {
        self.get().access(bytes).await
    }

    async fn close(&self) {
        self.get().close().await;
    }
}

#[async_trait]
impl Sink for Slot<dyn Sink> {
    async fn open(&self) {
        self.get().open().await;
    }

    async fn write(&self, batch: Batch) -> Result<(), DeliveryError> {
        self.get().write(batch).await
    }

    fn in_flight(&self) -> InFlight {
        self.get().in_flight()
    }

    fn is_connected(&self) -> bool {
        self.get().is_connected()
    }

    fn flush(&self) {
        self.get().flush();
    }

    async fn close(&self) {
        self.get().close().await;
    }
}

/// A processor resource as others use it.
#[derive(Clone)]
pub struct ProcessorResource(pub(super) Inner);

#[derive(Clone)]
pub(super) enum Inner {
    Fixed(Arc<Step>),
    Replaceable(Arc<Slot<Step>>),
}

impl ProcessorResource {
    /// Whether it never waits, now and later: what may take its place may have to.
    pub fn is_direct(&self) -> bool {
        match &self.0 {
            Inner::Fixed(step) => step.is_direct(),
            Inner::Replaceable(_) => false,
        }
    }

    pub async fn process(&self, batch: Batch) -> Batches {
        match &self.0 {
            Inner::Fixed(step) => step.process(batch).await,
            Inner::Replaceable(slot) => slot.get().process(batch).await,
        }
    }
}
