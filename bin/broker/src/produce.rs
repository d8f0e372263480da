//! Produce requests: tansu stores the records, then the waiting fetches hear of it.

use std::sync::Arc;

use rama::{Context, Service};
use tansu_sans_io::{ProduceRequest, ProduceResponse};
use tansu_storage::{Error, ProduceService, Storage};

use crate::arrivals::Arrivals;

/// Stores records and announces them.
#[derive(Clone, Debug)]
pub(crate) struct Announcing {
    arrivals: Arc<Arrivals>,
}

impl Announcing {
    pub(crate) fn new(arrivals: Arc<Arrivals>) -> Self {
        Self { arrivals }
    }
}

impl<S: Storage> Service<S, ProduceRequest> for Announcing {
    type Response = ProduceResponse;
    type Error = Error;

    async fn serve(
        &self,
        context: Context<S>,
        request: ProduceRequest,
    ) -> Result<ProduceResponse, Error> {
        let topics = request.topic_data.iter().flatten();
        let topics: Vec<String> = topics.map(|topic| topic.name.clone()).collect();
        let response = ProduceService.serve(context, request).await;
        // Also after an error: part of the request may have been stored.
        self.arrivals.announce(topics.iter().map(String::as_str));
        response
    }
}
