//! Comparing two files of two images.

use std::collections::HashMap;
use std::sync::Arc;

use super::Changes;
use crate::cim::error::CimError;
use crate::cim::files;
use crate::cim::format::{Stream, StreamKind};
use crate::cim::names::NameRef;
use crate::cim::reader::{Budget, Data, File, Image};
use crate::cim::units::{FileId, RegionOffset};

/// How often a byte may be compared on average: an object is compared once with each that it meets.
const READS: u64 = 16;

/// Data is compared in pieces of this size.
const PIECE: usize = 1 << 20;

/// Compares files of two images.
pub(crate) struct Comparer<'a> {
    left: &'a Image,
    right: &'a Image,
    /// For each region of the left image, its index in the right one if both use the same file.
    shared: Vec<Option<u16>>,
    /// Data that was compared before.
    known: HashMap<(Stream, Stream), bool>,
    budget: Budget,
    left_counts: HashMap<FileId, u32>,
    right_counts: HashMap<FileId, u32>,
    /// Hard-linked files that were met at the same path, both ways.
    left_to_right: HashMap<FileId, FileId>,
    right_to_left: HashMap<FileId, FileId>,
}

impl<'a> Comparer<'a> {
    pub(crate) fn new(left: &'a Image, right: &'a Image) -> Result<Self, CimError> {
        let total = left.regions().total_len().saturating_add(right.regions().total_len());
        Ok(Self {
            left,
            right,
            shared: shared_regions(left, right),
            known: HashMap::new(),
            budget: Budget::new("objects", total.saturating_mul(READS)),
            left_counts: left.count_names()?,
            right_counts: right.count_names()?,
            left_to_right: HashMap::new(),
            right_to_left: HashMap::new(),
        })
    }

    /// Returns whether a file of the left image has several names.
    pub(crate) fn is_linked_left(&self, id: FileId) -> bool {
        self.left_counts.contains_key(&id)
    }

    /// Says what of two files at the same path differs.
    pub(crate) fn compare(&mut self, left: &File, right: &File) -> Result<Changes, CimError> {
        if left.is_directory() != right.is_directory() {
            return Ok(Changes::KIND);
        }
        let mut changes = Changes::empty();
        changes.set(Changes::ATTRIBUTES, left.attributes() != right.attributes());
        changes.set(Changes::TIMES, times(left) != times(right));
        if left.unknown.is_some() || right.unknown.is_some() {
            // What cannot be read counts as the same only if it is the very same.
            let is_same = left.data.kind == right.data.kind
                && left.data.len == right.data.len
                && left.unknown == right.unknown
                && self.same_place(left.data.offset, right.data.offset);
            changes.set(Changes::DATA, !is_same);
            return Ok(changes);
        }
        changes.set(Changes::DATA, !left.is_directory() && !self.same_data(left.data, right.data)?);
        changes.set(Changes::SECURITY, self.left.security(left)? != self.right.security(right)?);
        changes.set(Changes::EAS, self.left.eas(left)? != self.right.eas(right)?);
        let reparse = (left.reparse_tag, self.left.reparse(left)?);
        changes.set(Changes::REPARSE, reparse != (right.reparse_tag, self.right.reparse(right)?));
        changes.set(Changes::STREAMS, !self.same_streams(left, right)?);
        changes.set(Changes::LINKS, !self.same_links(left.id, right.id));
        Ok(changes)
    }

