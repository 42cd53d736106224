//! Which records hold for an entry: its own, and below them those of global headers.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::{MAX_BLOCK, MAX_GLOBAL, PaxError, check_len, records};

/// The records of global headers, as far as a tar has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Globals {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Globals {
    /// Starts without records.
    pub const fn new() -> Self {
        Self { records: BTreeMap::new() }
    }

    /// Adds the records of one more global header. An empty value deletes what earlier ones said.
    pub fn apply(&mut self, block: &[u8]) -> Result<(), PaxError> {
        check_len(block.len(), MAX_BLOCK)?;
        for record in records(block) {
            let (key, value) = record?;
            if value.is_empty() {
                self.records.remove(key);
            } else {
                self.records.insert(key.to_vec(), value.to_vec());
            }
        }
        check_len(self.records.iter().map(|(key, value)| key.len() + value.len()).sum(), MAX_GLOBAL)
    }
}

static NO_GLOBALS: Globals = Globals::new();

/// The records that hold for one entry, none of them empty.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    globals: &'a Globals,
    /// An empty value hides a global record.
    own: BTreeMap<&'a [u8], &'a [u8]>,
}

impl<'a> Records<'a> {
    /// Reads the records of an entry. Of several with one key, the last one counts.
    pub fn parse(globals: &'a Globals, block: &'a [u8]) -> Result<Self, PaxError> {
        check_len(block.len(), MAX_BLOCK)?;
        Ok(Self { globals, own: records(block).collect::<Result<_, _>>()? })
    }

    /// Stands for an entry that has no records, in a tar that has no global ones.
    pub fn none() -> Self {
        Self { globals: &NO_GLOBALS, own: BTreeMap::new() }
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        self.get_bytes(key.as_bytes())
    }

    pub(super) fn get_bytes(&self, key: &[u8]) -> Option<&'a [u8]> {
        let own = self.own.get(key).copied();
        let value = own.or_else(|| self.globals.records.get(key).map(Vec::as_slice));
        value.filter(|value| !value.is_empty())
    }

    /// Returns whether the entry or a global header has a key, if only to delete it.
    pub(super) fn says(&self, key: &[u8]) -> bool {
        self.own.contains_key(key) || self.globals.records.contains_key(key)
    }

    /// Yields the records whose keys begin with a prefix, without it: first the entry's own, then global ones.
    pub fn with_prefix(&self, prefix: &str) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.with_prefix_or_empty(prefix).filter(|(_, value)| !value.is_empty())
    }

    /// The same with the entry's own empty records, for keys where empty is a value like any other.
    pub(super) fn with_prefix_or_empty(&self, prefix: &str) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let prefix = prefix.as_bytes();
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let own = self.own.range::<[u8], _>(from).map(|(&key, &value)| (key, value));
        let global = self
            .globals
            .records
            .range::<[u8], _>(from)
            .map(|(key, value)| (key.as_slice(), value.as_slice()));
        let own = own.map_while(move |(key, value)| Some((key, key.strip_prefix(prefix)?, value)));
        let global = global.map_while(move |(key, value)| Some((key, key.strip_prefix(prefix)?, value)));
        let shown = global.filter(|(key, ..)| !self.own.contains_key(key));
        own.chain(shown).map(|(_, rest, value)| (rest, value))
    }
}
