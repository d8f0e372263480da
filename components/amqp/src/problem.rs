//! Errors of brokers and of the way to them, worded as the reference does.

use lapin::ErrorKind;

/// An error after connecting.
pub(crate) fn text(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(told) => exception(told.get_id(), told.get_message().as_str()),
        ErrorKind::IOError(error) => error.to_string(),
        ErrorKind::MissingHeartbeatError => "no heartbeat from the broker".to_owned(),
        ErrorKind::InvalidChannelState(..) | ErrorKind::InvalidConnectionState(_) => {
            exception(504, "channel/connection is not open")
        }
        _ => error.to_string(),
    }
}

/// An error while connecting. Brokers say much or nothing about why they refuse somebody.
pub(crate) fn refusal(error: &lapin::Error) -> String {
    if let ErrorKind::ProtocolError(told) = error.kind() {
        match told.get_id() {
            403 => return exception(403, "username or password not allowed"),
            530 => return exception(403, "no access to this vhost"),
            _ => {}
        }
    }
    text(error)
}

fn exception(code: u16, reason: &str) -> String {
    format!("Exception ({code}) Reason: {reason:?}")
}
