//! The order of keys: runs of digits by their value, letters after everything else.

use sluice_value::{EcoString, Value};

type Field<'a> = (&'a EcoString, &'a Value);

/// Sorts by merging: the order is not always consistent, which the sort of the standard library
/// does not allow.
pub(super) fn sort(fields: Vec<Field<'_>>) -> Vec<Field<'_>> {
    let mut runs = fields;
    let mut width = 1;
    while width < runs.len() {
        let mut merged = Vec::with_capacity(runs.len());
        for pair in runs.chunks(width * 2) {
            let (mut left, mut right) = pair.split_at(width.min(pair.len()));
            while let ([first, left_rest @ ..], [second, right_rest @ ..]) = (left, right) {
                if less(second.0, first.0) {
                    merged.push(*second);
                    right = right_rest;
                } else {
                    merged.push(*first);
                    left = left_rest;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        runs = merged;
        width *= 2;
    }
    runs
}

fn less(a: &str, b: &str) -> bool {
    let mut digits = false;
    let mut a_chars = a.chars();
    let mut b_chars = b.chars();
    loop {
        let (a_rest, b_rest) = (a_chars.as_str(), b_chars.as_str());
        let (Some(a_char), Some(b_char)) = (a_chars.next(), b_chars.next()) else {
            return a_rest.is_empty() && !b_rest.is_empty();
        };
        if a_char == b_char {
            digits = a_char.is_ascii_digit();
            continue;
        }
        match (a_char.is_alphabetic(), b_char.is_alphabetic()) {
            (true, true) => return a_char < b_char,
            (false, false) => {}
            (a_letter, b_letter) => return if digits { a_letter } else { b_letter },
        }
        let common = &a[..a.len() - a_rest.len()];
        let is_inside_number = (a_char == '0' || b_char == '0')
            && common.bytes().rev().take_while(u8::is_ascii_digit).any(|digit| digit != b'0');
        let start = i64::from(is_inside_number);
        let (a_number, a_length) = number(a_rest, start);
        let (b_number, b_length) = number(b_rest, start);
        if a_number != b_number {
            return a_number < b_number;
        }
        if a_length != b_length {
            return a_length < b_length;
        }
        return a_char < b_char;
    }
}

/// The value of the digits in front, which follow `start`, and how many there are.
fn number(text: &str, start: i64) -> (i64, usize) {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold((start, 0), |(number, length), digit| {
        (number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')), length + 1)
    })
}
