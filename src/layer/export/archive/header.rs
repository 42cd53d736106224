//! The header block of an entry.
//!
//! A path of up to 256 ASCII bytes is split at a slash, as ustar has it, unless the entry has records. Every other path
//! that does not fit its field stands in a record, and the field repeats as much of its ASCII bytes as it holds.

use super::{Description, RecordMap};
use crate::cim::wsl::Device;
use crate::layer::export::error::EntryError;
use crate::layer::pax::{format_time, key};

const NANOS: i128 = 1_000_000_000;

/// The directory in the name of the entry that holds the records of another one.
const RECORDS_DIRECTORY: &[u8] = b"PaxHeaders.0";
const RECORDS_TYPE: u8 = b'x';

const LEN: usize = 512;

/// Offset and length of a field.
type Field = (usize, usize);

const NAME: Field = (0, 100);
const MODE: Field = (100, 8);
const UID: Field = (108, 8);
const GID: Field = (116, 8);
const SIZE: Field = (124, 12);
const MTIME: Field = (136, 12);
const CHECKSUM: Field = (148, 7);
const TYPE: Field = (156, 1);
const LINK: Field = (157, 100);
const MAGIC: Field = (257, 8);
const DEVICE_MAJOR: Field = (329, 8);
const DEVICE_MINOR: Field = (337, 8);
const PREFIX: Field = (345, 155);

/// Returns the header of an entry, and the records for what does not fit into it.
pub(super) fn of_entry(
    path: &[u8],
    description: &Description,
    size: u64,
) -> Result<([u8; LEN], RecordMap), EntryError> {
    let Description { link, mode, uid, gid, device: Device { major, minor }, modified, .. } = description;
    let mut records = description.records.clone();
    records.extend(description.once.iter().map(|(key, value)| (key.clone(), value.clone())));
    let mut header = Header::new(description.kind.as_byte());
    let numbers =
        [(UID, i128::from(*uid), key::UID), (GID, (*gid).into(), key::GID), (SIZE, size.into(), "size")];
    for (field, number, key) in numbers {
        if !header.put_octal(field, number) {
            records.insert(key.into(), number.to_string().into());
        }
    }
    let seconds = modified.div_euclid(NANOS);
    if !header.put_octal(MTIME, seconds) || modified.rem_euclid(NANOS) != 0 {
        records.insert(key::MTIME.into(), format_time(*modified).into());
    }
    header.put_octal(MODE, (*mode).into());
    let major_fits = header.put_octal(DEVICE_MAJOR, (*major).into());
    if !major_fits || !header.put_octal(DEVICE_MINOR, (*minor).into()) {
        return Err(EntryError::Device { major: *major, minor: *minor });
    }
    if !fits(LINK, link) {
        records.insert(b"linkpath".into(), link.clone());
    }
    header.put_text(LINK, link);
    let parts = split(path).filter(|_| records.is_empty());
    if parts.is_none() && !fits(NAME, path) {
        records.insert(b"path".into(), path.to_vec());
    }
    let (prefix, name) = parts.unwrap_or((b"", path));
    header.put_text(PREFIX, prefix);
    header.put_text(NAME, name);
    Ok((header.finish(), records))
}

/// Returns the header of the records of an entry.
pub(super) fn of_records(path: &[u8], len: u64) -> [u8; LEN] {
    let start = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let (directory, file) = path.split_at(start);
    let separator: &[u8] = if file.is_empty() { b"" } else { b"/" };
    let name = ascii(&[directory, RECORDS_DIRECTORY, separator, file].concat());
    let name = name.get(..NAME.1).unwrap_or(&name);
    let mut header = Header::new(RECORDS_TYPE);
    for field in [MODE, UID, GID, MTIME] {
        header.put_octal(field, 0);
    }
    header.put_octal(SIZE, len.into());
    header.put_text(NAME, without_slashes(name));
    header.finish()
}

/// A header under construction.
struct Header([u8; LEN]);

impl Header {
    fn new(kind: u8) -> Self {
        let mut header = Self([0; LEN]);
        header.put(TYPE, &[kind]);
        header.put(MAGIC, b"ustar\x0000");
        header
    }

    /// Puts as many bytes into a field as it holds.
    fn put(&mut self, (offset, len): Field, bytes: &[u8]) {
        self.0.iter_mut().skip(offset).take(len).zip(bytes).for_each(|(at, &byte)| *at = byte);
    }

    /// Puts the ASCII bytes of a text into a field. One that is cut at a slash ends before it: some readers take a file
    /// for a directory by the slash.
    fn put_text(&mut self, field: Field, text: &[u8]) {
        let text = ascii(text);
        self.put(field, &text);
        let last = field.1.saturating_sub(1);
        if text.len() > field.1 && text.get(last) == Some(&b'/') {
            let kept = without_slashes(text.get(..last).unwrap_or_default()).len();
            self.put((field.0.saturating_add(kept), 1), b"\0");
        }
    }

    /// Puts a number into a field, or 0 if it does not fit; returns whether it does.
    fn put_octal(&mut self, field: Field, number: i128) -> bool {
        let width = field.1.saturating_sub(1);
        let digits = u128::try_from(number).map(|number| format!("{number:0width$o}"));
        let digits = digits.ok().filter(|digits| digits.len() <= width);
        self.put(field, digits.as_deref().unwrap_or(&"0".repeat(width)).as_bytes());
        digits.is_some()
    }

    /// Adds the checksum, for which its own field counts as blanks.
    fn finish(mut self) -> [u8; LEN] {
        self.put((CHECKSUM.0, CHECKSUM.1 + 1), b"        ");
        let sum: i128 = self.0.iter().map(|&byte| i128::from(byte)).sum();
        self.put_octal(CHECKSUM, sum);
        self.put((CHECKSUM.0 + CHECKSUM.1 - 1, 1), b"\0");
        self.0
    }
}

/// Returns whether a field holds all of a text.
fn fits(field: Field, text: &[u8]) -> bool {
    is_ascii(text) && text.len() <= field.1
}

/// Splits a path that is too long for its field into a prefix and a name.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let most = PREFIX.1 + 1;
    let searched = match path.len() {
        len if len <= NAME.1 || !is_ascii(path) => return None,
        len if len > most => path.get(..most)?,
        _ => path.strip_suffix(b"/").unwrap_or(path),
    };
    let slash = searched.iter().rposition(|&byte| byte == b'/').filter(|&slash| slash > 0)?;
    let (prefix, name) = (path.get(..slash)?, path.get(slash + 1..)?);
    (!name.is_empty() && name.len() <= NAME.1 && prefix.len() <= PREFIX.1).then_some((prefix, name))
}

fn is_ascii(text: &[u8]) -> bool {
    text.iter().all(|&byte| byte.is_ascii() && byte != 0)
}

fn ascii(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|&byte| byte.is_ascii() && byte != 0).collect()
}

fn without_slashes(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_suffix(b"/") {
        text = rest;
    }
    text
}
