//! Headers: of the image file, of region files, of object-id files.

use super::fields::{Fields, hex, number, optional_place};
use super::names::Names;
use super::report::Report;
use super::space::{RegionFile, Space};
use crate::cim::format::Guid;
use crate::cim::units::RegionOffset;

pub(super) const MAGIC: &[u8; 8] = b"cimfile0";

/// Lengths of the headers in the versions that are known.
const IMAGE_HEADER: usize = 72;
const REGION_HEADER: usize = 40;
const SET: usize = 24;

/// Bytes of an image file beyond what its header counts that are shown and no more; a file with more of them has other things
/// in it.
const FEW: usize = 4096;

/// What the image file says of its regions.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// In the order in which regions are counted.
    pub(super) sets: Vec<Set>,
    filesystem: Option<RegionOffset>,
    /// Length of the header and the list of parents.
    len: usize,
}

#[derive(Debug)]
pub(super) struct Set {
    pub(super) guid: Guid,
    pub(super) count: u16,
    pub(super) is_own: bool,
}

impl Header {
    /// Reads as much of an image file as there is.
    pub(super) fn read(image: &[u8]) -> Self {
        let fields = Fields(image);
        if fields.bytes(0, MAGIC.len()) != Some(MAGIC) {
            return Self::default();
        }
        let count = usize::from(fields.u16(70).unwrap_or(0));
        let parents = fields.rest(IMAGE_HEADER).chunks_exact(SET).take(count);
        let mut sets: Vec<Set> = parents.filter_map(|set| Set::read(set, false)).collect();
        let len = IMAGE_HEADER + sets.len() * SET;
        sets.extend(fields.bytes(32, SET).and_then(|set| Set::read(set, true)));
        Self { sets, filesystem: fields.offset(56), len }
    }

    pub(super) fn filesystem(&self) -> Option<RegionOffset> {
        self.filesystem
    }
}

impl Set {
    fn read(bytes: &[u8], is_own: bool) -> Option<Self> {
        let fields = Fields(bytes);
        let guid = Guid::from_windows_bytes(fields.bytes(0, 16)?.try_into().ok()?);
        Some(Self { guid, count: fields.u16(16)?, is_own })
    }
}

/// Returns whether an image file holds more than the header of an image.
pub(super) fn is_single_file(image: &[u8], header: &Header) -> bool {
    header.len == 0 || image.len().saturating_sub(header.len) > FEW
}

/// Shows the header that begins every file.
pub(super) fn common(bytes: &[u8]) -> String {
    let fields = Fields(bytes);
    let magic = fields.bytes(0, 8).map_or_else(String::new, |magic| magic.escape_ascii().to_string());
    let version = format!("{}.{}", number(fields.u32(16)), number(fields.u32(20)));
    format!(
        "magic={magic} header_len={} type={} reserved13={} reserved14={} version={version} reserved24={}",
        number(fields.u32(8)),
        number(fields.u8(12)),
        hex(fields.u8(13)),
        hex(fields.u16(14)),
        hex(fields.u64(24)),
    )
}

/// Prints the header of the image file.
pub(super) fn image(bytes: &[u8], header: &Header, report: &mut Report<'_>, names: &Names) {
    report.section(format_args!("image header"));
    if header.len == 0 {
        return report.fault(format_args!("the file does not begin with cimfile0"));
    }
    let fields = Fields(bytes);
    report.line(format_args!("{}", common(bytes)));
    report.line(format_args!("own set: {}", set(fields, 32)));
    report.line(format_args!(
        "filesystem={} reserved64={} reserved68={} parents={}",
        optional_place(header.filesystem),
        hex(fields.u32(64)),
        hex(fields.u16(68)),
        number(fields.u16(70))
    ));
    if bytes.len() < IMAGE_HEADER {
        report.fault(format_args!("the header needs {IMAGE_HEADER} bytes"));
    }
    let stated = usize::from(fields.u16(70).unwrap_or(0));
    let there = header.sets.iter().filter(|set| !set.is_own).count();
    for parent in 0..there {
        report.line(format_args!("parent {parent}: {}", set(fields, IMAGE_HEADER + parent * SET)));
    }
    if there < stated {
        report.fault(format_args!("of {stated} parents, {there} are there"));
    }
    let rest = fields.rest(header.len);
    if !rest.is_empty() {
        report.line(format_args!("rest: {} bytes: {}", rest.len(), names.unknown(rest)));
    }
}

fn set(fields: Fields<'_>, at: usize) -> String {
    let fields = Fields(fields.rest(at));
    let guid = fields.bytes(0, 16).and_then(|guid| guid.try_into().ok()).map(Guid::from_windows_bytes);
    let (count, reserved) = (number(fields.u16(16)), hex(fields.u16(18)));
    format!("{} regions={count} reserved18={reserved} reserved20={}", number(guid), hex(fields.u32(20)))
}

/// Shows what follows the common header of a region file.
pub(super) fn region(bytes: &[u8]) -> String {
    let fields = Fields(bytes);
    let (index, kind) = (number(fields.u16(32)), number(fields.u8(34)));
    format!(
        "index={index} region_type={kind} reserved35={} reserved36={}",
        hex(fields.u8(35)),
        hex(fields.u32(36))
    )
}

/// Prints the headers of all region files.
pub(super) fn regions(header: &Header, space: &Space, report: &mut Report<'_>) {
    report.section(format_args!("regions"));
    let stated: u64 = header.sets.iter().map(|set| u64::from(set.count)).sum();
    report.line(format_args!("regions={stated}"));
    if space.is_cut {
        report.fault(format_args!("offsets tell {} regions apart", space.files.len()));
    }
    let mut number = 0;
    while let Some(file) = space.files.get(number) {
        let owner = if file.is_own { "own" } else { "parent's" };
        let name = file.name();
        let Err(error) = &file.bytes else {
            report.line(format_args!("region {number} {name} {owner}: {} bytes", file.as_slice().len()));
            region_header(number, file.as_slice(), report);
            number += 1;
            continue;
        };
        // A set that states too many regions lacks all of them.
        let is_alike = |other: &&RegionFile| other.guid == file.guid && other.bytes.is_err();
        let alike = space.files[number..].iter().take_while(is_alike).count();
        let more = if alike > 1 { format!(" and {} more", alike - 1) } else { String::new() };
        report.fault(format_args!("region {number} {name} {owner}{more}: {error}"));
        number += alike;
    }
}

fn region_header(number: usize, bytes: &[u8], report: &mut Report<'_>) {
    report.line(format_args!("  {}", common(bytes)));
    report.line(format_args!("  {}", region(bytes)));
    if bytes.len() < REGION_HEADER || !bytes.starts_with(MAGIC) {
        report.fault(format_args!("region {number} does not begin with a header"));
    }
}
