//! Extended attributes: a FILE_FULL_EA_INFORMATION list is checked, read, and put together.
//!
//! An entry is a header of 8 bytes, the name with a NUL, and the value; each entry says where the next one begins, a
//! multiple of four bytes on.

use std::borrow::Cow;
use std::collections::HashSet;

use thiserror::Error;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The longest list that a file record can refer to.
pub const MAX_LEN: usize = 65_535;

/// The longest name.
pub const MAX_NAME_LEN: usize = 255;

/// The flag of an attribute that a program must understand to make sense of the file.
pub const NEED_EA: u8 = 0x80;

/// Begins the names of attributes that Windows drops when the file changes, and that no layer needs.
const PURGED: &[u8] = b"$KERNEL.PURGE.";

/// Authenticode digests, which spare code integrity the computing.
pub const IMAGE_HASH_SHA1: &[u8] = b"$KERNEL.PURGE.IMAGEHASH.SHA1";
/// The one that every executable has.
pub const IMAGE_HASH_SHA256: &[u8] = b"$KERNEL.PURGE.IMAGEHASH.SHA256";

/// Returns whether an attribute is a cache of the file's contents.
pub fn is_purged(name: &[u8]) -> bool {
    name.get(..PURGED.len()).is_some_and(|start| start.eq_ignore_ascii_case(PURGED))
}

/// Returns whether an attribute is an Authenticode digest.
pub fn is_image_hash(name: &[u8]) -> bool {
    [IMAGE_HASH_SHA1, IMAGE_HASH_SHA256].iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The header of an entry: 4 + 1 + 1 + 2 bytes.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct RawEa {
    /// From the start of this entry to the start of the next one; 0 in the last.
    next: U32,
    flags: u8,
    /// Without the NUL.
    name_len: u8,
    value_len: U16,
}

const HEADER_LEN: usize = 8;
const _: () = assert!(size_of::<RawEa>() == HEADER_LEN);

/// A rule that a list of extended attributes breaks.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EaError {
    /// It does not fit where lists are kept.
    #[error("list of extended attributes of {len} bytes is longer than {MAX_LEN}")]
    TooLong {
        /// Length in bytes.
        len: usize,
    },
    /// An entry ends beyond the list.
    #[error("extended attribute at offset {offset} needs {need} bytes, but {have} are there")]
    Short {
        /// Where the entry begins.
        offset: usize,
        /// Bytes that it needs.
        need: usize,
        /// Bytes that are there.
        have: usize,
    },
    /// The next entry would begin inside this one, not at a multiple of four, or outside the list.
    #[error("extended attribute at offset {offset} has its successor {next} bytes on, which cannot be")]
    Next {
        /// Where the entry begins.
        offset: usize,
        /// What it says.
        next: u32,
    },
    /// More than padding follows the last entry.
    #[error("{len} bytes follow the last extended attribute")]
    Trailing {
        /// How many.
        len: usize,
    },
    /// An entry without a name.
    #[error("an extended attribute has no name")]
    EmptyName,
    /// A name does not end where it says, or goes on behind a NUL.
    #[error("name {0:?} of an extended attribute does not end in its first NUL")]
    Nul(String),
    /// A name does not fit an entry.
    #[error("name of {len} bytes of an extended attribute is longer than {MAX_NAME_LEN}")]
    NameTooLong {
        /// Length in bytes.
        len: usize,
    },
    /// A value does not fit an entry.
    #[error("value of {len} bytes of extended attribute {name:?} is longer than 65535")]
    ValueTooLong {
        /// Whose value.
        name: String,
        /// Length in bytes.
        len: usize,
    },
    /// Two names are the same but for case.
    #[error("extended attribute {0:?} is there twice, maybe in different case")]
    Duplicate(String),
}

/// One extended attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ea<'a> {
    /// 0 or [`NEED_EA`].
    pub flags: u8,
    /// Single-byte characters, without NUL.
    pub name: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

/// A checked list. No bytes are a list without entries.
#[derive(Clone, Copy, Debug)]
pub struct EaList<'a>(&'a [u8]);

impl<'a> EaList<'a> {
    /// Checks every entry.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EaError> {
        if bytes.len() > MAX_LEN {
            return Err(EaError::TooLong { len: bytes.len() });
        }
        let mut left = bytes;
        while !left.is_empty() {
            (_, left) = split(bytes.len() - left.len(), left)?;
        }
        Ok(Self(bytes))
    }

    /// Yields the attributes in their order.
    pub fn iter(self) -> impl Iterator<Item = Ea<'a>> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            if left.is_empty() {
                return None;
            }
            let (ea, rest) = split(0, left).ok()?;
            left = rest;
            Some(ea)
        })
    }

    /// Finds the value of an attribute; names compare without regard to the case of ASCII letters.
    pub fn get(self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter().find(|ea| ea.name.eq_ignore_ascii_case(name)).map(|ea| ea.value)
    }
}

