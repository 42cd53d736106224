//! What lies in security descriptors, extended attributes and reparse data.

use crate::cim::error::Fault;
use crate::cim::{ea, reparse, security};

/// Says what is wrong with a security descriptor.
pub(super) fn security_fault(bytes: &[u8]) -> Option<Fault> {
    security::check(bytes).err().map(Fault::from)
}

/// Says what is wrong with a list of extended attributes.
pub(super) fn ea_fault(bytes: &[u8]) -> Option<Fault> {
    ea::check(bytes).err().map(Fault::from)
}

/// Says what is wrong with a reparse buffer.
pub(super) fn reparse_fault(bytes: &[u8]) -> Option<Fault> {
    reparse::check(bytes).err().map(Fault::from)
}
