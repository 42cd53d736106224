//! What lies in security descriptors, extended attributes and reparse data.

use crate::cim::error::Fault;
use crate::cim::{ea, reparse, security};

/// Says what is wrong with a security descriptor.
pub(super) fn security_fault(bytes: &[u8]) -> Option<Fault> {
    let error = security::check(bytes).err()?;
    Some(Fault::Malformed { what: "the security descriptor", reason: error.to_string() })
}

/// Says what is wrong with a list of extended attributes.
pub(super) fn ea_fault(bytes: &[u8]) -> Option<Fault> {
    let error = ea::check(bytes).err()?;
    Some(Fault::Malformed { what: "the list of extended attributes", reason: error.to_string() })
}

/// Says what is wrong with a reparse buffer.
pub(super) fn reparse_fault(bytes: &[u8]) -> Option<Fault> {
    let error = reparse::check(bytes).err()?;
    Some(Fault::Malformed { what: "the reparse data", reason: error.to_string() })
}
