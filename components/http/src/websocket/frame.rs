//! Frames as a server sends them: unmasked, so that the same bytes serve every client.

use bytes::{BufMut, Bytes, BytesMut};
use sluice_message::Message;

/// The first byte of frames that are whole messages.
const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
/// What stands for a length of two and of eight bytes.
const MEDIUM: u8 = 126;
const LONG: u8 = 127;

/// A message as one frame, header and content; copies of a message share it. Text frames hold valid
/// text only: what is none goes as binary.
pub(crate) fn server_frame(message: &Message, as_text: bool) -> Bytes {
    if as_text {
        message.encoded("websocket text frame", |content| {
            let is_text = std::str::from_utf8(content).is_ok();
            frame(if is_text { TEXT } else { BINARY }, content)
        })
    } else {
        message.encoded("websocket binary frame", |content| frame(BINARY, content))
    }
}

fn frame(kind: u8, content: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(content.len() + 10);
    out.put_u8(kind);
    match content.len() {
        short @ 0..126 => out.put_u8(short as u8),
        medium @ 126..=0xffff => {
            out.put_u8(MEDIUM);
            out.put_u16(medium as u16);
        }
        long => {
            out.put_u8(LONG);
            out.put_u64(long as u64);
        }
    }
    out.put_slice(content);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &[u8], as_text: bool, head: &[u8]) {
        let frame = server_frame(&Message::from_bytes(content.to_vec()), as_text);
        assert_eq!(&frame[..head.len()], head);
        assert_eq!(&frame[head.len()..], content);
    }

    #[test]
    fn lengths_take_as_few_bytes_as_the_protocol_asks_for() {
        check(b"", true, &[0x81, 0]);
        check(&[b'x'; 125], true, &[0x81, 125]);
        check(&[b'x'; 126], true, &[0x81, 126, 0, 126]);
        check(&vec![b'x'; 0xffff], true, &[0x81, 126, 0xff, 0xff]);
        check(&vec![b'x'; 0x1_0000], true, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn what_is_no_text_goes_as_binary() {
        check(b"\xff", true, &[0x82, 1]);
        check(b"text", false, &[0x82, 4]);
    }

    #[test]
    fn copies_share_one_frame() {
        let mut message = Message::from("{}");
        message.share_forms();
        let (first, second) = (message.clone(), message);
        let pointer = |message| server_frame(message, true).as_ptr();
        assert_eq!(pointer(&first), pointer(&second));
    }
}
