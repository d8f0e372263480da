//! Where documents end, in a stream of them: after the end tag of the outermost element.
//!
//! Only as much of the grammar as that takes; whether a document is one is for the reader to say.

/// Looks at a stream byte by byte.
#[derive(Default)]
pub(super) struct Boundaries {
    depth: usize,
    state: State,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum State {
    #[default]
    Text,
    /// So many bytes after a `<` that may begin anything.
    Opened(Opening),
    StartTag {
        last: u8,
    },
    Quoted {
        quote: u8,
    },
    EndTag,
    Instruction {
        last: u8,
    },
    /// Two dashes end it, with a `>` behind.
    Comment {
        dashes: u8,
    },
    /// Two brackets end it, with a `>` behind.
    Data {
        brackets: u8,
    },
    Declaration {
        depth: usize,
        quote: Option<u8>,
    },
}

#[derive(Clone, Copy, PartialEq)]
enum Opening {
    Tag,
    Mark,
    Dash,
}

impl Boundaries {
    /// Whether a document ends with this byte.
    pub(super) fn step(&mut self, byte: u8) -> bool {
        let (state, ends) = self.next(byte);
        self.state = state;
        ends
    }

    /// Whether nothing was begun that is not complete.
    pub(super) fn is_between(&self) -> bool {
        self.depth == 0 && self.state == State::Text
    }

    fn next(&mut self, byte: u8) -> (State, bool) {
        let state = match (self.state, byte) {
            (State::Text, b'<') => State::Opened(Opening::Tag),
            (State::Text, _) => State::Text,
            (State::Opened(Opening::Tag), b'/') => State::EndTag,
            (State::Opened(Opening::Tag), b'?') => State::Instruction { last: 0 },
            (State::Opened(Opening::Tag), b'!') => State::Opened(Opening::Mark),
            (State::Opened(Opening::Tag), byte) => State::StartTag { last: byte },
            (State::Opened(Opening::Mark), b'-') => State::Opened(Opening::Dash),
            (State::Opened(Opening::Mark), b'[') => State::Data { brackets: 0 },
            (State::Opened(Opening::Mark), _) => State::Declaration { depth: 0, quote: None },
            (State::Opened(Opening::Dash), _) => State::Comment { dashes: 0 },
            (State::StartTag { last: b'/' }, b'>') => return (State::Text, self.depth == 0),
            (State::StartTag { .. }, b'>') => {
                self.depth += 1;
                State::Text
            }
            (State::StartTag { .. }, quote @ (b'"' | b'\'')) => State::Quoted { quote },
            (State::StartTag { .. }, byte) => State::StartTag { last: byte },
            (State::Quoted { quote }, byte) if byte == quote => State::StartTag { last: byte },
            (quoted @ State::Quoted { .. }, _) => quoted,
            (State::EndTag, b'>') => {
                self.depth = self.depth.saturating_sub(1);
                return (State::Text, self.depth == 0);
            }
            (State::EndTag, _) => State::EndTag,
            (State::Instruction { last: b'?' }, b'>') => State::Text,
            (State::Instruction { .. }, byte) => State::Instruction { last: byte },
            (State::Comment { dashes: 2.. }, b'>') => State::Text,
            (State::Comment { dashes }, b'-') => State::Comment { dashes: (dashes + 1).min(2) },
            (State::Comment { .. }, _) => State::Comment { dashes: 0 },
            (State::Data { brackets: 2.. }, b'>') => State::Text,
            (State::Data { brackets }, b']') => State::Data { brackets: (brackets + 1).min(2) },
            (State::Data { .. }, _) => State::Data { brackets: 0 },
            (State::Declaration { depth, quote: Some(quote) }, byte) => {
                State::Declaration { depth, quote: (byte != quote).then_some(quote) }
            }
            (State::Declaration { depth: 0, .. }, b'>') => State::Text,
            (State::Declaration { depth, .. }, byte) => match byte {
                b'"' | b'\'' => State::Declaration { depth, quote: Some(byte) },
                b'<' => State::Declaration { depth: depth + 1, quote: None },
                b'>' => State::Declaration { depth: depth - 1, quote: None },
                _ => State::Declaration { depth, quote: None },
            },
        };
        (state, false)
    }
}
