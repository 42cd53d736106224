//! What lies in security descriptors, extended attributes and reparse data.

use zerocopy::FromBytes;
use zerocopy::little_endian::U32;

use super::size;
use crate::cim::error::Fault;

/// Says what is wrong with a security descriptor.
pub(super) fn security_fault(_bytes: &[u8]) -> Option<Fault> {
    None
}

/// Says what is wrong with a list of extended attributes.
pub(super) fn ea_fault(_bytes: &[u8]) -> Option<Fault> {
    None
}

/// Says what is wrong with a reparse buffer.
pub(super) fn reparse_fault(bytes: &[u8]) -> Option<Fault> {
    let have = u64::try_from(bytes.len()).expect("a usize fits a u64");
    let short = U32::ref_from_prefix(bytes).is_err();
    short.then_some(Fault::Short { what: "reparse data", need: size::<U32>(), have })
}
