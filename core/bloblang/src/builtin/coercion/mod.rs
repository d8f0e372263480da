//! Methods that turn values into other kinds, or insist on one.

mod array;
mod bool;
mod bytes;
mod not_empty;
mod not_null;
mod number;
mod string;
mod type_;

use super::Method;

pub(super) const METHODS: &[Method] = &[
    array::METHOD,
    bool::METHOD,
    bytes::METHOD,
    not_empty::METHOD,
    not_null::METHOD,
    number::METHOD,
    string::METHOD,
    type_::METHOD,
];
