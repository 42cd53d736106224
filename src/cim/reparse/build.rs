//! Builds reparse data out of the text of a link.

use zerocopy::IntoBytes;
use zerocopy::little_endian::{U16, U32};

use super::{
    HEADER_LEN, LX_TARGET_HERE, MAX_LEN, MAX_LX_TARGET, RELATIVE, RawHeader, RawNames, ReparseError, Tag,
    wtf8,
};

/// Builds a symbolic link. The text is UTF-8, lone surrogates as three bytes; `/` and `\` both separate.
pub fn symlink(text: &[u8]) -> Result<Vec<u8>, ReparseError> {
    let target = Target::read(text)?;
    let flags = if target.relative { RELATIVE } else { 0 };
    link(Tag::SYMLINK, U32::new(flags).as_bytes(), &target, text.len())
}

/// Builds a mount point (a junction), from text as [`symlink`] takes it.
pub fn mount_point(text: &[u8]) -> Result<Vec<u8>, ReparseError> {
    link(Tag::MOUNT_POINT, &[], &Target::read(text)?, text.len())
}

/// Builds a symbolic link of Linux, whose target is kept byte by byte.
pub fn lx_symlink(target: &[u8]) -> Result<Vec<u8>, ReparseError> {
    check_lx_target(target)?;
    let version = U32::new(LX_TARGET_HERE);
    with_header(Tag::LX_SYMLINK, &[version.as_bytes(), target].concat())
}

/// Builds a pipe of Linux.
pub fn lx_fifo() -> Vec<u8> {
    bare(Tag::LX_FIFO)
}

/// Builds a character device of Linux; its numbers are an extended attribute.
pub fn lx_chr() -> Vec<u8> {
    bare(Tag::LX_CHR)
}

/// Builds a block device of Linux; its numbers are an extended attribute.
pub fn lx_blk() -> Vec<u8> {
    bare(Tag::LX_BLK)
}

/// Builds a socket.
pub fn af_unix() -> Vec<u8> {
    bare(Tag::AF_UNIX)
}

pub(super) fn check_lx_target(target: &[u8]) -> Result<(), ReparseError> {
    if target.is_empty() {
        return Err(ReparseError::EmptyTarget);
    }
    if target.contains(&0) {
        return Err(ReparseError::NulInTarget(lossy(target)));
    }
    if target.len() > MAX_LX_TARGET {
        return Err(ReparseError::TargetTooLong { len: target.len(), max: MAX_LX_TARGET });
    }
    Ok(())
}

/// Returns whether a path begins with a drive letter.
pub(super) fn has_drive(path: &[u8]) -> bool {
    matches!(path, [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// The two names of a link.
struct Target {
    substitute: Vec<U16>,
    print: Vec<U16>,
    relative: bool,
}

impl Target {
    fn read(text: &[u8]) -> Result<Self, ReparseError> {
        if text.is_empty() {
            return Err(ReparseError::EmptyTarget);
        }
        if text.len() > MAX_LEN * 2 {
            return Err(too_long(text.len()));
        }
        if text.contains(&0) {
            return Err(ReparseError::NulInTarget(lossy(text)));
        }
        let text: Vec<u8> = text.iter().map(|&byte| if byte == b'/' { b'\\' } else { byte }).collect();
        let not_unicode = || ReparseError::NotUnicode(lossy(&text));
        let (nt, relative) = to_nt(&text);
        Ok(Self {
            substitute: wtf8::decode(&nt).ok_or_else(not_unicode)?,
            print: wtf8::decode(&text).ok_or_else(not_unicode)?,
            relative,
        })
    }
}

/// Turns what people write into a path of the kernel's name space; relative paths stay.
fn to_nt(text: &[u8]) -> (Vec<u8>, bool) {
    if let Some(path) = text.strip_prefix(br"\\?\") {
        ([br"\??\", path].concat(), false)
    } else if let Some(share) = text.strip_prefix(br"\\") {
        ([br"\??\UNC\", share].concat(), false)
    } else if has_drive(text) {
        ([br"\??\", text].concat(), false)
    } else {
        (text.to_vec(), true)
    }
}

/// Joins the fixed part and the names, each of which a NUL follows that does not count.
fn link(tag: Tag, extra: &[u8], target: &Target, text_len: usize) -> Result<Vec<u8>, ReparseError> {
    let nul = U16::ZERO;
    let parts = [target.substitute.as_bytes(), nul.as_bytes(), target.print.as_bytes(), nul.as_bytes()];
    let len = |len: usize| u16::try_from(len).map(U16::new).map_err(|_| too_long(text_len));
    let names = RawNames {
        substitute_offset: U16::ZERO,
        substitute_len: len(parts[0].len())?,
        print_offset: len(parts[0].len() + nul.as_bytes().len())?,
        print_len: len(parts[2].len())?,
    };
    with_header(tag, &[names.as_bytes(), extra, &parts.concat()].concat()).map_err(|_| too_long(text_len))
}

fn with_header(tag: Tag, data: &[u8]) -> Result<Vec<u8>, ReparseError> {
    let len = HEADER_LEN + data.len();
    let data_len = u16::try_from(data.len()).map_err(|_| ReparseError::TooLong { len })?;
    if len > MAX_LEN {
        return Err(ReparseError::TooLong { len });
    }
    let header = RawHeader { tag: U32::new(tag.0), data_len: U16::new(data_len), reserved: U16::ZERO };
    Ok([header.as_bytes(), data].concat())
}

fn bare(tag: Tag) -> Vec<u8> {
    RawHeader { tag: U32::new(tag.0), data_len: U16::ZERO, reserved: U16::ZERO }.as_bytes().to_vec()
}

/// The longest text: two copies, two NULs and the fixed parts fill a buffer.
fn too_long(len: usize) -> ReparseError {
    ReparseError::TargetTooLong { len, max: (MAX_LEN - HEADER_LEN - size_of::<RawNames>() - 8) / 4 }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}
