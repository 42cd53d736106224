//! The words of the text form, and the numbers that they stand for.

use crate::cim::security::{Control, ace_type};

/// Types of entries.
pub(super) const ACE_TYPES: [(&str, u8); 7] = [
    ("A", ace_type::ALLOW),
    ("D", ace_type::DENY),
    ("AU", ace_type::AUDIT),
    ("OA", ace_type::ALLOW_OBJECT),
    ("OD", ace_type::DENY_OBJECT),
    ("OU", ace_type::AUDIT_OBJECT),
    ("ML", ace_type::MANDATORY_LABEL),
];

/// Types of entries with conditions, attributes, policies, trust labels and filters: known, but refused.
pub(super) const UNSUPPORTED_ACE_TYPES: [&str; 8] = ["XA", "XD", "ZA", "XU", "RA", "SP", "TL", "FL"];

/// Flags of entries.
pub(super) const ACE_FLAGS: [(&str, u8); 7] =
    [("OI", 0x01), ("CI", 0x02), ("NP", 0x04), ("IO", 0x08), ("ID", 0x10), ("SA", 0x40), ("FA", 0x80)];

/// Rights of one bit, in the order in which they are written.
pub(super) const SINGLE_RIGHTS: [(&str, u32); 17] = [
    ("CC", 0x1),
    ("DC", 0x2),
    ("LC", 0x4),
    ("SW", 0x8),
    ("RP", 0x10),
    ("WP", 0x20),
    ("DT", 0x40),
    ("LO", 0x80),
    ("CR", 0x100),
    ("SD", 0x0001_0000),
    ("RC", 0x0002_0000),
    ("WD", 0x0004_0000),
    ("WO", 0x0008_0000),
    ("GA", 0x1000_0000),
    ("GX", 0x2000_0000),
    ("GW", 0x4000_0000),
    ("GR", 0x8000_0000),
];

/// Sets of rights to files and registry keys. Two are equal; the first one is written.
pub(super) const RIGHT_SETS: [(&str, u32); 8] = [
    ("FA", 0x001F_01FF),
    ("FR", 0x0012_0089),
    ("FW", 0x0012_0116),
    ("FX", 0x0012_00A0),
    ("KA", 0x000F_003F),
    ("KR", 0x0002_0019),
    ("KW", 0x0002_0006),
    ("KX", 0x0002_0019),
];

/// Rights in integrity labels.
pub(super) const LABEL_RIGHTS: [(&str, u32); 3] = [("NW", 1), ("NR", 2), ("NX", 4)];

/// What stands for a DACL that is there but null.
pub(super) const NULL_ACL: &str = "NO_ACCESS_CONTROL";

/// Flags of the list of who may do what.
pub(super) const DACL_FLAGS: [(&str, Control); 3] = [
    ("P", Control::DACL_PROTECTED),
    ("AR", Control::DACL_AUTO_INHERIT_REQ),
    ("AI", Control::DACL_AUTO_INHERITED),
];

/// Flags of the list of what is audited.
pub(super) const SACL_FLAGS: [(&str, Control); 3] = [
    ("P", Control::SACL_PROTECTED),
    ("AR", Control::SACL_AUTO_INHERIT_REQ),
    ("AI", Control::SACL_AUTO_INHERITED),
];

/// Finds what a word stands for.
pub(super) fn value_of<T: Copy>(table: &[(&str, T)], word: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == word).map(|&(_, value)| value)
}