/// Returns a list without some of its attributes. One that has none of them, or that does not parse, stays as it is.
pub fn without(list: &[u8], unwanted: impl Fn(&[u8]) -> bool) -> Cow<'_, [u8]> {
    let Ok(parsed) = EaList::parse(list) else { return list.into() };
    if !parsed.iter().any(|ea| unwanted(ea.name)) {
        return list.into();
    }
    let mut kept = EaBuilder::new();
    for ea in parsed.iter().filter(|ea| !unwanted(ea.name)) {
        // Names that are there twice are no fault of the list.
        if kept.push(ea.flags, ea.name, ea.value).is_err() {
            return list.into();
        }
    }
    kept.in_order().into()
}

/// Checks that bytes are a list of extended attributes.
pub fn check(bytes: &[u8]) -> Result<(), EaError> {
    EaList::parse(bytes).map(|_| ())
}

/// Splits the first entry, which lies at `offset`, off the rest of a list.
fn split(offset: usize, rest: &[u8]) -> Result<(Ea<'_>, &[u8]), EaError> {
    let short = |need| EaError::Short { offset, need, have: rest.len() };
    let (header, body) = RawEa::ref_from_prefix(rest).map_err(|_| short(HEADER_LEN))?;
    let name_len = usize::from(header.name_len);
    let value_len = usize::from(header.value_len.get());
    let need = HEADER_LEN + name_len + 1 + value_len;
    let (name, value) = body.split_at_checked(name_len + 1).ok_or_else(|| short(need))?;
    let (value, _) = value.split_at_checked(value_len).ok_or_else(|| short(need))?;
    if name_len == 0 {
        return Err(EaError::EmptyName);
    }
    if name.iter().position(|&byte| byte == 0) != Some(name_len) {
        return Err(EaError::Nul(lossy(name)));
    }
    let left = match header.next.get() {
        0 if rest.len() - need > 3 => return Err(EaError::Trailing { len: rest.len() - need }),
        0 => &[],
        next => successor(rest, need, next).ok_or(EaError::Next { offset, next })?,
    };
    Ok((Ea { flags: header.flags, name: &name[..name_len], value }, left))
}

fn successor(rest: &[u8], need: usize, next: u32) -> Option<&[u8]> {
    let next = usize::try_from(next).ok()?;
    let left = rest.get(next..)?;
    (next >= need && next.is_multiple_of(4) && !left.is_empty()).then_some(left)
}

fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// A list that is being put together.
#[derive(Clone, Debug, Default)]
pub struct EaBuilder {
    entries: Vec<Entry>,
    seen: HashSet<Vec<u8>>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    flags: u8,
    name: Vec<u8>,
    name_len: u8,
    value: Vec<u8>,
    value_len: u16,
}

impl EaBuilder {
    /// Starts a list without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute. A name that is there already, in whatever case, is refused.
    pub fn push(&mut self, flags: u8, name: &[u8], value: &[u8]) -> Result<(), EaError> {
        if name.is_empty() {
            return Err(EaError::EmptyName);
        }
        if name.contains(&0) {
            return Err(EaError::Nul(lossy(name)));
        }
        let name_len = u8::try_from(name.len()).map_err(|_| EaError::NameTooLong { len: name.len() })?;
        let value_len = u16::try_from(value.len())
            .map_err(|_| EaError::ValueTooLong { name: lossy(name), len: value.len() })?;
        let len = self.len + padded(HEADER_LEN + name.len() + 1 + value.len());
        if len > MAX_LEN {
            return Err(EaError::TooLong { len });
        }
        if !self.seen.insert(name.to_ascii_uppercase()) {
            return Err(EaError::Duplicate(lossy(name)));
        }
        self.len = len;
        self.entries.push(Entry { flags, name: name.to_vec(), name_len, value: value.to_vec(), value_len });
        Ok(())
    }

    /// Returns the list, sorted by upper-cased name: the same attributes always give the same bytes.
    pub fn sorted(mut self) -> Vec<u8> {
        self.entries.sort_by_cached_key(|entry| entry.name.to_ascii_uppercase());
        self.in_order()
    }

    /// Returns the list in the order in which attributes were added.
    pub fn in_order(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len);
        let last = self.entries.len().saturating_sub(1);
        for (index, entry) in self.entries.iter().enumerate() {
            let len = padded(HEADER_LEN + entry.name.len() + 1 + entry.value.len());
            let end = out.len() + len;
            let next = if index == last { 0 } else { u32::try_from(len).expect("checked in push") };
            let header = RawEa {
                next: U32::new(next),
                flags: entry.flags,
                name_len: entry.name_len,
                value_len: U16::new(entry.value_len),
            };
            out.extend_from_slice(header.as_bytes());
            out.extend_from_slice(&entry.name);
            out.push(0);
            out.extend_from_slice(&entry.value);
            out.resize(end, 0);
        }
        out
    }
}

fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(entries: &[(&str, &[u8])]) -> EaBuilder {
        let mut builder = EaBuilder::new();
        entries.iter().for_each(|(name, value)| builder.push(0, name.as_bytes(), value).unwrap());
        builder
    }

    #[test]
    fn metadata_of_linux_files_gives_the_known_bytes() {
        let eas = list(&[("$LXUID", &[0xE8, 3, 0, 0]), ("$LXGID", &[0xE8, 3, 0, 0])]);
        let bytes = eas.in_order();
        assert_eq!(bytes.len(), 40);
        assert_eq!(bytes[..20], *b"\x14\0\0\0\0\x06\x04\0$LXUID\0\xE8\x03\0\0\0");
        assert_eq!(bytes[20..], *b"\0\0\0\0\0\x06\x04\0$LXGID\0\xE8\x03\0\0\0");
    }

    #[test]
    fn order_is_by_upper_case_unless_asked_otherwise() {
        let names = |bytes: &[u8]| -> Vec<String> {
            EaList::parse(bytes).unwrap().iter().map(|ea| String::from_utf8_lossy(ea.name).into()).collect()
        };
        let eas = list(&[("_", b""), ("b", b"1"), ("A", b"22"), ("a1", b"333")]);
        assert_eq!(names(&eas.clone().sorted()), ["A", "a1", "b", "_"]);
        assert_eq!(names(&eas.in_order()), ["_", "b", "A", "a1"]);
    }

    #[test]
    fn builders_refuse_what_cannot_be_expressed() {
        let mut eas = list(&[("Name", b"")]);
        assert_eq!(eas.push(0, b"", b""), Err(EaError::EmptyName));
        assert_eq!(eas.push(0, b"a\0b", b""), Err(EaError::Nul("a\0b".into())));
        assert_eq!(eas.push(0, &[b'n'; 256], b""), Err(EaError::NameTooLong { len: 256 }));
        assert_eq!(eas.push(0, b"NAME", b"x"), Err(EaError::Duplicate("NAME".into())));
        let value = vec![0; 65_536];
        assert_eq!(eas.push(0, b"v", &value), Err(EaError::ValueTooLong { name: "v".into(), len: 65_536 }));
        assert_eq!(eas.push(0, b"v", &value[..65_520]), Err(EaError::TooLong { len: 65_548 }));
        eas.push(0, b"v", &value[..65_500]).unwrap();
        check(&eas.sorted()).unwrap();
    }

    #[test]
    fn lies_are_refused() {
        let good = list(&[("ab", b"12"), ("cd", b"34")]).sorted();
        assert_eq!(good.len(), 32);
        let lie = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            check(&bytes).expect_err("a lie")
        };
        assert_eq!(lie(0, 0), EaError::Trailing { len: 19 });
        for next in [12, 15, 32, 40] {
            assert_eq!(lie(0, next), EaError::Next { offset: 0, next: next.into() });
        }
        assert_eq!(lie(3, 0xFF), EaError::Next { offset: 0, next: 0xFF00_0010 });
        assert_eq!(lie(16, 16), EaError::Next { offset: 16, next: 16 });
        assert_eq!(lie(5, 0), EaError::EmptyName);
        assert_eq!(lie(5, 1), EaError::Nul("ab".into()));
        assert_eq!(lie(8, 0), EaError::Nul("\0b\0".into()));
        assert_eq!(lie(21, 50), EaError::Short { offset: 16, need: 61, have: 16 });
        assert_eq!(lie(23, 1), EaError::Short { offset: 16, need: 269, have: 16 });
        assert_eq!(check(&good[..7]), Err(EaError::Short { offset: 0, need: 8, have: 7 }));
        assert_eq!(check(&vec![0; 65_536]), Err(EaError::TooLong { len: 65_536 }));
        // The padding of the last entry may be missing.
        check(&good[..29]).unwrap();
        check(&[]).unwrap();
    }

    proptest! {
        #[test]
        fn lists_come_back_as_they_were(
            entries in proptest::collection::btree_map("[a-z$.]{1,20}", any::<(u8, Vec<u8>)>(), 0..8),
        ) {
            let mut builder = EaBuilder::new();
            for (name, (flags, value)) in &entries {
                builder.push(*flags, name.as_bytes(), value).unwrap();
            }
            let bytes = builder.in_order();
            prop_assert!(bytes.len().is_multiple_of(4));
            let back: Vec<_> = EaList::parse(&bytes).unwrap().iter().collect();
            prop_assert_eq!(back.len(), entries.len());
            for (ea, (name, (flags, value))) in back.iter().zip(&entries) {
                prop_assert_eq!(*ea, Ea { flags: *flags, name: name.as_bytes(), value });
            }
        }

        #[test]
        fn bytes_at_random_never_panic(bytes in proptest::collection::vec(0..24u8, 0..120)) {
            if let Ok(list) = EaList::parse(&bytes) {
                list.iter().count();
            }
        }
    }
}
