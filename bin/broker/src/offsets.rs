//! Where a partition begins, where it ends, and what was written when.
//!
//! tansu answers with offset 0 where nothing was found, which sends a client that asks for "from now on"
//! back to the beginning.

use std::sync::Arc;

use rama::{Context, Service};
use tansu_sans_io::{
    ErrorCode, ListOffsetsRequest, ListOffsetsResponse,
    list_offsets_request::ListOffsetsPartition,
    list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
};
use tansu_storage::Error;

use crate::tables::{Moment, Partition, Tables, TopicName};

/// Instead of a timestamp, what Kafka's protocol calls these places.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const NEWEST_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;

/// No such place, or no timestamp to tell.
const NONE: i64 = -1;

/// Answers questions about offsets.
#[derive(Clone, Debug)]
pub(crate) struct ListOffsets {
    tables: Arc<Tables>,
}

impl ListOffsets {
    pub(crate) fn new(tables: Arc<Tables>) -> Self {
        Self { tables }
    }

    async fn answer(
        &self,
        topic: &str,
        wanted: &ListOffsetsPartition,
    ) -> Result<ListOffsetsPartitionResponse, Error> {
        let name = TopicName::Name(topic);
        let Some(found) = self.tables.partition(&name, wanted.partition_index).await? else {
            return Ok(response(wanted, ErrorCode::UnknownTopicOrPartition, None));
        };
        let moment = self.find(&found, wanted.timestamp).await?;
        Ok(response(wanted, ErrorCode::None, moment))
    }

    async fn find(&self, partition: &Partition, when: i64) -> Result<Option<Moment>, Error> {
        match when {
            LATEST => Ok(Some(Moment { offset: partition.high, timestamp: NONE })),
            EARLIEST | EARLIEST_LOCAL => {
                Ok(Some(Moment { offset: partition.low, timestamp: NONE }))
            }
            NEWEST_TIMESTAMP => self.tables.newest(partition).await,
            timestamp => self.tables.first_since(partition, timestamp).await,
        }
    }
}

impl<S: Send + Sync + 'static> Service<S, ListOffsetsRequest> for ListOffsets {
    type Response = ListOffsetsResponse;
    type Error = Error;

    async fn serve(
        &self,
        _: Context<S>,
        request: ListOffsetsRequest,
    ) -> Result<ListOffsetsResponse, Error> {
        let mut topics = Vec::new();
        for topic in request.topics.iter().flatten() {
            let mut partitions = Vec::new();
            for partition in topic.partitions.iter().flatten() {
                partitions.push(self.answer(&topic.name, partition).await?);
            }
            topics.push(
                ListOffsetsTopicResponse::default()
                    .name(topic.name.clone())
                    .partitions(Some(partitions)),
            );
        }
        Ok(ListOffsetsResponse::default().throttle_time_ms(Some(0)).topics(Some(topics)))
    }
}

fn response(
    wanted: &ListOffsetsPartition,
    code: ErrorCode,
    moment: Option<Moment>,
) -> ListOffsetsPartitionResponse {
    let Moment { offset, timestamp } = moment.unwrap_or(Moment { offset: NONE, timestamp: NONE });
    // The first version of the request asks for a list.
    let list = wanted.max_num_offsets.map(|_| moment.map(|_| offset).into_iter().collect());
    ListOffsetsPartitionResponse::default()
        .partition_index(wanted.partition_index)
        .error_code(code.into())
        .old_style_offsets(list)
        .timestamp(Some(timestamp))
        .offset(Some(offset))
        .leader_epoch(Some(0))
}
