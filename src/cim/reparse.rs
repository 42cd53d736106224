//! Reparse points: the tags that this library knows, and the links behind two of them.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::error::Fault;

/// The kind of a reparse point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReparseTag(pub u32);

impl ReparseTag {
    /// A junction, or a volume that is mounted on a directory.
    pub const MOUNT_POINT: Self = Self(0xA000_0003);
    /// A symbolic link of Windows.
    pub const SYMLINK: Self = Self(0xA000_000C);
    /// A symbolic link of Linux.
    pub const LX_SYMLINK: Self = Self(0xA000_001D);
    /// A socket.
    pub const AF_UNIX: Self = Self(0x8000_0023);
    /// A fifo.
    pub const LX_FIFO: Self = Self(0x8000_0024);
    /// A character device.
    pub const LX_CHR: Self = Self(0x8000_0025);
    /// A block device.
    pub const LX_BLK: Self = Self(0x8000_0026);
}

/// The front of every reparse buffer.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawReparse {
    tag: U32,
    data_len: U16,
    reserved: U16,
}

const _: () = assert!(size_of::<RawReparse>() == 8); // 4 + 2 + 2

/// Where the two names of a link lie in its path buffer.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawLinkNames {
    substitute_offset: U16,
    substitute_len: U16,
    print_offset: U16,
    print_len: U16,
}

const _: () = assert!(size_of::<RawLinkNames>() == 8); // 4 * 2

const FLAG_RELATIVE: u32 = 1;

/// Where a symbolic link or junction of Windows leads.
#[derive(Clone, Copy, Debug)]
pub struct WindowsLink<'a> {
    /// The target in UTF-16 units: an NT path (`\??\C:\x`), or a relative path.
    pub target: &'a [U16],
    /// Whether the target counts from the directory that holds the link.
    pub relative: bool,
}

/// Splits a whole reparse buffer into its tag and data.
pub fn split(buffer: &[u8]) -> Result<(ReparseTag, &[u8]), Fault> {
    let (raw, tail) = RawReparse::ref_from_prefix(buffer).map_err(|_| malformed("it is cut short"))?;
    let data =
        tail.get(..usize::from(raw.data_len.get())).ok_or_else(|| malformed("its data is cut short"))?;
    Ok((ReparseTag(raw.tag.get()), data))
}

/// Reads a symbolic link or junction of Windows; `None` for other reparse points.
pub fn windows_link(buffer: &[u8]) -> Result<Option<WindowsLink<'_>>, Fault> {
    let (tag, data) = split(buffer)?;
    if tag != ReparseTag::SYMLINK && tag != ReparseTag::MOUNT_POINT {
        return Ok(None);
    }
    let short = |_| malformed("its names are cut short");
    let (names, paths) = RawLinkNames::read_from_prefix(data).map_err(|_| short(()))?;
    let (flags, paths) = match tag {
        ReparseTag::SYMLINK => U32::read_from_prefix(paths).map_err(|_| short(()))?,
        _ => (U32::ZERO, paths),
    };
    let substitute = name(paths, names.substitute_offset, names.substitute_len)?;
    let print = name(paths, names.print_offset, names.print_len)?;
    let target = if substitute.is_empty() { print } else { substitute };
    Ok(Some(WindowsLink { target, relative: flags.get() & FLAG_RELATIVE != 0 }))
}

fn name(paths: &[u8], offset: U16, len: U16) -> Result<&[U16], Fault> {
    let (start, len) = (usize::from(offset.get()), usize::from(len.get()));
    let bytes = paths.get(start..start + len).ok_or_else(|| malformed("a name lies outside of it"))?;
    <[U16]>::ref_from_bytes(bytes).map_err(|_| malformed("a name has half a unit"))
}

fn malformed(reason: &str) -> Fault {
    Fault::Malformed { what: "the reparse data", reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(link: WindowsLink<'_>) -> String {
        char::decode_utf16(link.target.iter().map(|unit| unit.get())).map(Result::unwrap).collect()
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn symlinks_and_junctions_are_read() {
        let relative = b"\x0c\0\0\xa0\x14\0\0\0\0\0\x02\0\x04\0\x02\0\x01\0\0\0a\0\0\0a\0\0\0";
        let link = windows_link(relative).unwrap().unwrap();
        assert_eq!((text(link).as_str(), link.relative), ("a", true));

        let mut junction = b"\x03\0\0\xa0\x24\0\0\0\0\0\x10\0\x12\0\x08\0".to_vec();
        junction.extend(utf16("\\??\\C:\\x\0C:\\x\0"));
        junction.resize(8 + 0x24, 0);
        let link = windows_link(&junction).unwrap().unwrap();
        assert_eq!((text(link).as_str(), link.relative), ("\\??\\C:\\x", false));

        assert!(windows_link(b"\x24\0\0\x80\0\0\0\0").unwrap().is_none());
    }

    #[test]
    fn buffers_that_lie_are_errors() {
        let whole = b"\x0c\0\0\xa0\x14\0\0\0\0\0\x02\0\x04\0\x02\0\x01\0\0\0a\0\0\0a\0\0\0";
        for end in 0..whole.len() {
            assert!(windows_link(&whole[..end]).is_err(), "{end}");
        }
        let mut odd = whole.to_vec();
        odd[10] = 1;
        assert!(windows_link(&odd).is_err());
        let mut far = whole.to_vec();
        far[8..10].copy_from_slice(&[0xFF, 0xFF]);
        assert!(windows_link(&far).is_err());
    }
}
