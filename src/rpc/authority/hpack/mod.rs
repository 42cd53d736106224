//! HPACK, the compression of headers in HTTP/2 (RFC 7541): all of it is read, and its simplest form written.
//!
//! ```text
//!   decoder ─► table ─► static_table      what one byte may stand for
//!      │
//!      ├─────► integer
//!      └─────► huffman
//!   literal                               a field that needs no table to be read
//! ```

mod decoder;
mod error;
mod huffman;
mod integer;
mod literal;
mod static_table;
mod table;
#[cfg(test)]
mod tests;

pub(super) use decoder::Decoder;
pub use error::HpackError;
pub(super) use literal::write_literal;

use std::borrow::Cow;

/// A header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: Cow<'a, [u8]>,
    pub(super) value: Cow<'a, [u8]>,
    /// Whether it must never get into a table, so that nobody can guess it by watching lengths.
    pub(super) secret: bool,
}
