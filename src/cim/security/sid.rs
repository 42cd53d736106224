//! SIDs: who owns a file, and whom an entry of a list is about.

use std::fmt;

use zerocopy::FromBytes;
use zerocopy::little_endian::U32;

use super::{SecurityError, short};

/// The most sub-authorities that a SID can have.
pub const MAX_SUB_AUTHORITIES: usize = 15;

const REVISION: u8 = 1;

/// Revision, count, and an authority of six bytes; the sub-authorities follow.
const HEADER_LEN: usize = 8;

/// A checked SID.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sid<'a> {
    /// The whole SID, and nothing behind it.
    bytes: &'a [u8],
    authority: u64,
    sub_authorities: &'a [U32],
}

impl<'a> Sid<'a> {
    /// Reads a SID that begins the bytes; they may go on behind it.
    pub fn from_prefix(bytes: &'a [u8]) -> Result<Self, SecurityError> {
        Self::parse("SID", 0, bytes)
    }

    /// Reads a SID at the start of `rest`, which lies at `offset` of the descriptor.
    pub(super) fn parse(what: &'static str, offset: usize, rest: &'a [u8]) -> Result<Self, SecurityError> {
        let too_short = |need| short(what, offset, need, rest.len());
        let Some((&[revision, count, a, b, c, d, e, f], tail)) = rest.split_first_chunk() else {
            return Err(too_short(HEADER_LEN));
        };
        if revision != REVISION {
            return Err(SecurityError::Revision { what, found: revision });
        }
        let count = usize::from(count);
        if count > MAX_SUB_AUTHORITIES {
            return Err(SecurityError::SubAuthorities(count));
        }
        let len = HEADER_LEN + 4 * count;
        let (sub_authorities, _) =
            <[U32]>::ref_from_prefix_with_elems(tail, count).map_err(|_| too_short(len))?;
        // The one number of the format that is big-endian.
        let authority = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        Ok(Self { bytes: &rest[..len], authority, sub_authorities })
    }

    /// Returns the SID as it lies in a descriptor.
    pub fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the authority: 48 bits.
    pub fn authority(self) -> u64 {
        self.authority
    }

    /// Yields the sub-authorities.
    pub fn sub_authorities(self) -> impl ExactSizeIterator<Item = u32> + 'a {
        self.sub_authorities.iter().map(|number| number.get())
    }

    /// Puts a SID together. `None` where the authority needs more than 48 bits, or there are too many parts.
    pub fn build(authority: u64, sub_authorities: &[u32]) -> Option<Vec<u8>> {
        let count = u8::try_from(sub_authorities.len()).ok()?;
        let [0, 0, authority @ ..] = authority.to_be_bytes() else { return None };
        if usize::from(count) > MAX_SUB_AUTHORITIES {
            return None;
        }
        let mut bytes = vec![REVISION, count];
        bytes.extend_from_slice(&authority);
        bytes.extend(sub_authorities.iter().flat_map(|number| number.to_le_bytes()));
        Some(bytes)
    }
}

impl fmt::Display for Sid<'_> {
    /// Shows `S-1-5-32-544`; an authority of more than 32 bits is shown in hexadecimal, as Windows does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.authority > u64::from(u32::MAX) {
            write!(f, "S-1-{:#014x}", self.authority)?;
        } else {
            write!(f, "S-1-{}", self.authority)?;
        }
        self.sub_authorities().try_for_each(|number| write!(f, "-{number}"))
    }
}

impl fmt::Debug for Sid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
