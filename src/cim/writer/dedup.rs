//! Finding objects that are there already: in the set being written, and in the sets that the image inherits.

use std::collections::HashMap;

use hashbrown::HashTable;
use zerocopy::little_endian::U64;

use crate::cim::error::{CimError, InvalidInput};
use crate::cim::files;
use crate::cim::format::{DIGEST_LEN, DigestKind, ObjectIdEntry, ObjectIdHeader, RegionHeader, RegionType};
use crate::cim::io::{Bytes, Directory};
use crate::cim::reader::Image;
use crate::cim::units::RegionOffset;

/// The kinds of digests that are needed: that of the set being written, and those of the sets that it inherits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DigestKinds {
    pub(super) blake3: bool,
    pub(super) sha512: bool,
}

impl DigestKinds {
    pub(super) fn with(self, kind: DigestKind) -> Self {
        match kind {
            DigestKind::Blake3 => Self { blake3: true, ..self },
            DigestKind::Sha512 => Self { sha512: true, ..self },
        }
    }
}

/// The identity of an object: its length and a digest of each kind that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ObjectId {
    pub(super) len: u64,
    pub(super) blake3: Option<[u8; DIGEST_LEN]>,
    pub(super) sha512: Option<[u8; DIGEST_LEN]>,
}

impl ObjectId {
    pub(super) fn of(bytes: &[u8], kinds: DigestKinds) -> Self {
        Self {
            len: u64::try_from(bytes.len()).expect("a usize fits a u64"),
            blake3: kinds.blake3.then(|| DigestKind::Blake3.of(bytes)),
            sha512: kinds.sha512.then(|| DigestKind::Sha512.of(bytes)),
        }
    }

    fn digest(&self, kind: DigestKind) -> Option<&[u8; DIGEST_LEN]> {
        match kind {
            DigestKind::Blake3 => self.blake3.as_ref(),
            DigestKind::Sha512 => self.sha512.as_ref(),
        }
    }
}

/// Returns the hash of a digest in a table: most digests are as good as random, and those that are not are their objects.
fn table_hash(digest: &[u8; DIGEST_LEN]) -> u64 {
    let (words, _) = digest.as_chunks::<8>();
    words
        .iter()
        .fold(0, |hash: u64, word| hash.rotate_left(21).wrapping_mul(SPREAD) ^ u64::from_le_bytes(*word))
}

/// An odd number with bits everywhere.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// The shareable objects of one region under construction.
#[derive(Debug, Default)]
pub(super) struct OwnObjects {
    kind: DigestKind,
    entries: Vec<ObjectIdEntry>,
    /// Indexes into `entries`, by digest.
    index: HashTable<u32>,
}

impl OwnObjects {
    pub(super) fn new(kind: DigestKind) -> Self {
        Self { kind, ..Self::default() }
    }

    pub(super) fn find(&self, id: &ObjectId) -> Option<u64> {
        let digest = id.digest(self.kind)?;
        let same = |&at: &u32| entry_at(&self.entries, at).key() == (id.len, digest);
        let at = self.index.find(table_hash(digest), same)?;
        Some(entry_at(&self.entries, *at).offset.get())
    }

    pub(super) fn insert(&mut self, id: &ObjectId, offset: u64) -> Result<(), CimError> {
        let at = u32::try_from(self.entries.len()).map_err(|_| InvalidInput::Full { what: "objects" })?;
        let Some(&digest) = id.digest(self.kind) else { return Ok(()) };
        self.entries.push(ObjectIdEntry { len: U64::new(id.len), digest, offset: U64::new(offset) });
        let entries = &self.entries;
        let rehash = |&at: &u32| table_hash(&entry_at(entries, at).digest);
        self.index.insert_unique(table_hash(&digest), at, rehash);
        Ok(())
    }

    /// Returns all entries, sorted as they are stored.
    pub(super) fn into_sorted(self) -> Vec<ObjectIdEntry> {
        let mut entries = self.entries;
        entries.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        entries
    }
}

