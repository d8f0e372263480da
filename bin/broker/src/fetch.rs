//! Fetches: records as soon as there are any, at the latest when a request's patience ends.
//!
//! tansu's own service sleeps through the patience, also when it has something to answer: half a second
//! of delay per record with the defaults of most clients. Here what follows an empty reading is decided by
//! [`Arrivals`], and [`Tables`] does the reading.

use std::{sync::Arc, time::Duration};

use rama::{Context, Service};
use tansu_sans_io::{
    ErrorCode, FetchRequest, FetchResponse,
    fetch_request::{FetchPartition, FetchTopic},
    fetch_response::{FetchableTopicResponse, PartitionData},
    record::deflated,
};
use tansu_storage::Error;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::{
    arrivals::{Arrivals, Watch},
    tables::{Partition, Tables, TopicName},
};

/// The most bytes of records in one answer, whatever the client asks for.
const MAX_BYTES: usize = 8 << 20;

/// The most a client may ask the broker to wait.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// Answers fetch requests.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    tables: Arc<Tables>,
    arrivals: Arc<Arrivals>,
}

impl<S: Send + Sync + 'static> Service<S, FetchRequest> for Fetch {
    type Response = FetchResponse;
    type Error = Error;

    async fn serve(&self, _: Context<S>, request: FetchRequest) -> Result<FetchResponse, Error> {
        let patience = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let deadline = Instant::now() + patience.min(MAX_WAIT);
        let mut watch = self.watch(request.topics.as_deref().unwrap_or_default());
        loop {
            watch.reset();
            let answer = self.read(&request).await?;
            if request.min_bytes <= 0
                || answer.is_news
                || timeout_at(deadline, watch.changed()).await.is_err()
            {
                return Ok(answer.into_response());
            }
        }
    }
}

impl Fetch {
    pub(crate) fn new(tables: Arc<Tables>, arrivals: Arc<Arrivals>) -> Self {
        Self { tables, arrivals }
    }

    fn watch(&self, topics: &[FetchTopic]) -> Watch {
        let names: Option<Vec<&str>> = topics.iter().map(|topic| topic.topic.as_deref()).collect();
        match names {
            Some(names) => self.arrivals.watch(names),
            None => self.arrivals.watch_any(),
        }
    }

    async fn read(&self, request: &FetchRequest) -> Result<Answer, Error> {
        let wanted = request.max_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let mut answer = Answer {
            topics: Vec::new(),
            budget: wanted.unwrap_or(MAX_BYTES).min(MAX_BYTES),
            has_records: false,
            is_news: false,
        };
        for topic in request.topics.iter().flatten() {
            let mut partitions = Vec::new();
            for partition in topic.partitions.iter().flatten() {
                partitions.push(self.read_partition(topic, partition, &mut answer).await?);
            }
            answer.topics.push(
                FetchableTopicResponse::default()
                    .topic(topic.topic.clone())
                    .topic_id(topic.topic_id)
                    .partitions(Some(partitions)),
            );
        }
        Ok(answer)
    }

    async fn read_partition(
        &self,
        topic: &FetchTopic,
        wanted: &FetchPartition,
        answer: &mut Answer,
    ) -> Result<PartitionData, Error> {
        let name = match (&topic.topic, topic.topic_id) {
            (Some(name), _) => TopicName::Name(name),
            (None, id) => TopicName::Id(Uuid::from_bytes(id.unwrap_or_default())),
        };
        let Some(found) = self.tables.partition(&name, wanted.partition).await? else {
            answer.is_news = true;
            return Ok(refusal(wanted, unknown(&name)));
        };
        let from = wanted.fetch_offset;
        if from < found.low || from > found.high {
            answer.is_news = true;
            return Ok(refusal(wanted, ErrorCode::OffsetOutOfRange));
        }
        let limit = usize::try_from(wanted.partition_max_bytes).unwrap_or(0).min(answer.budget);
        // A record larger than every limit is still delivered, alone: else its consumer would be stuck.
        if from == found.high || (limit == 0 && answer.has_records) {
            return Ok(contents(wanted, &found, None));
        }
        let records = self.tables.records(&found, from, limit).await?;
        if let Some(records) = &records {
            answer.budget = answer.budget.saturating_sub(records.bytes);
            answer.has_records = true;
            answer.is_news = true;
        }
        Ok(contents(wanted, &found, records.map(|records| records.batch)))
    }
}

/// An answer in the making.
struct Answer {
    topics: Vec<FetchableTopicResponse>,
    /// Bytes that may still be added.
    budget: usize,
    has_records: bool,
    /// Records or errors: either way the client has something to do.
    is_news: bool,
}

impl Answer {
    fn into_response(self) -> FetchResponse {
        FetchResponse::default()
            .throttle_time_ms(Some(0))
            .error_code(Some(ErrorCode::None.into()))
            .session_id(Some(0)) // no sessions: every request names all its partitions
            .node_endpoints(Some(Vec::new()))
            .responses(Some(self.topics))
    }
}

fn unknown(topic: &TopicName<'_>) -> ErrorCode {
    match topic {
        TopicName::Name(_) => ErrorCode::UnknownTopicOrPartition,
        TopicName::Id(_) => ErrorCode::UnknownTopicId,
    }
}

fn contents(
    wanted: &FetchPartition,
    found: &Partition,
    batch: Option<deflated::Batch>,
) -> PartitionData {
    partition(wanted, ErrorCode::None)
        .high_watermark(found.high)
        .last_stable_offset(Some(found.high))
        .log_start_offset(Some(found.low))
        .records(batch.map(|batch| deflated::Frame { batches: vec![batch] }))
}

fn refusal(wanted: &FetchPartition, code: ErrorCode) -> PartitionData {
    partition(wanted, code)
        .high_watermark(-1)
        .last_stable_offset(Some(-1))
        .log_start_offset(Some(-1))
        .records(None)
}

fn partition(wanted: &FetchPartition, code: ErrorCode) -> PartitionData {
    PartitionData::default()
        .partition_index(wanted.partition)
        .error_code(code.into())
        .aborted_transactions(Some(Vec::new()))
        .preferred_read_replica(Some(-1))
}
