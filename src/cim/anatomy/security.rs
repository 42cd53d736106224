//! Security descriptors.

use super::Anatomy;
use super::fields::{Fields, dump, hex, number};

const ACL_HEADER: usize = 8;

/// Types of entries that hold a mask and a SID.
const PLAIN_ENTRIES: [u8; 8] = [0x00, 0x01, 0x02, 0x03, 0x11, 0x12, 0x13, 0x14];

/// First numbers below the authority 5 that are the same on every machine: groups of the system, built-in groups, services.
const WELL_KNOWN: [u32; 6] = [32, 80, 82, 83, 90, 96];

/// Numbers up to this stand for one group each, such as 18 for the system.
const LAST_GROUP: u32 = 20;

/// Prints a self-relative descriptor.
pub(super) fn print(anatomy: &mut Anatomy<'_, '_>, bytes: &[u8]) {
    let fields = Fields(bytes);
    anatomy.report.line(format_args!(
        "  revision={} reserved1={} control={}",
        number(fields.u8(0)),
        hex(fields.u8(1)),
        hex(fields.u16(2))
    ));
    for (what, at) in [("owner", 4), ("group", 8)] {
        if let Some(rest) = part(fields, at) {
            let sid = sid(anatomy, rest).0;
            anatomy.report.line(format_args!("  {what}={sid}"));
        }
    }
    for (what, at) in [("sacl", 12), ("dacl", 16)] {
        if let Some(rest) = part(fields, at) {
            acl(anatomy, what, rest);
        }
    }
}

/// Returns the descriptor from where a field says that a part begins.
fn part(fields: Fields<'_>, at: usize) -> Option<Fields<'_>> {
    let offset = usize::try_from(fields.u32(at)?).ok().filter(|&offset| offset != 0)?;
    Some(Fields(fields.rest(offset)))
}

fn acl(anatomy: &mut Anatomy<'_, '_>, what: &str, acl: Fields<'_>) {
    let (size, entries) = (acl.u16(2), acl.u16(4));
    anatomy.report.line(format_args!(
        "  {what} revision={} reserved1={} size={} entries={} reserved6={}",
        number(acl.u8(0)),
        hex(acl.u8(1)),
        number(size),
        number(entries),
        hex(acl.u16(6))
    ));
    let mut rest = Fields(acl.rest(ACL_HEADER));
    for _ in 0..entries.unwrap_or(0) {
        let (Some(kind), Some(flags), Some(size)) = (rest.u8(0), rest.u8(1), rest.u16(2).map(usize::from))
        else {
            return anatomy.report.fault(format_args!("{what} ends before its last entry"));
        };
        let entry = Fields(rest.bytes(0, size).unwrap_or(rest.0));
        let (mask, behind) = (hex(entry.u32(4)), Fields(entry.rest(8)));
        let who = if PLAIN_ENTRIES.contains(&kind) {
            who(anatomy, behind)
        } else {
            anatomy.names.unknown(behind.0)
        };
        anatomy.report.line(format_args!(
            "    type={} flags={} size={size} mask={mask} {who}",
            hex(Some(kind)),
            hex(Some(flags))
        ));
        if size < 4 {
            return anatomy.report.fault(format_args!("an entry of {size} bytes has no end"));
        }
        rest = Fields(rest.rest(size));
    }
}

/// Shows a SID and how many bytes follow it, as those of a condition do.
fn who(anatomy: &Anatomy<'_, '_>, bytes: Fields<'_>) -> String {
    let (sid, len) = sid(anatomy, bytes);
    let more = bytes.0.len().saturating_sub(len);
    if more > 0 { format!("{sid} and {more} bytes") } else { sid }
}

/// Shows a SID, and returns its length.
fn sid(anatomy: &Anatomy<'_, '_>, fields: Fields<'_>) -> (String, usize) {
    let (Some(revision), Some(count), Some(authority)) = (fields.u8(0), fields.u8(1), fields.bytes(2, 6))
    else {
        return (format!("cut off: {}", anatomy.names.unknown(fields.0)), fields.0.len());
    };
    let authority = authority.iter().fold(0, |value: u64, &byte| value << 8 | u64::from(byte));
    let len = 8 + 4 * usize::from(count);
    let Some(numbers) = fields.bytes(8, len - 8) else {
        return (format!("cut off: {}", dump(&fields.0[..2])), fields.0.len());
    };
    let numbers: Vec<u32> = numbers.chunks_exact(4).filter_map(|number| Fields(number).u32(0)).collect();
    let mut text = format!("S-{revision}-{authority}");
    numbers.iter().for_each(|number| text.push_str(&format!("-{number}")));
    let text = if is_well_known(authority, &numbers) { text } else { anatomy.names.identity(text) };
    (text, len)
}

/// Returns whether a SID says nothing about the machine that it comes from.
fn is_well_known(authority: u64, numbers: &[u32]) -> bool {
    match (authority, numbers.first()) {
        (5, Some(first)) => *first <= LAST_GROUP || WELL_KNOWN.contains(first),
        (authority, _) => authority < 5 || matches!(authority, 15 | 16),
    }
}
