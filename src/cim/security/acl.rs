//! Access control lists, and the entries in them.

use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{SecurityError, Sid, short};

/// The types of entries that this library knows by name. Others are carried along unread.
pub mod ace_type {
    /// Allows.
    pub const ALLOW: u8 = 0x00;
    /// Denies.
    pub const DENY: u8 = 0x01;
    /// Audits.
    pub const AUDIT: u8 = 0x02;
    /// Allows, for a kind of object.
    pub const ALLOW_OBJECT: u8 = 0x05;
    /// Denies, for a kind of object.
    pub const DENY_OBJECT: u8 = 0x06;
    /// Audits, for a kind of object.
    pub const AUDIT_OBJECT: u8 = 0x07;
    /// Labels with an integrity level.
    pub const MANDATORY_LABEL: u8 = 0x11;

    /// A mask and a SID.
    pub(super) fn is_simple(kind: u8) -> bool {
        matches!(kind, 0x00..=0x03 | 0x09 | 0x0A | 0x0D | 0x0E | 0x11..=0x15)
    }

    /// A mask, up to two GUIDs and a SID.
    pub(super) fn is_object(kind: u8) -> bool {
        matches!(kind, 0x05..=0x08 | 0x0B | 0x0C | 0x0F | 0x10)
    }
}

/// Revisions that Windows writes: plain lists, compound entries, object entries.
const REVISIONS: std::ops::RangeInclusive<u8> = 2..=4;

/// The header of an ACL: 1 + 1 + 2 + 2 + 2 bytes.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RawAcl {
    revision: u8,
    sbz1: u8,
    /// Of the whole list, this header included.
    size: U16,
    count: U16,
    sbz2: U16,
}

const ACL_HEADER_LEN: usize = 8;
const _: () = assert!(size_of::<RawAcl>() == ACL_HEADER_LEN);

/// The header of an ACE: 1 + 1 + 2 bytes.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RawAce {
    kind: u8,
    flags: u8,
    /// Of the whole entry, this header included.
    size: U16,
}

const ACE_HEADER_LEN: usize = 4;
const _: () = assert!(size_of::<RawAce>() == ACE_HEADER_LEN);

/// A checked list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acl<'a> {
    revision: u8,
    count: u16,
    /// The entries, and possibly room behind them.
    entries: &'a [u8],
}

impl<'a> Acl<'a> {
    /// Reads a list at the start of `rest`, which lies at `offset` of the descriptor, and checks each entry.
    pub(super) fn parse(what: &'static str, offset: usize, rest: &'a [u8]) -> Result<Self, SecurityError> {
        let (header, _) =
            RawAcl::ref_from_prefix(rest).map_err(|_| short(what, offset, ACL_HEADER_LEN, rest.len()))?;
        if !REVISIONS.contains(&header.revision) {
            return Err(SecurityError::Revision { what, found: header.revision });
        }
        let size = usize::from(header.size.get());
        if size < ACL_HEADER_LEN || !size.is_multiple_of(4) {
            return Err(SecurityError::Size { what, size });
        }
        let entries = rest.get(ACL_HEADER_LEN..size).ok_or_else(|| short(what, offset, size, rest.len()))?;
        let acl = Self { revision: header.revision, count: header.count.get(), entries };
        let mut left = entries;
        for _ in 0..acl.count {
            let at = offset.saturating_add(size).saturating_sub(left.len());
            (_, left) = Ace::split(at, left)?;
        }
        Ok(acl)
    }

    /// Returns the revision: 4 where there are object entries.
    pub fn revision(self) -> u8 {
        self.revision
    }

    /// Yields the entries.
    pub fn aces(self) -> impl Iterator<Item = Ace<'a>> {
        let mut left = self.entries;
        (0..self.count).map_while(move |_| {
            let (ace, rest) = Ace::split(0, left).ok()?;
            left = rest;
            Some(ace)
        })
    }

    /// Puts a list together of whole entries. `None` where it gets longer than an ACL can be.
    pub fn build(revision: u8, aces: &[Vec<u8>]) -> Option<Vec<u8>> {
        let entries = aces.concat();
        let header = RawAcl {
            revision,
            sbz1: 0,
            size: U16::new(u16::try_from(entries.len().checked_add(ACL_HEADER_LEN)?).ok()?),
            count: U16::new(u16::try_from(aces.len()).ok()?),
            sbz2: U16::ZERO,
        };
        Some([header.as_bytes(), &entries].concat())
    }
}

