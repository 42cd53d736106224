//! Security descriptors in their self-relative form: a check for untrusted bytes, views to read them, and a builder.
//!
//! A descriptor is a header of 20 bytes, then an owner, a group, a SACL and a DACL in any order, each found through an
//! offset in the header. Parts may overlap: writers share one SID for owner and group.

mod acl;
mod build;
mod sid;

#[cfg(test)]
mod tests;

use bitflags::bitflags;
use thiserror::Error;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub use acl::{Ace, AceParts, Acl, ace_type};
pub use build::Parts;
pub use sid::{MAX_SUB_AUTHORITIES, Sid};

/// The longest descriptor that a file record can refer to.
pub const MAX_LEN: usize = 65_535;

/// What a file gets that nobody described: a DACL that is present but null, so that everybody may do everything.
pub const DEFAULT: [u8; 20] = [1, 0, 4, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const REVISION: u8 = 1;

bitflags! {
    /// The control word of a descriptor. Bits without a name are kept.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Control: u16 {
        /// The owner was filled in by default.
        const OWNER_DEFAULTED = 0x1;
        /// The group was filled in by default.
        const GROUP_DEFAULTED = 0x2;
        /// There is a DACL, though it may be null.
        const DACL_PRESENT = 0x4;
        /// The DACL was filled in by default.
        const DACL_DEFAULTED = 0x8;
        /// There is a SACL.
        const SACL_PRESENT = 0x10;
        /// The SACL was filled in by default.
        const SACL_DEFAULTED = 0x20;
        /// The DACL shall be handed on to what lies below.
        const DACL_AUTO_INHERIT_REQ = 0x100;
        /// The SACL shall be handed on to what lies below.
        const SACL_AUTO_INHERIT_REQ = 0x200;
        /// The DACL was made by inheritance.
        const DACL_AUTO_INHERITED = 0x400;
        /// The SACL was made by inheritance.
        const SACL_AUTO_INHERITED = 0x800;
        /// The DACL inherits nothing.
        const DACL_PROTECTED = 0x1000;
        /// The SACL inherits nothing.
        const SACL_PROTECTED = 0x2000;
        /// The second byte of the header means something to a resource manager.
        const RM_CONTROL_VALID = 0x4000;
        /// The parts are found through offsets.
        const SELF_RELATIVE = 0x8000;
        const _ = !0;
    }
}

/// The header of a descriptor: 1 + 1 + 2 + 4 * 4 bytes.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RawHeader {
    revision: u8,
    /// Belongs to a resource manager; normally zero.
    sbz1: u8,
    control: U16,
    /// Offset of the owner; 0 for none, as in all that follow.
    owner: U32,
    group: U32,
    sacl: U32,
    dacl: U32,
}

const HEADER_LEN: usize = 20;
const _: () = assert!(size_of::<RawHeader>() == HEADER_LEN);

/// A rule that the bytes of a security descriptor break.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SecurityError {
    /// It does not fit where descriptors are kept.
    #[error("security descriptor of {len} bytes is longer than {MAX_LEN}")]
    TooLong {
        /// Length in bytes.
        len: usize,
    },
    /// Something ends beyond what it lies in.
    #[error("{what} at offset {offset} of a security descriptor needs {need} bytes, but {have} are there")]
    Short {
        /// Which part.
        what: &'static str,
        /// Where it begins.
        offset: usize,
        /// Bytes that it needs.
        need: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// A revision that no Windows has written.
    #[error("{what} of a security descriptor has revision {found}")]
    Revision {
        /// Which part.
        what: &'static str,
        /// The revision found.
        found: u8,
    },
    /// The self-relative bit is missing, so that the offsets are addresses.
    #[error("security descriptor with control word {0:#06x} is not self-relative")]
    Absolute(u16),
    /// A part begins inside the header, or not at a multiple of four.
    #[error(
        "{what} of a security descriptor lies at offset {offset}, inside the header or not at a multiple of 4"
    )]
    Offset {
        /// Which part.
        what: &'static str,
        /// Where it begins.
        offset: usize,
    },
    /// More parts than a SID can have.
    #[error("a SID has {0} sub-authorities, more than {MAX_SUB_AUTHORITIES}")]
    SubAuthorities(usize),
    /// An ACL or an ACE is smaller than its header, or not a multiple of four.
    #[error("size {size} of {what} of a security descriptor is too small or not a multiple of 4")]
    Size {
        /// Which part.
        what: &'static str,
        /// The size found.
        size: usize,
    },
}

