//! Extended attributes: the FILE_FULL_EA_INFORMATION list that a file record points to.
//!
//! ```text
//!   0  u32  bytes from this entry to the next; 0 in the last
//!   4  u8   flags
//!   5  u8   length of the name, without its NUL
//!   6  u16  length of the value
//!   8  name, NUL, value, padding to 4
//! ```

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::error::Fault;

/// The front of an entry as it lies on disk; name, NUL and value follow.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawEa {
    next: U32,
    flags: u8,
    name_len: u8,
    value_len: U16,
}

const _: () = assert!(size_of::<RawEa>() == 8); // 4 + 1 + 1 + 2

/// One extended attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ea<'a> {
    /// 0x80 says that the file must not be interpreted by who does not know the attribute.
    pub flags: u8,
    /// The name: single-byte characters, in which case does not count.
    pub name: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

impl Ea<'_> {
    /// Returns whether this is the attribute of a name.
    pub fn is(&self, name: &[u8]) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// Yields the attributes of a list in order. A list that lies yields one error and ends.
pub fn iter(list: &[u8]) -> impl Iterator<Item = Result<Ea<'_>, Fault>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (ea, next) = match split(rest) {
            Ok(pair) => pair,
            Err(reason) => {
                rest = &[];
                return Some(Err(malformed(reason)));
            }
        };
        rest = next;
        Some(Ok(ea))
    })
}

/// Splits the first entry off a list.
fn split(list: &[u8]) -> Result<(Ea<'_>, &[u8]), &'static str> {
    let (raw, tail) = RawEa::ref_from_prefix(list).map_err(|_| "an entry is cut short")?;
    let (name, tail) = tail.split_at_checked(usize::from(raw.name_len)).ok_or("a name is cut short")?;
    let tail = tail.strip_prefix(&[0]).ok_or("a name does not end in NUL")?;
    let value = tail.get(..usize::from(raw.value_len.get())).ok_or("a value is cut short")?;
    if name.is_empty() {
        return Err("a name is empty");
    }
    let ea = Ea { flags: raw.flags, name, value };
    let next = usize::try_from(raw.next.get()).map_err(|_| "an entry lies past the end")?;
    if next == 0 {
        return Ok((ea, &[]));
    }
    if next < size_of::<RawEa>() + name.len() + 1 + value.len() {
        return Err("two entries overlap");
    }
    match list.get(next..) {
        Some(rest) if !rest.is_empty() => Ok((ea, rest)),
        _ => Err("an entry lies past the end"),
    }
}

fn malformed(reason: &str) -> Fault {
    Fault::Malformed { what: "the list of extended attributes", reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list of a file of uid 1000, gid 1000, mode 0100644, from the WSL conventions.
    const OWNER_AND_MODE: &[u8] = b"\x14\0\0\0\0\x06\x04\0$LXUID\0\xe8\x03\0\0\
        \x14\0\0\0\0\x06\x04\0$LXGID\0\xe8\x03\0\0\
        \0\0\0\0\0\x06\x04\0$LXMOD\0\xa4\x81\0\0";

    #[test]
    fn entries_come_in_order() {
        assert_eq!(OWNER_AND_MODE.len(), 60);
        let eas: Vec<_> = iter(OWNER_AND_MODE).map(Result::unwrap).collect();
        assert_eq!(eas.len(), 3);
        assert!(eas[0].is(b"$lxuid") && eas[2].is(b"$LXMOD"));
        assert_eq!(eas[2].value, [0xA4, 0x81, 0, 0]);
        assert_eq!(iter(&[]).count(), 0);
    }

    #[test]
    fn lists_that_lie_end_in_an_error() {
        for end in 1..OWNER_AND_MODE.len() {
            let last = iter(&OWNER_AND_MODE[..end]).last().unwrap();
            assert!(last.is_err(), "{end}");
        }
        let mut overlapping = OWNER_AND_MODE.to_vec();
        overlapping[0] = 8;
        assert!(iter(&overlapping).next().unwrap().is_err());
        let mut nameless = OWNER_AND_MODE.to_vec();
        nameless[5] = 0;
        assert!(iter(&nameless).any(|ea| ea.is_err()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_run_on(list in proptest::collection::vec(0u8..24, 0..200)) {
            proptest::prop_assert!(iter(&list).count() <= list.len());
        }
    }
}
