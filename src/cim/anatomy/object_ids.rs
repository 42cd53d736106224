//! Object-id files. Each id is compared with what the known writers would give the object.

use std::io;

use sha2::{Digest, Sha512};

use super::fields::{Fields, count, dump, hex, number};
use super::headers::{common, region};
use super::names::Names;
use super::{Anatomy, space::RegionFile};
use crate::cim::files;
use crate::cim::format::DIGEST_LEN;
use crate::cim::io::Directory;

const HEADER: usize = 48;
const ENTRY: usize = 40;

/// How often a byte of a region may be hashed on average.
const READS: u64 = 2;

/// Prints the object-id file of each region.
pub(super) fn print(directory: &dyn Directory, anatomy: &mut Anatomy<'_, '_>) {
    anatomy.report.section(format_args!("object ids"));
    for (number, file) in anatomy.space.files.iter().enumerate().filter(|(_, file)| file.bytes.is_ok()) {
        let name = files::object_ids(file.guid, file.index);
        match directory.open(&name) {
            Ok(bytes) => print_file(anatomy, number, file, &name, bytes.as_slice()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                anatomy.report.line(format_args!("region {number}: no file {name}"));
            }
            Err(error) => anatomy.report.fault(format_args!("region {number}: {name}: {error}")),
        }
    }
}

fn print_file(anatomy: &mut Anatomy<'_, '_>, index: usize, file: &RegionFile, name: &str, bytes: &[u8]) {
    let fields = Fields(bytes);
    let (table, entries) = (fields.u32(40), fields.u32(44));
    anatomy.report.line(format_args!("region {index}: {name}: {} bytes", bytes.len()));
    anatomy.report.line(format_args!("  {}", common(bytes)));
    anatomy.report.line(format_args!("  {} table={} count={}", region(bytes), hex(table), number(entries)));
    if bytes.len() < HEADER {
        return anatomy.report.fault(format_args!("{name} has no whole header"));
    }
    let at = table.and_then(|table| usize::try_from(table).ok()).unwrap_or(usize::MAX);
    let stated = entries.and_then(|entries| usize::try_from(entries).ok()).unwrap_or(usize::MAX);
    let there = fields.rest(at).chunks_exact(ENTRY);
    if there.len() < stated {
        anatomy.report.fault(format_args!("{name}: of {stated} entries, {} are there", there.len()));
    }
    let region = file.as_slice();
    let mut budget = count(region.len()).saturating_mul(READS);
    for entry in there.take(stated).map(Fields) {
        if !anatomy.report.has_room() {
            anatomy.report.skip(1);
            continue;
        }
        let (len, offset) = (entry.u64(0), entry.u64(32));
        let object = len.zip(offset).and_then(|(len, offset)| slice(region, offset, len));
        let digest = entry.bytes(8, DIGEST_LEN).unwrap_or_default();
        let kind = match object {
            Some(object) => kind(digest, object, &mut budget, anatomy.names),
            None => "beyond the end of the region".to_owned(),
        };
        anatomy.report.line(format_args!("  at={} len={} id: {kind}", hex(offset), number(len)));
    }
}

fn slice(region: &[u8], offset: u64, len: u64) -> Option<&[u8]> {
    let (offset, len) = (usize::try_from(offset).ok()?, usize::try_from(len).ok()?);
    region.get(offset..offset.checked_add(len)?)
}

/// Says which writer would give an object this id. An id that may be the object itself is not shown.
fn kind(digest: &[u8], object: &[u8], budget: &mut u64, names: &Names) -> String {
    let Some(left) = budget.checked_sub(count(object.len())) else {
        return "not compared: objects overlap".to_owned();
    };
    *budget = left;
    if object.len() <= DIGEST_LEN
        && digest[..object.len()] == *object
        && digest[object.len()..].iter().all(|&byte| byte == 0)
    {
        return "the object".to_owned();
    }
    if Sha512::digest(object)[..DIGEST_LEN] == *digest {
        return "SHA-512".to_owned();
    }
    if blake3::hash(object).as_bytes()[..DIGEST_LEN] == *digest {
        return "BLAKE3".to_owned();
    }
    if names.is_anonymous() || object.len() <= DIGEST_LEN {
        "unknown".to_owned()
    } else {
        format!("unknown: {}", dump(digest))
    }
}
