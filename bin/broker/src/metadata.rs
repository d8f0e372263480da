//! Metadata requests: a client's first mention of a topic creates it, as Apache Kafka does by default.

use rama::{Context, Service};
use tansu_sans_io::{ErrorCode, MetadataRequest, MetadataResponse};
use tansu_storage::{Error, MetadataService, Storage};
use tracing::warn;

use crate::topics::{self, NewTopics};

/// Describes topics, creating those that are missing where that is allowed.
#[derive(Clone, Debug)]
pub(crate) struct CreatingOnFirstUse {
    new_topics: NewTopics,
}

impl CreatingOnFirstUse {
    pub(crate) fn new(new_topics: NewTopics) -> Self {
        Self { new_topics }
    }

    /// Creates what the answer says is missing; true if that is worth another answer.
    async fn create_missing(&self, storage: &impl Storage, response: &MetadataResponse) -> bool {
        if !self.new_topics.on_first_use {
            return false;
        }
        let mut changed = false;
        for topic in response.topics.iter().flatten() {
            let Some(name) = topic.name.as_deref() else { continue };
            if topic.error_code != i16::from(ErrorCode::UnknownTopicOrPartition)
                || !topics::is_legal(name)
            {
                continue;
            }
            match topics::create(storage, name, self.new_topics.partitions).await {
                Ok(_) => changed = true,
                Err(error) => warn!(topic = name, %error, "cannot create"),
            }
        }
        changed
    }
}

impl<S: Storage> Service<S, MetadataRequest> for CreatingOnFirstUse {
    type Response = MetadataResponse;
    type Error = Error;

    async fn serve(
        &self,
        context: Context<S>,
        request: MetadataRequest,
    ) -> Result<MetadataResponse, Error> {
        // Absent in old versions of the request, where it meant yes.
        let allowed = request.allow_auto_topic_creation.unwrap_or(true);
        let response = MetadataService.serve(context.clone(), request.clone()).await?;
        if allowed && self.create_missing(context.state(), &response).await {
            return MetadataService.serve(context, request).await;
        }
        Ok(response)
    }
}
