//! Security descriptors as text (SDDL), as old layers carry them: text to bytes and bytes to text.
//!
//! ```text
//!   O:BA G:SY D:P(A;OICI;FA;;;BA)(A;;0x1200a9;;;BU) S:(ML;;NW;;;LW)
//!   │    │    │   │                                  └ what is audited, and the integrity label
//!   │    │    │   └ type ; flags ; rights ; object ; inherited object ; who
//!   │    │    └ who may do what
//!   │    └ primary group
//!   └ owner
//! ```
//!
//! What needs more than that (conditions, resource attributes) is refused, and so are names that only a machine or a
//! domain can give a meaning.

mod format;
mod parse;
mod sids;
mod tokens;

#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::cim::security::SecurityError;

pub use format::format;
pub use parse::parse;

/// Why text is no descriptor, or a descriptor has no text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SddlError {
    /// Something else should stand here.
    #[error("expected {expected} at {found:?} of a security descriptor string")]
    Expected {
        /// What should stand here.
        expected: &'static str,
        /// The start of what stands here.
        found: String,
    },
    /// A name of a user or group that is not in the table, or a malformed SID.
    #[error("{0:?} is neither a SID nor a known alias of one")]
    Sid(String),
    /// A name that means something only on a machine or in a domain.
    #[error("alias {0:?} stands for a user or group of a machine or domain, which a layer does not name")]
    DomainAlias(String),
    /// A type of entry that is not in the table.
    #[error("unknown type {0:?} of an access control entry")]
    AceType(String),
    /// A type of entry that this library does not write.
    #[error(
        "access control entries of type {0:?}, with conditions or resource attributes, are not supported"
    )]
    UnsupportedAce(String),
    /// Flags that are not a run of known ones.
    #[error("{0:?} are no flags of an access control entry")]
    AceFlags(String),
    /// Rights that are neither a run of known ones nor a number of 32 bits.
    #[error("{0:?} are no access rights")]
    Rights(String),
    /// A malformed GUID, or one where none belongs.
    #[error("{0:?} is no GUID, or does not belong in this type of access control entry")]
    Guid(String),
    /// An entry does not have six parts.
    #[error("access control entry has {0} parts, not 6")]
    AceParts(usize),
    /// A list outgrew what its length field can say.
    #[error("access control list is longer than 65535 bytes")]
    ListTooLong,
    /// The descriptor is malformed, or too long.
    #[error(transparent)]
    Security(#[from] SecurityError),
    /// The descriptor holds something that the text form lacks.
    #[error("{what} of a security descriptor cannot be written as text")]
    Inexpressible {
        /// What.
        what: &'static str,
    },
}

/// Enough of a text to find it, and not more.
fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}