/// A checked entry of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ace<'a> {
    kind: u8,
    flags: u8,
    body: &'a [u8],
}

/// What an entry of a known form holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AceParts<'a> {
    /// The rights that it is about.
    pub mask: u32,
    /// The kind of object that it is about, in Windows' byte order.
    pub object: Option<[u8; 16]>,
    /// The kind of object that inherits it.
    pub inherited_object: Option<[u8; 16]>,
    /// Whether it is of a type that can name kinds of objects.
    pub is_object: bool,
    /// Whom it is about.
    pub sid: Sid<'a>,
    /// What follows the SID: conditions, attributes.
    pub data: &'a [u8],
}

const OBJECT_PRESENT: u32 = 1;
const INHERITED_OBJECT_PRESENT: u32 = 2;

impl<'a> Ace<'a> {
    /// Splits the entry at the start of `rest` off and checks it.
    fn split(offset: usize, rest: &'a [u8]) -> Result<(Self, &'a [u8]), SecurityError> {
        let (header, _) =
            RawAce::ref_from_prefix(rest).map_err(|_| short("ACE", offset, ACE_HEADER_LEN, rest.len()))?;
        let size = usize::from(header.size.get());
        if size < ACE_HEADER_LEN || !size.is_multiple_of(4) {
            return Err(SecurityError::Size { what: "ACE", size });
        }
        let (whole, left) =
            rest.split_at_checked(size).ok_or_else(|| short("ACE", offset, size, rest.len()))?;
        let ace = Self { kind: header.kind, flags: header.flags, body: &whole[ACE_HEADER_LEN..] };
        ace.read(offset.saturating_add(ACE_HEADER_LEN))?;
        Ok((ace, left))
    }

    /// Returns the type: one of [`ace_type`], or another.
    pub fn kind(self) -> u8 {
        self.kind
    }

    /// Returns the flags: inheritance, and what is audited.
    pub fn flags(self) -> u8 {
        self.flags
    }

    /// Returns what the entry holds; `None` for a type of unknown form.
    pub fn parts(self) -> Option<AceParts<'a>> {
        self.read(0).ok().flatten()
    }

    fn read(self, offset: usize) -> Result<Option<AceParts<'a>>, SecurityError> {
        let is_object = ace_type::is_object(self.kind);
        if !is_object && !ace_type::is_simple(self.kind) {
            return Ok(None);
        }
        let mut left = self.body;
        let mask = take::<4>(&mut left, offset)?;
        let present = if is_object { u32::from_le_bytes(take(&mut left, offset)?) } else { 0 };
        let mut guid = |bit| -> Result<_, SecurityError> {
            (present & bit != 0).then(|| take::<16>(&mut left, offset)).transpose()
        };
        let object = guid(OBJECT_PRESENT)?;
        let inherited_object = guid(INHERITED_OBJECT_PRESENT)?;
        let sid = Sid::parse("SID of an ACE", offset, left)?;
        let data = left.get(sid.as_bytes().len()..).unwrap_or_default();
        Ok(Some(AceParts { mask: u32::from_le_bytes(mask), object, inherited_object, is_object, sid, data }))
    }

    /// Puts an entry together. An object entry says which of its GUIDs are there. `None` where it gets too long.
    pub fn build(kind: u8, flags: u8, parts: &AceParts<'_>) -> Option<Vec<u8>> {
        let mut body = parts.mask.to_le_bytes().to_vec();
        if parts.is_object {
            let object = if parts.object.is_some() { OBJECT_PRESENT } else { 0 };
            let inherited = if parts.inherited_object.is_some() { INHERITED_OBJECT_PRESENT } else { 0 };
            body.extend_from_slice(&(object | inherited).to_le_bytes());
            body.extend(parts.object.iter().chain(&parts.inherited_object).flatten());
        }
        body.extend_from_slice(parts.sid.as_bytes());
        body.extend_from_slice(parts.data);
        let size = u16::try_from(body.len().checked_add(ACE_HEADER_LEN)?).ok()?;
        let header = RawAce { kind, flags, size: U16::new(size) };
        Some([header.as_bytes(), &body].concat())
    }
}

fn take<const N: usize>(left: &mut &[u8], offset: usize) -> Result<[u8; N], SecurityError> {
    let (&head, rest) = left.split_first_chunk().ok_or_else(|| short("ACE", offset, N, left.len()))?;
    *left = rest;
    Ok(head)
}
