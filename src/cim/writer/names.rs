//! The names of one directory while an image is edited.

use std::hash::{BuildHasher, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};
use zerocopy::little_endian::U16;

use crate::cim::error::{CimError, InvalidInput};
use crate::cim::names::{NameRef, Upcase};

/// Whether names that differ in case only are one name or two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaseRule {
    /// One name, as Windows has it. The newer spelling replaces the older one.
    #[default]
    Fold,
    /// Two names, as Linux has it.
    Distinguish,
}

/// A map from names to `V`, in about 20 bytes for an entry besides the name and the value.
#[derive(Debug)]
pub(super) struct NameMap<V> {
    /// All names, one behind the other.
    units: Vec<U16>,
    entries: Vec<Entry<V>>,
    /// Indexes into `entries`, by the hash of the upper-cased name.
    index: HashTable<u32>,
}

#[derive(Debug)]
struct Entry<V> {
    start: u32,
    len: u8,
    /// `None` after removal.
    value: Option<V>,
}

/// What comparing names takes.
#[derive(Clone, Copy)]
pub(super) struct NameRules<'a> {
    pub(super) upcase: Upcase<'a>,
    pub(super) case: CaseRule,
    pub(super) hasher: &'a DefaultHashBuilder,
}

impl NameRules<'_> {
    /// Returns whether two names are spellings of one.
    pub(super) fn same(&self, one: NameRef<'_>, other: NameRef<'_>) -> bool {
        one == other || self.case == CaseRule::Fold && one.folded_eq(other, self.upcase)
    }

    fn hash(&self, name: NameRef<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for unit in name.units() {
            hasher.write_u16(self.upcase.unit(unit.get()));
        }
        hasher.finish()
    }
}

impl<V> Default for NameMap<V> {
    fn default() -> Self {
        Self { units: Vec::new(), entries: Vec::new(), index: HashTable::new() }
    }
}

impl<V: Copy> NameMap<V> {
    /// Looks a name up: the exact one, else, where case does not count, the first that differs in case only.
    pub(super) fn get(&self, name: NameRef<'_>, rules: NameRules<'_>) -> Option<V> {
        self.find(name, rules).and_then(|at| self.entry(at).value)
    }

    /// Gives a name a value, in place of what [`get`](Self::get) would find.
    pub(super) fn insert(
        &mut self,
        name: NameRef<'_>,
        value: V,
        rules: NameRules<'_>,
    ) -> Result<(), CimError> {
        if let Some(at) = self.find(name, rules) {
            if self.name(at) == name {
                self.entry_mut(at).value = Some(value);
                return Ok(());
            }
            self.entry_mut(at).value = None;
        }
        self.push(name, value, rules)
    }

    /// Adds a name that is known not to be there.
    pub(super) fn push(&mut self, name: NameRef<'_>, value: V, rules: NameRules<'_>) -> Result<(), CimError> {
        let full = || InvalidInput::Full { what: "names in a directory" };
        let at = u32::try_from(self.entries.len()).map_err(|_| full())?;
        let start = u32::try_from(self.units.len()).map_err(|_| full())?;
        let len = u8::try_from(name.units().len())
            .map_err(|_| InvalidInput::NameTooLong { units: name.units().len() })?;
        self.units.extend_from_slice(name.units());
        self.entries.push(Entry { start, len, value: Some(value) });
        let (units, entries) = (&self.units, &self.entries);
        let rehash = |&at: &u32| rules.hash(name_in(units, &entries[index(at)]));
        self.index.insert_unique(rules.hash(name), at, rehash);
        Ok(())
    }

    /// Removes a name and returns its value.
    pub(super) fn remove(&mut self, name: NameRef<'_>, rules: NameRules<'_>) -> Option<V> {
        let at = self.find(name, rules)?;
        self.entry_mut(at).value.take()
    }

    /// Yields all values, in no order that means anything.
    pub(super) fn values(&self) -> impl Iterator<Item = V> + '_ {
        self.entries.iter().filter_map(|entry| entry.value)
    }

    /// Returns the entries in the order in which they lie on disk.
    pub(super) fn sorted(&self, upcase: Upcase<'_>) -> Vec<(NameRef<'_>, V)> {
        let named = |entry: &Entry<V>| entry.value.is_some();
        let count = self.entries.iter().filter(|entry| named(entry)).count();
        let mut sorted = Vec::with_capacity(count);
        sorted.extend(
            self.entries.iter().filter_map(|entry| Some((name_in(&self.units, entry), entry.value?))),
        );
        sorted.sort_unstable_by(|(a, _), (b, _)| a.disk_cmp(*b, upcase));
        sorted
    }

    fn find(&self, name: NameRef<'_>, rules: NameRules<'_>) -> Option<u32> {
        let mut folded: Option<u32> = None;
        for &at in self.index.iter_hash(rules.hash(name)) {
            let found = self.name(at);
            if self.entry(at).value.is_none() {
                continue;
            }
            if found == name {
                return Some(at);
            }
            let first = folded.is_none_or(|best| found.raw_cmp(self.name(best)).is_lt());
            if rules.case == CaseRule::Fold && first && found.folded_eq(name, rules.upcase) {
                folded = Some(at);
            }
        }
        folded
    }

    fn entry(&self, at: u32) -> &Entry<V> {
        &self.entries[index(at)]
    }

    fn entry_mut(&mut self, at: u32) -> &mut Entry<V> {
        &mut self.entries[index(at)]
    }

    fn name(&self, at: u32) -> NameRef<'_> {
        name_in(&self.units, self.entry(at))
    }
}

fn name_in<'a, V>(units: &'a [U16], entry: &Entry<V>) -> NameRef<'a> {
    let start = index(entry.start);
    NameRef::from_units(&units[start..start + usize::from(entry.len)])
}

fn index(at: u32) -> usize {
    usize::try_from(at).expect("a u32 fits a usize")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cim::Name;
    use crate::cim::names::upcase;

    fn rules(hasher: &DefaultHashBuilder, case: CaseRule) -> NameRules<'_> {
        NameRules { upcase: upcase::standard(), case, hasher }
    }

    #[test]
    fn the_newer_spelling_replaces_the_older_one() {
        let hasher = DefaultHashBuilder::default();
        let rules = rules(&hasher, CaseRule::Fold);
        let (old, new) = (Name::new("Readme").unwrap(), Name::new("README").unwrap());
        let mut names = NameMap::default();
        names.insert(old.as_ref(), 1, rules).unwrap();
        names.insert(new.as_ref(), 2, rules).unwrap();
        assert_eq!(names.get(old.as_ref(), rules), Some(2));
        assert_eq!(names.sorted(rules.upcase), [(new.as_ref(), 2)]);
        assert_eq!(names.remove(old.as_ref(), rules), Some(2));
        assert!(names.sorted(rules.upcase).is_empty());
    }

    #[test]
    fn names_that_differ_in_case_can_be_neighbours() {
        let hasher = DefaultHashBuilder::default();
        let rules = rules(&hasher, CaseRule::Distinguish);
        let (lower, upper) = (Name::new("e").unwrap(), Name::new("E").unwrap());
        let mut names = NameMap::default();
        names.insert(lower.as_ref(), 1, rules).unwrap();
        assert_eq!(names.get(upper.as_ref(), rules), None);
        names.insert(upper.as_ref(), 2, rules).unwrap();
        assert_eq!(names.sorted(rules.upcase), [(upper.as_ref(), 2), (lower.as_ref(), 1)]);
    }
}
