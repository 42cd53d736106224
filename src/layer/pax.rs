//! PAX records: what a tar says of an entry beyond its header.
//!
//! A record is `LENGTH KEY=VALUE` and a line feed, where LENGTH counts the whole record, itself included. Keys and
//! values are bytes, and a value may hold line feeds: a reader that splits a block at them, as that of the `tar` crate
//! does, loses extended attributes of Linux and all that follows them. A global header speaks for all entries that
//! follow it; a record of an entry overrides it, and one with an empty value deletes it.

mod records;
mod time;
mod values;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use records::{Globals, Records};
pub use time::{format_time, parse_time};
pub use values::{encode, key, percent_encode};

/// The longest block of records.
pub const MAX_BLOCK: usize = 1 << 20;

/// The most that global records may add up to. Real ones hold a remark; each entry of a tar is looked up in them.
pub const MAX_GLOBAL: usize = 1 << 16;

/// The most digits that a length may have.
const MAX_LENGTH_DIGITS: usize = 20;

/// A rule that PAX records break.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PaxError {
    /// More than any layer needs.
    #[error("pax records of {len} bytes are longer than {max}")]
    TooLong {
        /// Length in bytes.
        len: usize,
        /// The most that is taken.
        max: usize,
    },
    /// No decimal number with a blank behind it.
    #[error("pax record at offset {offset} does not begin with its length")]
    NoLength {
        /// Where the record begins.
        offset: usize,
    },
    /// The record does not end where it says, or not in a line feed.
    #[error("pax record at offset {offset} does not end in a line feed after the length that it states")]
    WrongLength {
        /// Where the record begins.
        offset: usize,
    },
    /// No key, no `=`, or a NUL in the key.
    #[error("pax record at offset {offset} has no proper key")]
    NoKey {
        /// Where the record begins.
        offset: usize,
    },
    /// A key cannot be written: it is empty, or holds `=` or a NUL.
    #[error("{0:?} cannot be a key of a pax record")]
    Key(String),
    /// A value is not what its key stands for.
    #[error("pax record {key:?} holds {value:?}, which is not {expected}")]
    Value {
        /// The key.
        key: String,
        /// The start of the value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// Yields the records of a block; ends after the first malformed one.
pub fn records(block: &[u8]) -> impl Iterator<Item = Result<(&[u8], &[u8]), PaxError>> {
    let mut left = block;
    std::iter::from_fn(move || {
        if left.is_empty() {
            return None;
        }
        let record = split(block.len() - left.len(), left);
        left = record.as_ref().map_or(&[], |&(_, rest)| rest);
        Some(record.map(|(record, _)| record))
    })
}

type Record<'a> = (&'a [u8], &'a [u8]);

/// Splits the first record, which lies at `offset`, off the rest of a block.
fn split(offset: usize, rest: &[u8]) -> Result<(Record<'_>, &[u8]), PaxError> {
    let digits = rest.iter().take(MAX_LENGTH_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, _) = rest.split_at(digits);
    let len: Option<usize> = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
    let (Some(len), Some(b' ')) = (len, rest.get(digits)) else {
        return Err(PaxError::NoLength { offset });
    };
    let wrong_length = PaxError::WrongLength { offset };
    let (record, rest) = rest.split_at_checked(len).ok_or(wrong_length.clone())?;
    let record =
        record.get(digits + 1..).and_then(|record| record.strip_suffix(b"\n")).ok_or(wrong_length)?;
    let equals = record.iter().position(|&byte| byte == b'=');
    let key = equals.and_then(|at| record.get(..at)).filter(|key| is_key(key));
    let key = key.ok_or(PaxError::NoKey { offset })?;
    let value = record.get(key.len() + 1..).unwrap_or_default();
    Ok(((key, value), rest))
}

fn is_key(key: &[u8]) -> bool {
    !key.is_empty() && !key.contains(&0) && !key.contains(&b'=')
}

/// Appends a record to a block.
pub fn append(block: &mut Vec<u8>, key: &[u8], value: &[u8]) -> Result<(), PaxError> {
    if !is_key(key) {
        return Err(PaxError::Key(String::from_utf8_lossy(key).into_owned()));
    }
    // Blank, key, equals sign, value and line feed; the length counts its own digits.
    let content = key.len() + value.len() + 3;
    let is_fixed = |digits: &usize| (content + digits).to_string().len() == *digits;
    let digits =
        (1..=MAX_LENGTH_DIGITS).find(is_fixed).ok_or(PaxError::TooLong { len: content, max: MAX_BLOCK })?;
    block.extend_from_slice((content + digits).to_string().as_bytes());
    block.push(b' ');
    block.extend_from_slice(key);
    block.push(b'=');
    block.extend_from_slice(value);
    block.push(b'\n');
    Ok(())
}

fn check_len(len: usize, max: usize) -> Result<(), PaxError> {
    if len > max {
        return Err(PaxError::TooLong { len, max });
    }
    Ok(())
}
