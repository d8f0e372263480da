//! Produce requests: tansu stores the records, then the waiting fetches hear of it.

use std::sync::Arc;

use rama::{Context, Service};
use tansu_sans_io::{
    ErrorCode, InitProducerIdRequest, InitProducerIdResponse, ProduceRequest, ProduceResponse,
};
use tansu_storage::{Error, InitProducerIdService, ProduceService, Storage};

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

/// Gives idempotent producers their number, and tells transactional ones that there are no transactions
/// before they have sent anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InitProducer;

impl<S: Storage> Service<S, InitProducerIdRequest> for InitProducer {
    type Response = InitProducerIdResponse;
    type Error = Error;

    async fn serve(
        &self,
        context: Context<S>,
        request: InitProducerIdRequest,
    ) -> Result<InitProducerIdResponse, Error> {
        if request.transactional_id.is_none() {
            return InitProducerIdService.serve(context, request).await;
        }
        Ok(InitProducerIdResponse::default()
            .throttle_time_ms(0)
            .error_code(ErrorCode::TransactionalIdAuthorizationFailed.into())
            .producer_id(-1)
            .producer_epoch(-1))
    }
}
