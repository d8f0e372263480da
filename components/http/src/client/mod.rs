//! HTTP as a client: the `http_client` input and output, and what other clients share with them.

pub(crate) mod auth;
pub(crate) mod config;
mod dump;
mod input;
mod output;
pub(crate) mod request;
mod requester;
mod response;
pub(crate) mod target;
pub(crate) mod transport;

use sluice_engine::Registry;
use sluice_message::Message;

pub(crate) use config::client_config;
pub(crate) use request::BodyTemplate;
pub(crate) use requester::{Failure, Requester, payload};
pub(crate) use response::Arriving;

pub(crate) fn register(registry: &mut Registry) {
    input::register(registry);
    output::register(registry);
}

/// A response in the clothes of the message it answers: its content and metadata, on a copy.
pub(crate) fn reply_to(request: &Message, response: &Message) -> Message {
    let mut reply = request.clone();
    reply.set_bytes(response.bytes().clone());
    for (key, value) in response.metadata().iter() {
        reply.metadata_mut().insert(key.clone(), value.clone());
    }
    reply
}

/// Responses for the messages they answer: one each, and what is left over for the first.
pub(crate) fn replies_to(requests: &[Message], responses: &[Message]) -> Vec<Message> {
    let of = |at: usize| requests.get(at).or(requests.first());
    let pairs = responses
        .iter()
        .enumerate()
        .filter_map(|(at, response)| of(at).map(|request| reply_to(request, response)));
    pairs.collect()
}