    /// Returns whether two streams hold the same bytes.
    pub(crate) fn same_data(&mut self, left: Stream, right: Stream) -> Result<bool, CimError> {
        if left.len != right.len {
            return Ok(false);
        }
        let sparse = |stream: Stream| stream.kind == StreamKind::Sparse;
        let empty = left.len.get() == 0 || (sparse(left) && sparse(right));
        if empty || (left.kind == right.kind && self.same_place(left.offset, right.offset)) {
            return Ok(true);
        }
        if matches!((left.kind, right.kind), (StreamKind::Unknown(_), _) | (_, StreamKind::Unknown(_))) {
            return Ok(false);
        }
        if let Some(&same) = self.known.get(&(left, right)) {
            return Ok(same);
        }
        let stored = if sparse(left) { right } else { left };
        let image = if sparse(left) { self.right } else { self.left };
        let corrupt = |fault| image.regions().corrupt(stored.offset, fault);
        self.budget.spend(left.len.get()).map_err(corrupt)?;
        let same = same_bytes(self.left.data(left)?, self.right.data(right)?);
        self.known.insert((left, right), same);
        Ok(same)
    }

    fn same_streams(&mut self, left: &File, right: &File) -> Result<bool, CimError> {
        if left.streams.is_null() && right.streams.is_null() {
            return Ok(true);
        }
        if self.same_place(left.streams, right.streams) {
            return Ok(true);
        }
        let left = self.streams(self.left, left)?;
        let right = self.streams(self.right, right)?;
        if left.len() != right.len() {
            return Ok(false);
        }
        for ((left_name, left), (right_name, right)) in left.into_iter().zip(right) {
            if left_name != right_name || !self.same_data(left, right)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Returns a file's alternate streams in an order that does not depend on the image.
    fn streams<'i>(&mut self, image: &'i Image, file: &File) -> Result<Vec<(NameRef<'i>, Stream)>, CimError> {
        let corrupt = |fault| image.regions().corrupt(file.streams, fault);
        self.budget.spend(image.streams(file)?.table_len()).map_err(corrupt)?;
        let mut streams = image.list_streams(file)?.collect::<Result<Vec<_>, CimError>>()?;
        streams.sort_unstable_by(|(a, _), (b, _)| a.raw_cmp(*b));
        Ok(streams)
    }

    /// Files with several names are the same if they have as many, and meet at every path.
    fn same_links(&mut self, left: FileId, right: FileId) -> bool {
        let (left_count, right_count) = (self.left_counts.get(&left), self.right_counts.get(&right));
        if left_count.is_none() && right_count.is_none() {
            return true;
        }
        let forth = *self.left_to_right.entry(left).or_insert(right) == right;
        let back = *self.right_to_left.entry(right).or_insert(left) == left;
        left_count == right_count && forth && back
    }

    /// Returns whether two offsets lead to the same byte of the same file.
    fn same_place(&self, left: RegionOffset, right: RegionOffset) -> bool {
        let region = self.shared.get(usize::from(left.region())).copied().flatten();
        !left.is_null() && region == Some(right.region()) && left.byte() == right.byte()
    }
}

fn times(file: &File) -> [crate::cim::units::FileTime; 4] {
    [file.creation_time, file.last_write_time, file.change_time, file.last_access_time]
}

fn same_bytes(left: Data<'_>, right: Data<'_>) -> bool {
    let mut offset = 0u64;
    loop {
        let one = left.chunk(offset, PIECE).bytes();
        let other = right.chunk(offset, PIECE).bytes();
        let len = one.len().min(other.len());
        if one.get(..len) != other.get(..len) {
            return false;
        }
        if len == 0 {
            return one.len() == other.len();
        }
        offset = offset.saturating_add(u64::try_from(len).expect("a usize fits a u64"));
    }
}

/// Finds the region files that two images of one containing directory share.
fn shared_regions(left: &Image, right: &Image) -> Vec<Option<u16>> {
    let directories = (left.containing_directory(), right.containing_directory());
    if !std::ptr::addr_eq(Arc::as_ptr(directories.0), Arc::as_ptr(directories.1)) {
        return Vec::new();
    }
    let names = |image: &Image| {
        let sets: Vec<_> = image.header().sets().collect();
        sets.into_iter().flat_map(|set| (0..set.count).map(move |index| files::region(set.guid, index)))
    };
    let indexes: HashMap<String, u16> = names(right).zip(0..=u16::MAX).collect();
    names(left).map(|name| indexes.get(&name).copied()).collect()
}
