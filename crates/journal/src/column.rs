//! How our types stand in columns: times and names as text, the rest as JSON.

use std::error::Error;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::JournalError;

/// A column whose text parses into `T`.
pub(crate) struct Text<T>(pub(crate) T);

impl<T> FromSql for Text<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

/// A column that holds `T` as JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

/// A time with all nine digits, so that the order of the texts is the order of the times.
pub(crate) fn time(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// A value as JSON.
pub(crate) fn json<T: Serialize>(what: &'static str, value: &T) -> Result<String, JournalError> {
    serde_json::to_string(value)
        .map_err(|error| JournalError::Unreadable { what: what.into(), why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_times_sort_as_the_times_do() {
        let whole: Timestamp = "2026-11-21T07:30:00Z".parse().unwrap();
        let half: Timestamp = "2026-11-21T07:30:00.5Z".parse().unwrap();
        assert!(time(whole) < time(half));
        assert_eq!(time(half), "2026-11-21T07:30:00.500000000Z");
        assert_eq!(time(half).parse::<Timestamp>().unwrap(), half);
    }
}
