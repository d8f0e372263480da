//! Decimals: a whole number in two's complement, and how many of its digits stand after the point.
//!
//! Natively they are written as fractions in lowest terms, such as `157/50`.

use num_bigint::{BigInt, BigUint, Sign};

pub(super) fn to_text(content: &[u8], scale: u32) -> String {
    let unscaled = BigInt::from_signed_bytes_be(content);
    let (sign, magnitude) = unscaled.into_parts();
    let mut denominator = BigUint::from(10_u32).pow(scale);
    let mut numerator = magnitude;
    let zero = BigUint::from(0_u32);
    let (mut a, mut b) = (numerator.clone(), denominator.clone());
    while b != zero {
        let rest = &a % &b;
        a = std::mem::replace(&mut b, rest);
    }
    numerator /= &a;
    denominator /= &a;
    let minus = if sign == Sign::Minus { "-" } else { "" };
    if denominator == BigUint::from(1_u32) {
        format!("{minus}{numerator}/1")
    } else {
        format!("{minus}{numerator}/{denominator}")
    }
}

/// The bytes of a number written as a fraction or with a point; `None` when it needs more digits
/// after the point than there are.
pub(super) fn from_text(text: &str, scale: u32) -> Option<Vec<u8>> {
    const LONGEST: usize = 10_000;
    if text.len() > LONGEST {
        return None;
    }
    let power = BigInt::from(10).pow(scale);
    let (numerator, denominator): (BigInt, BigInt) =
        if let Some((numerator, denominator)) = text.split_once('/') {
            (numerator.parse().ok()?, denominator.parse().ok()?)
        } else {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let digits = format!("{whole}{fraction}");
            (digits.parse().ok()?, BigInt::from(10).pow(u32::try_from(fraction.len()).ok()?))
        };
    let zero = BigInt::from(0);
    if denominator <= zero {
        return None;
    }
    let scaled = numerator * power;
    if &scaled % &denominator != zero {
        return None;
    }
    Some((scaled / denominator).to_signed_bytes_be())
}

/// Widens two's complement to a size; `None` when it does not fit.
pub(super) fn widened(content: &[u8], size: usize) -> Option<Vec<u8>> {
    let missing = size.checked_sub(content.len())?;
    let sign = if content.first().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
    let mut wide = vec![sign; missing];
    wide.extend_from_slice(content);
    Some(wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_to_bytes_and_back() {
        for (text, scale, fraction) in [
            ("3.14", 2, "157/50"),
            ("-3.14", 4, "-157/50"),
            ("12", 2, "12/1"),
            ("157/50", 2, "157/50"),
            ("0", 3, "0/1"),
        ] {
            let content = from_text(text, scale).unwrap();
            assert_eq!(to_text(&content, scale), fraction);
        }
        assert!(from_text("0.001", 2).is_none() && from_text("1/0", 2).is_none());
        assert!(from_text("1/3", 5).is_none() && from_text("x", 2).is_none());
        assert_eq!(widened(&[0xff], 3).unwrap(), [0xff; 3]);
        assert!(widened(&[1, 2, 3], 2).is_none());
    }
}
