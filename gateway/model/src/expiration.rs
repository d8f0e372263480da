//! The moment an API stops answering.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// A moment in UTC after which requests are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiration {
    at: Timestamp,
    header: String,
}

/// The text is not `YYYY-MM-DD HH:MM`.
#[derive(Debug, thiserror::Error)]
#[error("expected a time like `2030-12-31 23:59`, found `{0}`")]
pub struct ExpirationError(String);

impl Expiration {
    /// Reads `YYYY-MM-DD HH:MM`, taken as UTC.
    pub fn parse(text: &str) -> Result<Self, ExpirationError> {
        let refused = || ExpirationError(text.to_owned());
        let civil = DateTime::strptime("%Y-%m-%d %H:%M", text).map_err(|_| refused())?;
        let zoned = civil.to_zoned(TimeZone::UTC).map_err(|_| refused())?;
        let header = civil.strftime("%a, %d %b %Y %H:%M:%S UTC").to_string();
        Ok(Self { at: zoned.timestamp(), header })
    }

    pub fn has_passed(&self, now: Timestamp) -> bool {
        now > self.at
    }

    /// The moment as response headers state it: `Tue, 31 Dec 2030 23:59:00 UTC`.
    pub fn header(&self) -> &str {
        &self.header
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiration_passes_at_its_minute() {
        let expiration = Expiration::parse("2030-12-31 23:59").unwrap();
        assert_eq!(expiration.header(), "Tue, 31 Dec 2030 23:59:00 UTC");
        assert!(!expiration.has_passed("2030-12-31T23:58:59Z".parse().unwrap()));
        assert!(expiration.has_passed("2030-12-31T23:59:01Z".parse().unwrap()));
    }

    #[test]
    fn other_formats_are_refused_by_value() {
        for text in ["", "tomorrow", "2030-13-01 00:00", "2030-12-31T23:59"] {
            assert!(Expiration::parse(text).unwrap_err().to_string().contains(text));
        }
    }
}
