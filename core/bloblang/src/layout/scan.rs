//! Finding the elements of a layout.

/// An element with the literal text before it. The last piece of a layout has no element.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) before: String,
    pub(super) element: Option<Element>,
    /// The element as written.
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    Noon,
    LowerNoon,
    ZoneName,
    Offset(OffsetForm),
    /// `.000`: as many digits as shown.
    FixedFraction(char, usize),
    /// `.999`: trailing zeros are left out.
    Fraction(char, usize),
}

/// How an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OffsetForm {
    /// `Z` stands for UTC.
    pub(super) zulu: bool,
    pub(super) colon: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// Longest first where one is the beginning of another.
const OFFSETS: [(&str, OffsetForm); 5] = [
    ("070000", OffsetForm { zulu: false, colon: false, minutes: true, seconds: true }),
    ("07:00:00", OffsetForm { zulu: false, colon: true, minutes: true, seconds: true }),
    ("0700", OffsetForm { zulu: false, colon: false, minutes: true, seconds: false }),
    ("07:00", OffsetForm { zulu: false, colon: true, minutes: true, seconds: false }),
    ("07", OffsetForm { zulu: false, colon: false, minutes: false, seconds: false }),
];

pub(super) fn pieces(layout: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while at < layout.len() {
        match layout.is_char_boundary(at).then(|| element_at(&layout[at..])).flatten() {
            Some((skip, length, element)) => {
                pieces.push(Piece {
                    before: layout[from..at + skip].to_owned(),
                    element: Some(element),
                    text: layout[at + skip..at + length].to_owned(),
                });
                at += length;
                from = at;
            }
            None => at += 1,
        }
    }
    pieces.push(Piece { before: layout[from..].to_owned(), element: None, text: String::new() });
    pieces
}

/// The element that `rest` begins with: bytes of it that are literal, its end, what it is.
fn element_at(rest: &str) -> Option<(usize, usize, Element)> {
    let plain = |length: usize, element: Element| Some((0, length, element));
    let is_word = |word: &str| {
        rest.starts_with(word) && !rest[word.len()..].starts_with(|c: char| c.is_ascii_lowercase())
    };
    let bytes = rest.as_bytes();
    match bytes[0] {
        b'J' if rest.starts_with("January") => plain(7, Element::LongMonth),
        b'J' if is_word("Jan") => plain(3, Element::Month),
        b'M' if rest.starts_with("Monday") => plain(6, Element::LongWeekday),
        b'M' if is_word("Mon") => plain(3, Element::Weekday),
        b'M' if rest.starts_with("MST") => plain(3, Element::ZoneName),
        b'0' => match bytes.get(1) {
            Some(b'1') => plain(2, Element::ZeroMonth),
            Some(b'2') => plain(2, Element::ZeroDay),
            Some(b'3') => plain(2, Element::ZeroHour12),
            Some(b'4') => plain(2, Element::ZeroMinute),
            Some(b'5') => plain(2, Element::ZeroSecond),
            Some(b'6') => plain(2, Element::Year),
            Some(b'0') if bytes.get(2) == Some(&b'2') => plain(3, Element::ZeroYearDay),
            _ => None,
        },
        b'1' if bytes.get(1) == Some(&b'5') => plain(2, Element::Hour),
        b'1' => plain(1, Element::NumMonth),
        b'2' if rest.starts_with("2006") => plain(4, Element::LongYear),
        b'2' => plain(1, Element::Day),
        b'_' if rest.starts_with("_2006") => Some((1, 5, Element::LongYear)),
        b'_' if rest.starts_with("_2") => plain(2, Element::UnderDay),
        b'_' if rest.starts_with("__2") => plain(3, Element::UnderYearDay),
        b'3' => plain(1, Element::Hour12),
        b'4' => plain(1, Element::Minute),
        b'5' => plain(1, Element::Second),
        b'P' if bytes.get(1) == Some(&b'M') => plain(2, Element::Noon),
        b'p' if bytes.get(1) == Some(&b'm') => plain(2, Element::LowerNoon),
        first @ (b'-' | b'Z') => {
            OFFSETS.iter().find(|(text, _)| rest[1..].starts_with(text)).map(|(text, form)| {
                let form = OffsetForm { zulu: first == b'Z', ..*form };
                (0, text.len() + 1, Element::Offset(form))
            })
        }
        separator @ (b'.' | b',') => fraction_at(bytes, char::from(separator)),
        _ => None,
    }
}

fn fraction_at(bytes: &[u8], separator: char) -> Option<(usize, usize, Element)> {
    let digit = *bytes.get(1).filter(|digit| matches!(digit, b'0' | b'9'))?;
    let count = bytes[1..].iter().take_while(|byte| **byte == digit).count();
    if bytes.get(1 + count).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let element = match digit {
        b'0' => Element::FixedFraction(separator, count),
        _ => Element::Fraction(separator, count),
    };
    Some((0, 1 + count, element))
}
