//! Puts a descriptor together out of its parts.

use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32};

use super::{AclSlot, Control, HEADER_LEN, REVISION, RawHeader, SecurityError, check};

/// The parts of a descriptor to build, each in its bytes: SIDs, and ACLs with their header.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// Control bits; which lists are present and that offsets are relative is added.
    pub control: Control,
    /// The owner.
    pub owner: Option<&'a [u8]>,
    /// The primary group.
    pub group: Option<&'a [u8]>,
    /// The list of who may do what.
    pub dacl: AclSlot<&'a [u8]>,
    /// The list of what is audited, and of the integrity label.
    pub sacl: AclSlot<&'a [u8]>,
}

impl Parts<'_> {
    /// Lays the parts out as header, owner, group, DACL, SACL, and checks the outcome.
    pub fn build(&self) -> Result<Vec<u8>, SecurityError> {
        let mut out = vec![0; HEADER_LEN];
        let control = self.control
            | Control::SELF_RELATIVE
            | if_present(self.dacl, Control::DACL_PRESENT)
            | if_present(self.sacl, Control::SACL_PRESENT);
        let mut place = |part: Option<&[u8]>| -> Result<U32, SecurityError> {
            let Some(part) = part else { return Ok(U32::ZERO) };
            let offset = u32::try_from(out.len()).map_err(|_| SecurityError::TooLong { len: out.len() })?;
            out.extend_from_slice(part);
            Ok(U32::new(offset))
        };
        let header = RawHeader {
            revision: REVISION,
            sbz1: 0,
            control: U16::new(control.bits()),
            owner: place(self.owner)?,
            group: place(self.group)?,
            dacl: place(list(self.dacl))?,
            sacl: place(list(self.sacl))?,
        };
        out[..HEADER_LEN].copy_from_slice(header.as_bytes());
        check(&out)?;
        Ok(out)
    }
}

fn if_present<T>(slot: AclSlot<T>, bit: Control) -> Control {
    if matches!(slot, AclSlot::Absent) { Control::empty() } else { bit }
}

fn list<T>(slot: AclSlot<T>) -> Option<T> {
    match slot {
        AclSlot::List(list) => Some(list),
        AclSlot::Absent | AclSlot::Null => None,
    }
}
