//! Deleting topics.

use std::sync::Arc;

use rama::{Context, Service};
use tansu_sans_io::{
    DeleteTopicsRequest, DeleteTopicsResponse, ErrorCode,
    delete_topics_response::DeletableTopicResult,
};
use tansu_storage::Error;
use uuid::Uuid;

use crate::tables::{Tables, TopicName};

/// Answers requests to delete topics.
#[derive(Clone, Debug)]
pub(crate) struct DeleteTopics {
    tables: Arc<Tables>,
}

impl DeleteTopics {
    pub(crate) fn new(tables: Arc<Tables>) -> Self {
        Self { tables }
    }

    async fn delete(&self, topic: TopicName<'_>) -> Result<DeletableTopicResult, Error> {
        let deleted = self.tables.delete_topic(&topic).await?;
        let (asked, id, unknown) = match &topic {
            TopicName::Name(name) => {
                (Some((*name).to_owned()), Uuid::nil(), ErrorCode::UnknownTopicOrPartition)
            }
            TopicName::Id(id) => (None, *id, ErrorCode::UnknownTopicId),
        };
        let code = if deleted.is_some() { ErrorCode::None } else { unknown };
        let message = (code != ErrorCode::None).then(|| code.to_string());
        Ok(DeletableTopicResult::default()
            .name(asked.or(deleted))
            .topic_id(Some(id.into_bytes()))
            .error_code(code.into())
            .error_message(message))
    }
}

impl<S: Send + Sync + 'static> Service<S, DeleteTopicsRequest> for DeleteTopics {
    type Response = DeleteTopicsResponse;
    type Error = Error;

    async fn serve(
        &self,
        _: Context<S>,
        request: DeleteTopicsRequest,
    ) -> Result<DeleteTopicsResponse, Error> {
        let mut results = Vec::new();
        // Old versions of the request carry names, newer ones names or identifiers.
        for name in request.topic_names.iter().flatten() {
            results.push(self.delete(TopicName::Name(name)).await?);
        }
        for topic in request.topics.iter().flatten() {
            let topic = match &topic.name {
                Some(name) => TopicName::Name(name),
                None => TopicName::Id(Uuid::from_bytes(topic.topic_id)),
            };
            results.push(self.delete(topic).await?);
        }
        Ok(DeleteTopicsResponse::default().throttle_time_ms(Some(0)).responses(Some(results)))
    }
}
