//! Topics: what a name may be, and creating those that are missing.

use std::{ops::RangeInclusive, str::FromStr};

use anyhow::Context as _;
use rama::{Context, Service};
use tansu_sans_io::{
    CreateTopicsRequest, CreateTopicsResponse, ErrorCode, NULL_TOPIC_ID,
    create_topics_request::CreatableTopic, create_topics_response::CreatableTopicResult,
};
use tansu_storage::{CreateTopicsService, Error, Storage, TopicId};
use tracing::info;

/// A topic asked for on the command line: `NAME` or `NAME:PARTITIONS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) partitions: Option<i32>,
}

/// How topics come into being that nobody asked for on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewTopics {
    /// Whether a client's first mention of a topic creates it.
    pub(crate) on_first_use: bool,
    /// Partitions of a topic whose creator does not say how many.
    pub(crate) partitions: i32,
}

/// Creates topics for clients that ask for it, with this broker's number of partitions where they leave
/// that to the broker; tansu would always make three.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CreateTopics {
    partitions: i32,
}

impl CreateTopics {
    pub(crate) fn new(partitions: i32) -> Self {
        Self { partitions }
    }
}

impl<S: Storage> Service<S, CreateTopicsRequest> for CreateTopics {
    type Response = CreateTopicsResponse;
    type Error = Error;

    async fn serve(
        &self,
        context: Context<S>,
        mut request: CreateTopicsRequest,
    ) -> Result<CreateTopicsResponse, Error> {
        let mut refused = Vec::new();
        if let Some(topics) = &mut request.topics {
            topics.retain_mut(|topic| {
                if topic.num_partitions == -1 {
                    topic.num_partitions = self.partitions;
                }
                let problem = problem_with(topic);
                refused.extend(problem.map(|code| refusal(topic, code)));
                problem.is_none()
            });
        }
        let mut response = CreateTopicsService.serve(context, request).await?;
        response.topics.get_or_insert_default().append(&mut refused);
        Ok(response)
    }
}

fn problem_with(topic: &CreatableTopic) -> Option<ErrorCode> {
    if !is_legal(&topic.name) {
        return Some(ErrorCode::InvalidTopicException);
    }
    (!PARTITIONS.contains(&topic.num_partitions)).then_some(ErrorCode::InvalidPartitions)
}

fn refusal(topic: &CreatableTopic, code: ErrorCode) -> CreatableTopicResult {
    CreatableTopicResult::default()
        .name(topic.name.clone())
        .topic_id(Some(NULL_TOPIC_ID))
        .error_code(code.into())
        .error_message(Some(code.to_string()))
        .topic_config_error_code(Some(ErrorCode::None.into()))
        .num_partitions(Some(-1))
        .replication_factor(Some(-1))
        .configs(Some(Vec::new()))
}

/// How many partitions a topic may have.
pub(crate) const PARTITIONS: RangeInclusive<i32> = 1..=1000;

impl FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, partitions) = match text.split_once(':') {
            None => (text, None),
            Some((name, count)) => match count.parse() {
                Ok(count) if PARTITIONS.contains(&count) => (name, Some(count)),
                _ => return Err(format!("`{text}`: partitions must be a number from 1 to 1000")),
            },
        };
        if !is_legal(name) {
            return Err(format!(
                "`{name}` is no topic name: use 1 to 249 letters, digits, dots, dashes and underscores"
            ));
        }
        Ok(Self { name: name.to_owned(), partitions })
    }
}

/// Kafka's own rule.
pub(crate) fn is_legal(name: &str) -> bool {
    (1..=249).contains(&name.len())
        && name != "."
        && name != ".."
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Creates those of `topics` that do not exist and returns their names.
///
/// A topic that exists is left as it is, also when it has another number of partitions.
pub(crate) async fn create_missing(
    storage: &impl Storage,
    topics: &[Topic],
    default_partitions: i32,
) -> anyhow::Result<Vec<String>> {
    let mut created = Vec::new();
    for topic in topics {
        let partitions = topic.partitions.unwrap_or(default_partitions);
        if create(storage, &topic.name, partitions)
            .await
            .with_context(|| format!("cannot create topic {}", topic.name))?
        {
            created.push(topic.name.clone());
        }
    }
    Ok(created)
}

/// Creates a topic; false when it exists already.
pub(crate) async fn create(
    storage: &impl Storage,
    name: &str,
    partitions: i32,
) -> Result<bool, Error> {
    if exists(storage, name).await? {
        return Ok(false);
    }
    let topic = CreatableTopic::default()
        .name(name.to_owned())
        .num_partitions(partitions)
        .replication_factor(1)
        .assignments(Some(Vec::new()))
        .configs(Some(Vec::new()));
    match storage.create_topic(topic, false).await {
        Ok(_) => {
            info!(topic = name, partitions, "created");
            Ok(true)
        }
        Err(Error::Api(ErrorCode::TopicAlreadyExists)) => Ok(false), // another client was faster
        Err(error) => Err(error),
    }
}

async fn exists(storage: &impl Storage, name: &str) -> Result<bool, Error> {
    let metadata = storage.metadata(Some(&[TopicId::from(name)])).await?;
    Ok(metadata.topics().iter().any(|topic| topic.error_code == i16::from(ErrorCode::None)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_may_say_how_many_partitions_it_wants() {
        let topic = |name: &str, partitions| Topic { name: name.to_owned(), partitions };
        assert_eq!("jobs".parse(), Ok(topic("jobs", None)));
        assert_eq!("a.b-c_d:12".parse(), Ok(topic("a.b-c_d", Some(12))));
    }

    #[test]
    fn names_that_kafka_refuses_are_refused() {
        let long = "x".repeat(250);
        for text in ["", ".", "..", "a b", "a/b", "ä", &long] {
            assert!(text.parse::<Topic>().unwrap_err().contains("is no topic name"), "{text}");
        }
        for text in ["a:0", "a:", "a:-1", "a:1001", "a:b"] {
            assert!(text.parse::<Topic>().unwrap_err().contains("from 1 to 1000"), "{text}");
        }
    }
}
