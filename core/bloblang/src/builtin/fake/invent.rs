//! The kinds of invented values.

use std::{
    fmt::Write,
    net::{Ipv4Addr, Ipv6Addr},
};

use fastrand::Rng;
use jiff::{Timestamp, tz::TimeZone};
use sluice_value::Value;

use super::tables;

/// Makes a value out of chance.
#[derive(Clone, Copy)]
pub(super) struct Kind(fn(&mut Rng) -> Value);

impl Kind {
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let found = ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, invent)| Self(*invent))
    }

    pub(super) fn invent(self, rng: &mut Rng) -> Value {
        (self.0)(rng)
    }
}

type Invent = fn(&mut Rng) -> Value;

pub(super) const ALL: &[(&str, Invent)] = &[
    ("", |rng| Value::string(letters(rng, 25))),
    ("latitude", |rng| Value::Float(coordinate(rng, 180.0))),
    ("longitude", |rng| Value::Float(coordinate(rng, 360.0))),
    ("unix_time", |rng| Value::Int(moment(rng))),
    ("date", |rng| dated(rng, "%Y-%m-%d")),
    ("time_string", |rng| dated(rng, "%H:%M:%S")),
    ("month_name", |rng| dated(rng, "%B")),
    ("year_string", |rng| dated(rng, "%Y")),
    ("day_of_week", |rng| dated(rng, "%A")),
    ("day_of_month", |rng| dated(rng, "%e")),
    ("timestamp", |rng| dated(rng, "%Y-%m-%d %H:%M:%S")),
    ("century", |rng| one_of(rng, tables::CENTURIES)),
    ("timezone", |rng| one_of(rng, tables::TIMEZONES)),
    ("time_period", |rng| dated(rng, "%p")),
    ("email", |rng| {
        let (name, domain) = (letters(rng, 7), letters(rng, 7));
        Value::string(format!("{name}@{domain}.{}", pick(rng, tables::TOP_DOMAINS)))
    }),
    ("mac_address", |rng| {
        let bytes: [u8; 6] = std::array::from_fn(|_| rng.u8(..));
        Value::string(bytes.map(|byte| format!("{byte:02x}")).join(":"))
    }),
    ("domain_name", |rng| Value::string(domain(rng))),
    ("url", |rng| {
        let scheme = pick(rng, &["http", "https"]);
        let domain = domain(rng);
        let ending = pick(rng, &["", ".html", ".php", ".jpg", ".webp", ".js", ".css", ".svg"]);
        let path = if rng.u8(..10) == 0 { String::new() } else { letters(rng, 7) + ending };
        Value::string(format!("{scheme}://{domain}/{path}"))
    }),
    ("username", |rng| Value::string(letters(rng, 7))),
    ("ipv4", |rng| Value::string(Ipv4Addr::from(rng.u32(..)).to_string())),
    ("ipv6", |rng| Value::string(Ipv6Addr::from(rng.u128(..)).to_string())),
    ("password", |rng| Value::string(letters(rng, 50))),
    ("jwt", |rng| {
        let part = letters(rng, 40);
        Value::string([part.as_str(); 3].join("."))
    }),
    ("word", |rng| one_of(rng, tables::WORDS)),
    ("sentence", |rng| Value::string(sentence(rng))),
    ("paragraph", |rng| {
        let sentences: Vec<String> = (0..rng.usize(1..=10)).map(|_| sentence(rng)).collect();
        Value::string(sentences.join(" "))
    }),
    ("cc_type", |rng| Value::string(tables::CARDS[rng.usize(..tables::CARDS.len())].0)),
    ("cc_number", |rng| {
        let (_, length, prefixes) = tables::CARDS[rng.usize(..tables::CARDS.len())];
        let prefix = pick(rng, prefixes);
        Value::string(format!("{prefix}{}", digits(rng, length - prefix.len())))
    }),
    ("currency", |rng| one_of(rng, tables::CURRENCIES)),
    ("amount_with_currency", |rng| {
        let currency = pick(rng, tables::CURRENCIES);
        let digits = rng.u32(2..=9);
        let cents = rng.u64(..10_u64.pow(digits));
        let (whole, fraction) = (cents / 100, cents % 100);
        Value::string(format!("{currency} {whole}.{fraction:02}0000"))
    }),
    ("title_male", |rng| one_of(rng, tables::TITLES_MALE)),
    ("title_female", |rng| one_of(rng, tables::TITLES_FEMALE)),
    ("first_name", |rng| Value::string(first_name(rng))),
    ("first_name_male", |rng| one_of(rng, tables::FIRST_NAMES_MALE)),
    ("first_name_female", |rng| one_of(rng, tables::FIRST_NAMES_FEMALE)),
    ("last_name", |rng| one_of(rng, tables::LAST_NAMES)),
    ("name", |rng| {
        let (titles, names) = if rng.bool() {
            (tables::TITLES_MALE, tables::FIRST_NAMES_MALE)
        } else {
            (tables::TITLES_FEMALE, tables::FIRST_NAMES_FEMALE)
        };
        let (title, first) = (pick(rng, titles), pick(rng, names));
        Value::string(format!("{title} {first} {}", pick(rng, tables::LAST_NAMES)))
    }),
    ("gender", |rng| one_of(rng, &["Male", "Female", "Prefer to skip"])),
    ("chinese_first_name", |rng| one_of(rng, tables::CHINESE_FIRST_NAMES)),
    ("chinese_last_name", |rng| one_of(rng, tables::CHINESE_LAST_NAMES)),
    ("chinese_name", |rng| {
        let first = pick(rng, tables::CHINESE_FIRST_NAMES);
        Value::string(format!("{first}{}", pick(rng, tables::CHINESE_LAST_NAMES)))
    }),
    ("phone_number", |rng| {
        Value::string(format!("{}-{}-{}", digits(rng, 3), digits(rng, 3), digits(rng, 4)))
    }),
    ("toll_free_phone_number", |rng| {
        let area = pick(rng, &["777", "888"]);
        Value::string(format!("({area}) {}-{}", digits(rng, 3), digits(rng, 6)))
    }),
    ("e164_phone_number", |rng| {
        Value::string(format!("+{}{}", pick(rng, &["7", "8"]), digits(rng, 11)))
    }),
    ("uuid_hyphenated", |rng| {
        let uuid = uuid(rng);
        let parts = [&uuid[..8], &uuid[8..12], &uuid[12..16], &uuid[16..20], &uuid[20..]];
        Value::string(parts.join("-"))
    }),
    ("uuid_digit", |rng| Value::string(uuid(rng))),
];