fn entry_at(entries: &[ObjectIdEntry], at: u32) -> &ObjectIdEntry {
    &entries[usize::try_from(at).expect("a u32 fits a usize")]
}

/// The shareable objects of all regions that an image inherits.
#[derive(Debug, Default)]
pub(super) struct InheritedObjects {
    tables: Vec<InheritedTable>,
}

#[derive(Debug)]
struct InheritedTable {
    region: u16,
    kind: RegionType,
    /// Whether the set has no other region, so that objects of all kinds lie in this one.
    is_lone: bool,
    digests: DigestKind,
    /// Length of the region file: no object may end behind it.
    region_len: u64,
    bytes: Bytes,
}

impl InheritedObjects {
    /// Opens the object-id files of an image. One that is missing, or whose digests are of an unknown kind, costs
    /// duplicates and no more.
    pub(super) fn open(image: &Image) -> Self {
        let directory: &dyn Directory = &**image.containing_directory();
        let names = image.header().sets().flat_map(|set| (0..set.count).map(move |index| (set, index)));
        let mut tables = Vec::new();
        // One writer writes all files of a set. Where one of them does not show how, another may.
        let mut kinds = HashMap::new();
        for (region, (set, index)) in (0..=u16::MAX).zip(names) {
            let Some(file) = image.regions().get(region) else { continue };
            let Ok(bytes) = directory.open(&files::object_ids(set.guid, index)) else { continue };
            let Ok((_, header, entries)) = ObjectIdHeader::parse(bytes.as_slice()) else { continue };
            if header.kind != file.kind() || entries.is_empty() {
                continue;
            }
            if let Some(kind) = DigestKind::recognize(entries, file.bytes()) {
                kinds.entry(set.guid).or_insert(kind);
            }
            let region_len = u64::try_from(file.bytes().len()).expect("a usize fits a u64");
            let table = (region, header.kind, set.count == 1, region_len);
            tables.push((set.guid, table, bytes));
        }
        let known = tables.into_iter().filter_map(|(guid, (region, kind, is_lone, region_len), bytes)| {
            let digests = *kinds.get(&guid)?;
            Some(InheritedTable { region, kind, is_lone, digests, region_len, bytes })
        });
        Self { tables: known.collect() }
    }

    /// Returns the kinds of digests that are needed to find objects, and `own`.
    pub(super) fn kinds(&self, own: DigestKind) -> DigestKinds {
        let inherited = self.tables.iter().map(|table| table.digests);
        inherited.fold(DigestKinds::default().with(own), DigestKinds::with)
    }

    /// Finds an object that lies at a multiple of `alignment`. Data of any size may lie in either region of data: where
    /// the line between them lies has changed.
    pub(super) fn find(&self, kind: RegionType, id: &ObjectId, alignment: u64) -> Option<RegionOffset> {
        let is_metadata = kind == RegionType::METADATA;
        let may_hold =
            |table: &&InheritedTable| table.is_lone || (table.kind == RegionType::METADATA) == is_metadata;
        self.tables.iter().filter(may_hold).find_map(|table| table.find(id, alignment))
    }
}

impl InheritedTable {
    fn find(&self, id: &ObjectId, alignment: u64) -> Option<RegionOffset> {
        let (_, _, entries) = ObjectIdHeader::parse(self.bytes.as_slice()).ok()?;
        let key = (id.len, id.digest(self.digests)?);
        let at = entries.binary_search_by(|entry| entry.key().cmp(&key)).ok()?;
        let offset = entries[at].offset.get();
        let aligned = offset.is_multiple_of(alignment) && offset >= RegionHeader::LEN;
        let inside = offset.checked_add(id.len).is_some_and(|end| end <= self.region_len);
        if aligned && inside { RegionOffset::new(self.region, offset) } else { None }
    }
}
