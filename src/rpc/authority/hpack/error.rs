//! Why a header block cannot be read.

use thiserror::Error;

/// Why a header block cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HpackError {
    /// The block ends within a field.
    #[error("the header block ends within a field")]
    Truncated,
    /// An integer that no header needs.
    #[error("an integer of the header block takes more than five bytes")]
    Integer,
    /// Neither table has such an entry.
    #[error("no entry of the header tables has index {0}")]
    Index(usize),
    /// The client wants a larger table than it was granted.
    #[error("a header table of {0} bytes is larger than was granted")]
    TableSize(usize),
    /// The size of the table changes behind a field.
    #[error("the size of the header table changes within a header block")]
    LateTableSize,
    /// A string is no Huffman code.
    #[error("a string of the header block is not in the Huffman code")]
    Huffman,
}