fn pick<'t>(rng: &mut Rng, table: &[&'t str]) -> &'t str {
    table[rng.usize(..table.len())]
}

fn one_of(rng: &mut Rng, table: &[&str]) -> Value {
    Value::string(pick(rng, table))
}

fn letters(rng: &mut Rng, length: usize) -> String {
    (0..length).map(|_| rng.alphabetic()).collect()
}

fn digits(rng: &mut Rng, length: usize) -> String {
    (0..length).map(|_| rng.digit(10)).collect()
}

fn domain(rng: &mut Rng) -> String {
    let name = letters(rng, 7).to_lowercase();
    format!("{name}.{}", pick(rng, tables::TOP_DOMAINS))
}

/// Within so many degrees around zero, as precise as `f32`.
fn coordinate(rng: &mut Rng, range: f32) -> f64 {
    f64::from(rng.f32() * range - range / 2.0)
}

/// A second between the beginning of 1970 and now.
fn moment(rng: &mut Rng) -> i64 {
    rng.i64(0..Timestamp::now().as_second().max(1))
}

fn dated(rng: &mut Rng, format: &str) -> Value {
    let moment = Timestamp::from_second(moment(rng)).unwrap_or_default();
    Value::string(moment.to_zoned(TimeZone::UTC).strftime(format).to_string())
}

/// Six words of which none is there twice.
fn sentence(rng: &mut Rng) -> String {
    let words = rng.choose_multiple(tables::WORDS, 6);
    let mut sentence = words.into_iter().copied().collect::<Vec<_>>().join(" ");
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence + "."
}

fn first_name(rng: &mut Rng) -> &'static str {
    let names = if rng.bool() { tables::FIRST_NAMES_MALE } else { tables::FIRST_NAMES_FEMALE };
    pick(rng, names)
}

fn uuid(rng: &mut Rng) -> String {
    let n = rng.u128(..) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let mut text = String::with_capacity(32);
    let _ = write!(text, "{n:032x}");
    text
}
