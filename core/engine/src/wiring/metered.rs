//! Caches and rate limits, counted.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use sluice_telemetry::{Counter, Timer};

use crate::component::BoxError;
use crate::{Cache, CacheError, RateLimit, Scope};

/// Counts what is asked of a cache.
pub(crate) fn cache(cache: Arc<dyn Cache>, scope: &Scope) -> Arc<dyn Cache> {
    let operation = |name: &'static str| Operation::new(name, scope);
    let not_found = scope.environment().metrics.counter("cache_not_found", &labels("get", scope));
    let duplicate = scope.environment().metrics.counter("cache_duplicate", &labels("add", scope));
    Arc::new(MeteredCache {
        cache,
        get: operation("get"),
        set: operation("set"),
        add: operation("add"),
        delete: operation("delete"),
        not_found,
        duplicate,
    })
}

/// Counts what is asked of a rate limit.
pub(crate) fn rate_limit(limit: Arc<dyn RateLimit>, scope: &Scope) -> Arc<dyn RateLimit> {
    Arc::new(MeteredLimit {
        limit,
        checked: scope.counter("rate_limit_checked"),
        triggered: scope.counter("rate_limit_triggered"),
        errors: scope.counter("rate_limit_error"),
    })
}

fn labels(operation: &str, scope: &Scope) -> sluice_telemetry::Labels {
    let mut labels = scope.labels();
    labels.insert("operation", operation.to_owned());
    labels
}

struct MeteredCache {
    cache: Arc<dyn Cache>,
    get: Operation,
    set: Operation,
    add: Operation,
    delete: Operation,
    not_found: Counter,
    duplicate: Counter,
}

struct Operation {
    success: Counter,
    errors: Counter,
    latency: Timer,
}

impl Operation {
    fn new(name: &str, scope: &Scope) -> Self {
        let (metrics, labels) = (&scope.environment().metrics, labels(name, scope));
        Self {
            success: metrics.counter("cache_success", &labels),
            errors: metrics.counter("cache_error", &labels),
            latency: metrics.timer("cache_latency_ns", &labels),
        }
    }

    async fn count<T>(
        &self,
        asked: impl Future<Output = Result<T, CacheError>>,
    ) -> Result<T, CacheError> {
        let began = Instant::now();
        let answer = asked.await;
        self.latency.record(began.elapsed());
        if let Err(CacheError::Failed(_)) = &answer {
            self.errors.add(1);
        }
        answer
    }

    async fn done(
        &self,
        asked: impl Future<Output = Result<(), CacheError>>,
    ) -> Result<(), CacheError> {
        let answer = self.count(asked).await;
        if answer.is_ok() {
            self.success.add(1);
        }
        answer
    }
}

#[async_trait]
impl Cache for MeteredCache {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, CacheError> {
        let found = self.get.count(self.cache.get(key)).await;
        match &found {
            Ok(Some(_)) => self.get.success.add(1),
            Ok(None) => self.not_found.add(1),
            Err(_) => {}
        }
        found
    }

    async fn set(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        self.set.done(self.cache.set(key, value, ttl)).await
    }

    async fn add(&self, key: &str, value: Bytes, ttl: Option<Duration>) -> Result<(), CacheError> {
        let added = self.add.done(self.cache.add(key, value, ttl)).await;
        if let Err(CacheError::Exists(_)) = &added {
            self.duplicate.add(1);
        }
        added
    }

    async fn delete(&self, key: &str) -> Result<(), CacheError> {
        self.delete.done(self.cache.delete(key)).await
    }

    async fn close(&self) {
        self.cache.close().await;
    }
}

struct MeteredLimit {
    limit: Arc<dyn RateLimit>,
    checked: Counter,
    triggered: Counter,
    errors: Counter,
}

#[async_trait]
impl RateLimit for MeteredLimit {
    async fn access(&self, bytes: usize) -> Result<Option<Duration>, BoxError> {
        self.checked.add(1);
        let answer = self.limit.access(bytes).await;
        match &answer {
            Ok(None) => {}
            Ok(Some(_)) => self.triggered.add(1),
            Err(_) => self.errors.add(1),
        }
        answer
    }

    async fn close(&self) {
        self.limit.close().await;
    }
}
