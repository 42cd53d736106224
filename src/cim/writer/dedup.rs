//! Finding objects that are there already: in the set being written, and in the sets that the image inherits.

use hashbrown::HashTable;
use zerocopy::little_endian::U64;

use crate::cim::error::{CimError, InvalidInput};
use crate::cim::files;
use crate::cim::format::{DIGEST_LEN, ObjectIdEntry, ObjectIdHeader, RegionType};
use crate::cim::io::{Bytes, Directory};
use crate::cim::reader::Image;
use crate::cim::units::RegionOffset;

/// The identity of an object: its length and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ObjectId {
    pub(super) len: u64,
    pub(super) digest: [u8; DIGEST_LEN],
}

impl ObjectId {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self::from_hash(u64::try_from(bytes.len()).expect("a usize fits a u64"), blake3::hash(bytes))
    }

    pub(super) fn from_hash(len: u64, hash: blake3::Hash) -> Self {
        let digest = hash.as_bytes().first_chunk().expect("a hash has 32 bytes");
        Self { len, digest: *digest }
    }

    /// A digest is as good as random: its front serves as the hash of a table.
    fn hash(digest: &[u8; DIGEST_LEN]) -> u64 {
        u64::from_le_bytes(*digest.first_chunk().expect("a digest has 24 bytes"))
    }
}

/// The shareable objects of one region under construction.
#[derive(Debug, Default)]
pub(super) struct OwnObjects {
    entries: Vec<ObjectIdEntry>,
    /// Indexes into `entries`, by digest.
    index: HashTable<u32>,
}

impl OwnObjects {
    pub(super) fn find(&self, id: &ObjectId) -> Option<u64> {
        let same = |&at: &u32| entry_at(&self.entries, at).key() == (id.len, &id.digest);
        let at = self.index.find(ObjectId::hash(&id.digest), same)?;
        Some(entry_at(&self.entries, *at).offset.get())
    }

    pub(super) fn insert(&mut self, id: &ObjectId, offset: u64) -> Result<(), CimError> {
        let at = u32::try_from(self.entries.len()).map_err(|_| InvalidInput::Full { what: "objects" })?;
        self.entries.push(ObjectIdEntry {
            len: U64::new(id.len),
            digest: id.digest,
            offset: U64::new(offset),
        });
        let entries = &self.entries;
        let rehash = |&at: &u32| ObjectId::hash(&entry_at(entries, at).digest);
        self.index.insert_unique(ObjectId::hash(&id.digest), at, rehash);
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
    /// Length of the region file: no object may end behind it.
    region_len: u64,
    bytes: Bytes,
}

impl InheritedObjects {
    /// Opens the object-id files of an image. One that is missing, or that another writer filled in its own way,
    /// costs duplicates and no more.
    pub(super) fn open(image: &Image) -> Self {
        let directory: &dyn Directory = &**image.containing_directory();
        let names = image.header().sets().flat_map(|set| (0..set.count).map(move |i| (set.guid, i)));
        let open = |(region, (guid, index))| {
            let region = u16::try_from(region).ok()?;
            let file = image.regions().iter().nth(usize::from(region))?;
            let bytes = directory.open(&files::object_ids(guid, index)).ok()?;
            let (_, header, entries) = ObjectIdHeader::parse(bytes.as_slice()).ok()?;
            let matches = header.kind == file.kind() && !entries.is_empty();
            let region_len = u64::try_from(file.bytes().len()).ok()?;
            matches.then_some(InheritedTable { region, kind: header.kind, region_len, bytes })
        };
        Self { tables: names.enumerate().filter_map(open).collect() }
    }

    pub(super) fn find(&self, kind: RegionType, id: &ObjectId) -> Option<RegionOffset> {
        self.tables.iter().filter(|table| table.kind == kind).find_map(|table| table.find(id))
    }
}

impl InheritedTable {
    fn find(&self, id: &ObjectId) -> Option<RegionOffset> {
        let (_, _, entries) = ObjectIdHeader::parse(self.bytes.as_slice()).ok()?;
        let key = (id.len, &id.digest);
        let at = entries.binary_search_by(|entry| entry.key().cmp(&key)).ok()?;
        let offset = entries[at].offset.get();
        let aligned = offset.is_multiple_of(self.kind.alignment()) && offset != 0;
        let inside = offset.checked_add(id.len).is_some_and(|end| end <= self.region_len);
        if aligned && inside { RegionOffset::new(self.region, offset) } else { None }
    }
}