/// Whether there is a list of access rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclSlot<T> {
    /// There is none.
    Absent,
    /// It is said to be there, but it is nowhere. As a DACL: everybody may do everything.
    Null,
    /// It is there. An empty list as DACL: nobody may do anything.
    List(T),
}

/// A checked descriptor.
#[derive(Clone, Copy, Debug)]
pub struct Descriptor<'a> {
    control: Control,
    owner: Option<Sid<'a>>,
    group: Option<Sid<'a>>,
    sacl: AclSlot<Acl<'a>>,
    dacl: AclSlot<Acl<'a>>,
}

impl<'a> Descriptor<'a> {
    /// Checks every part, and with it every length and offset that later reading depends on.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SecurityError> {
        if bytes.len() > MAX_LEN {
            return Err(SecurityError::TooLong { len: bytes.len() });
        }
        let (header, _) =
            RawHeader::ref_from_prefix(bytes).map_err(|_| short("header", 0, HEADER_LEN, bytes.len()))?;
        if header.revision != REVISION {
            return Err(SecurityError::Revision { what: "header", found: header.revision });
        }
        let control = Control::from_bits_retain(header.control.get());
        if !control.contains(Control::SELF_RELATIVE) {
            return Err(SecurityError::Absolute(control.bits()));
        }
        let sid = |what, offset| {
            part(bytes, what, offset)?.map(|(at, rest)| Sid::parse(what, at, rest)).transpose()
        };
        let acl = |what, offset, present| -> Result<_, SecurityError> {
            let list = part(bytes, what, offset)?.map(|(at, rest)| Acl::parse(what, at, rest)).transpose()?;
            Ok(match (control.contains(present), list) {
                (false, _) => AclSlot::Absent,
                (true, None) => AclSlot::Null,
                (true, Some(list)) => AclSlot::List(list),
            })
        };
        Ok(Self {
            control,
            owner: sid("owner", header.owner)?,
            group: sid("group", header.group)?,
            sacl: acl("SACL", header.sacl, Control::SACL_PRESENT)?,
            dacl: acl("DACL", header.dacl, Control::DACL_PRESENT)?,
        })
    }

    /// Returns the control word.
    pub fn control(&self) -> Control {
        self.control
    }

    /// Returns the owner.
    pub fn owner(&self) -> Option<Sid<'a>> {
        self.owner
    }

    /// Returns the primary group.
    pub fn group(&self) -> Option<Sid<'a>> {
        self.group
    }

    /// Returns the list of what is audited, and of the integrity label.
    pub fn sacl(&self) -> AclSlot<Acl<'a>> {
        self.sacl
    }

    /// Returns the list of who may do what.
    pub fn dacl(&self) -> AclSlot<Acl<'a>> {
        self.dacl
    }
}

/// Checks that bytes are a self-relative security descriptor.
pub fn check(bytes: &[u8]) -> Result<(), SecurityError> {
    Descriptor::parse(bytes).map(|_| ())
}

/// Finds a part: its offset, and the bytes from there to the end. `None` where the offset is 0.
fn part<'a>(
    bytes: &'a [u8],
    what: &'static str,
    offset: U32,
) -> Result<Option<(usize, &'a [u8])>, SecurityError> {
    let at = usize::try_from(offset.get()).unwrap_or(usize::MAX);
    if at == 0 {
        return Ok(None);
    }
    if at < HEADER_LEN || !at.is_multiple_of(4) {
        return Err(SecurityError::Offset { what, offset: at });
    }
    match bytes.get(at..) {
        Some(rest) => Ok(Some((at, rest))),
        None => Err(short(what, at, 1, 0)),
    }
}

fn short(what: &'static str, offset: usize, need: usize, have: usize) -> SecurityError {
    SecurityError::Short { what, offset, need, have }
}
