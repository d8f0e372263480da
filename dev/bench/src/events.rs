//! The events that benches send: about 240 bytes of JSON each.

/// One event. `kind` takes turns, so that a filter on it drops nine in ten.
pub(crate) fn event(number: usize) -> String {
    format!(
        r#"{{"id":{number},"kind":"k{}","user_id":"user-{}","amount":{}.{:02},"currency":"EUR","tags":["red","blue","green"],"address":{{"street":"Long Road {}","city":"Rivertown","zip":"{:05}"}},"note":"nothing to see here, move along please","ok":true}}"#,
        number % 10,
        number % 1000,
        number % 5000,
        number % 100,
        number % 300,
        number % 99_999,
    )
}
