//! Where the objects of an image lie: in the right kind of region, aligned, and none across another.

use std::collections::{HashMap, HashSet};

use bitflags::bitflags;

use super::Checker;
use crate::cim::error::Fault;
use crate::cim::format::RegionType;
use crate::cim::reader::{Image, Region};
use crate::cim::units::RegionOffset;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Object {
    Filesystem,
    Upcase,
    TableDirectory,
    Table,
    Directory,
    Streams,
    Security,
    Eas,
    Reparse,
    PeImage,
    PeData,
    Data,
    /// Whatever an object-id file lists.
    Listed,
}

impl Object {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Filesystem => "the filesystem object",
            Self::Upcase => "the upcase table",
            Self::TableDirectory => "the file table directory",
            Self::Table => "a file table",
            Self::Directory => "a directory",
            Self::Streams => "a table of alternate streams",
            Self::Security => "a security descriptor",
            Self::Eas => "a list of extended attributes",
            Self::Reparse => "reparse data",
            Self::PeImage => "a PE image object",
            Self::PeData => "the data of a PE image",
            Self::Data => "stream data",
            Self::Listed => "a listed object",
        }
    }

    fn is_data(self) -> bool {
        matches!(self, Self::Data | Self::PeData)
    }

    /// Says what is wrong with the place of an object in a region of `kind`. `siblings` are the kinds of all regions of
    /// the set: only where a set has a region for everything is there a wrong place.
    pub(super) fn misplaced(
        self,
        offset: RegionOffset,
        kind: RegionType,
        siblings: Kinds,
    ) -> impl Iterator<Item = Fault> + use<> {
        let what = self.name();
        let is_mixed = !siblings.is_all();
        let right = is_mixed || self == Self::Listed || self.is_data() == (kind != RegionType::METADATA);
        let wrong_region = (!right).then_some(Fault::WrongRegion { what, found: kind.0 });
        let is_paged = self.is_data() && kind == RegionType::DATA && !is_mixed;
        let align = if is_paged { kind.alignment() } else { RegionType::METADATA.alignment() };
        let aligned = offset.byte().is_multiple_of(align);
        let misaligned = (!aligned).then(|| Fault::Misaligned { what, offset: offset.byte(), align });
        [wrong_region, misaligned].into_iter().flatten()
    }
}

bitflags! {
    /// What the regions of a set hold.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(super) struct Kinds: u8 {
        const METADATA = 1;
        const DATA = 2;
        const SMALL_DATA = 4;
    }
}

impl Kinds {
    /// Returns for each region of an image what the regions of its set hold.
    pub(super) fn by_region(image: &Image) -> Vec<Self> {
        let mut regions = image.regions().iter();
        let mut all = Vec::with_capacity(image.regions().len());
        for set in image.header().sets() {
            let of_set = regions.by_ref().take(set.count.into());
            let kinds = of_set.fold(Self::empty(), |kinds, region| kinds | Self::of(region.kind()));
            all.resize(all.len().saturating_add(set.count.into()), kinds);
        }
        all
    }

    fn of(kind: RegionType) -> Self {
        match kind {
            RegionType::METADATA => Self::METADATA,
            RegionType::DATA => Self::DATA,
            RegionType::SMALL_DATA => Self::SMALL_DATA,
            _ => Self::empty(),
        }
    }
}

/// An object that somebody refers to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim<'a> {
    /// Nobody has referred to it before.
    New(&'a [u8]),
    /// It was checked before.
    Known(&'a [u8]),
    /// Its bytes must not be looked into: there are none, or it overlaps so many others that checking them all
    /// would never end.
    Unusable,
}

/// Every object that is referred to.
#[derive(Debug, Default)]
pub(super) struct Extents {
    known: HashSet<Extent>,
    /// Bytes looked into so far, by region and kind.
    used: HashMap<(u16, Object), u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Extent {
    offset: RegionOffset,
    len: u64,
    object: Object,
}

impl Extents {
    /// Remembers an object that lies in bounds.
    pub(super) fn claim<'a>(
        &mut self,
        object: Object,
        offset: RegionOffset,
        region: &Region,
        bytes: &'a [u8],
    ) -> Claim<'a> {
        let len = u64::try_from(bytes.len()).expect("a usize fits a u64");
        if !self.known.insert(Extent { offset, len, object }) {
            return Claim::Known(bytes);
        }
        let region_len = u64::try_from(region.bytes().len()).expect("a usize fits a u64");
        let used = self.used.entry((offset.region(), object)).or_default();
        *used = used.saturating_add(len);
        if *used > region_len { Claim::Unusable } else { Claim::New(bytes) }
    }
}

/// Reports objects that overlap. Two may lie at the very same place: then they are shared.
pub(super) fn check(checker: &mut Checker<'_>) {
    let mut extents: Vec<Extent> = std::mem::take(&mut checker.extents.known).into_iter().collect();
    extents.sort_unstable();
    let mut reach: Option<(Extent, u64)> = None;
    for extent in extents {
        let end = extent.offset.byte().saturating_add(extent.len);
        if let Some((other, other_end)) = reach
            && other.offset.region() == extent.offset.region()
        {
            let shared = (other.offset, other.len) == (extent.offset, extent.len);
            if extent.offset.byte() < other_end && !shared {
                let fault = Fault::Overlap { what: extent.object.name(), other: other.object.name() };
                checker.error(extent.offset, None, fault);
            }
            if end <= other_end {
                continue;
            }
        }
        reach = Some((extent, end));
    }
}
