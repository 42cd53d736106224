//! The map of the regions: what lies where, and what lies between.

use super::Anatomy;
use super::fields::count;
use crate::cim::units::RegionOffset;

/// Where the objects of a region begin.
const HEADER_LEN: u64 = 40;

/// Every structure that was found.
#[derive(Debug, Default)]
pub(super) struct Extents(Vec<Extent>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    offset: RegionOffset,
    len: u64,
    what: &'static str,
    /// A file id, or another number that tells one from the others.
    of: u32,
}

impl Extents {
    /// Notes a structure.
    pub(super) fn add(&mut self, what: &'static str, of: u32, offset: RegionOffset, len: u64) {
        if len > 0 && !offset.is_null() {
            self.0.push(Extent { offset, len, what, of });
        }
    }
}

/// Prints the map of each region.
pub(super) fn print(anatomy: &mut Anatomy<'_, '_>) {
    let mut extents = std::mem::take(&mut anatomy.extents.0);
    extents.sort_unstable();
    anatomy.report.section(format_args!("region map"));
    let mut rest = extents.as_slice();
    for (region, file) in anatomy.space.files.iter().enumerate() {
        let of_region = |extent: &Extent| usize::from(extent.offset.region()) <= region;
        let (here, behind) = rest.split_at(rest.partition_point(of_region));
        rest = behind;
        if file.bytes.is_ok() {
            map(anatomy, region, file.as_slice(), here);
        }
    }
}

fn map(anatomy: &mut Anatomy<'_, '_>, region: usize, bytes: &[u8], extents: &[Extent]) {
    anatomy.report.line(format_args!("region {region}: {} bytes", bytes.len()));
    let mut end = HEADER_LEN;
    let mut left = extents;
    while let Some((&first, _)) = left.split_first() {
        // Objects may be shared by many files.
        let same = |extent: &&Extent| {
            (extent.offset, extent.len, extent.what) == (first.offset, first.len, first.what)
        };
        let shared = left.iter().take_while(same).count();
        left = &left[shared..];
        let start = first.offset.byte();
        gap(anatomy, bytes, end, start);
        let note = if start < end { ", overlaps what is above" } else { "" };
        let users = if shared > 1 { format!(", used {shared} times") } else { String::new() };
        let Extent { len, what, of, .. } = first;
        anatomy.report.line(format_args!("  {start:#x} +{len} {what} of {of}{users}{note}"));
        end = end.max(start.saturating_add(len));
    }
    gap(anatomy, bytes, end, count(bytes.len()));
}

/// Prints what lies between two structures, of which only whether it is zero is looked at.
fn gap(anatomy: &mut Anatomy<'_, '_>, bytes: &[u8], start: u64, end: u64) {
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    let Some(gap) = bytes.get(index(start)..index(end)).filter(|gap| !gap.is_empty()) else { return };
    let set = gap.iter().filter(|&&byte| byte != 0).count();
    let content = if set == 0 { "zeros".to_owned() } else { format!("unknown, {set} bytes are not zero") };
    anatomy.report.line(format_args!("  {start:#x} +{} {content}", gap.len()));
}
