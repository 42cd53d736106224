//! What lies in security descriptors, extended attributes and reparse data.

use std::fmt::Display;

use super::extents::Object;
use crate::cim::error::Fault;
use crate::cim::{ea, reparse, security};

/// Says what is wrong with a security descriptor.
pub(super) fn security_fault(bytes: &[u8]) -> Option<Fault> {
    malformed(Object::Security, security::check(bytes))
}

/// Says what is wrong with a list of extended attributes.
pub(super) fn ea_fault(bytes: &[u8]) -> Option<Fault> {
    malformed(Object::Eas, ea::check(bytes))
}

/// Says what is wrong with a reparse buffer.
pub(super) fn reparse_fault(bytes: &[u8]) -> Option<Fault> {
    malformed(Object::Reparse, reparse::check(bytes))
}

fn malformed(object: Object, checked: Result<(), impl Display>) -> Option<Fault> {
    let reason = checked.err()?.to_string();
    Some(Fault::Malformed { what: object.name(), reason })
}
