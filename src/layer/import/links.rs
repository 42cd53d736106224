//! Hard links wait for the end of the layer: they may stand before their target.
//!
//! What takes the name of a waiting link later in the layer wins, as it does everywhere else.

use std::collections::BTreeMap;

use super::error::ImportError;
use crate::cim::names::{append_wtf8, upcase};
use crate::cim::{CaseRule, ImagePath};

/// What a waiting link takes beside its names.
const OVERHEAD: usize = 128;

/// Hard links that wait, by a key that equal names share.
#[derive(Debug)]
pub(super) struct Links {
    case: CaseRule,
    waiting: BTreeMap<Key, Link>,
    /// Memory taken, and the most that may be.
    bytes: usize,
    limit: usize,
}

/// A path with `\` between the names, in upper case where case does not count.
type Key = Vec<u8>;

/// A hard link. Text is half as long as units.
#[derive(Debug)]
struct Link {
    new: Box<[u8]>,
    existing: Box<[u8]>,
}

impl Links {
    pub(super) fn new(case: CaseRule, limit: usize) -> Self {
        Self { case, waiting: BTreeMap::new(), bytes: 0, limit }
    }

    /// Keeps a link for the end.
    pub(super) fn add(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), ImportError> {
        self.supersede(new, false);
        let link = Link { new: new.to_wtf8().into(), existing: existing.to_wtf8().into() };
        let key = self.key(new);
        self.bytes = self.bytes.saturating_add(link.cost(&key));
        if self.bytes > self.limit {
            let limit = u64::try_from(self.limit).unwrap_or(u64::MAX);
            return Err(ImportError::TooMuch { what: "bytes of hard links", limit });
        }
        self.waiting.insert(key, link);
        Ok(())
    }

    /// Forgets links whose names are taken: this one, and those below it unless a directory took it.
    pub(super) fn supersede(&mut self, path: &ImagePath, by_directory: bool) {
        if self.waiting.is_empty() {
            return;
        }
        let mut key = self.key(path);
        self.forget(&key);
        if by_directory {
            return;
        }
        key.push(b'\\');
        while let Some((below, _)) = self.waiting.range(key.clone()..).next()
            && below.starts_with(&key)
        {
            let below = below.clone();
            self.forget(&below);
        }
    }

    /// Hands out all links, each one after the link that it leads to.
    pub(super) fn resolve(
        mut self,
        mut make: impl FnMut(&ImagePath, &ImagePath) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        while let Some(first) = self.waiting.pop_first() {
            let mut chain = vec![first];
            let mut target = Key::new();
            while let Some((_, link)) = chain.last() {
                target = self.key(&ImagePath::parse(&link.existing)?);
                match self.waiting.remove_entry(&target) {
                    Some(next) => chain.push(next),
                    None => break,
                }
            }
            if let Some((_, link)) = chain.iter().find(|(key, _)| *key == target) {
                let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
                return Err(ImportError::LinkCycle { link: text(&link.new), target: text(&link.existing) });
            }
            for (_, link) in chain.iter().rev() {
                make(&ImagePath::parse(&link.new)?, &ImagePath::parse(&link.existing)?)?;
            }
        }
        Ok(())
    }

    fn forget(&mut self, key: &Key) {
        if let Some(link) = self.waiting.remove(key) {
            self.bytes = self.bytes.saturating_sub(link.cost(key));
        }
    }

    fn key(&self, path: &ImagePath) -> Key {
        let upcase = upcase::standard();
        let units = path.units().iter().map(|unit| match self.case {
            CaseRule::Fold => upcase.unit(unit.get()),
            CaseRule::Distinguish => unit.get(),
        });
        let mut key = Key::with_capacity(path.units().len());
        append_wtf8(units, &mut key);
        key
    }
}

impl Link {
    fn cost(&self, key: &Key) -> usize {
        let names = key.len().saturating_add(self.new.len()).saturating_add(self.existing.len());
        names.saturating_add(OVERHEAD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text).unwrap()
    }

    fn links(case: CaseRule, links: &[(&str, &str)]) -> Links {
        let mut all = Links::new(case, 10_000);
        links.iter().for_each(|(new, existing)| all.add(&path(new), &path(existing)).unwrap());
        all
    }

    fn resolved(links: Links) -> Result<Vec<(String, String)>, ImportError> {
        let mut made = Vec::new();
        let text = |path: &ImagePath| path.to_string();
        links.resolve(|new, existing| {
            made.push((text(new), text(existing)));
            Ok(())
        })?;
        Ok(made)
    }

    #[test]
    fn links_follow_what_they_lead_to() {
        let made = resolved(links(CaseRule::Distinguish, &[("a", "b"), ("c", "f"), ("b", "c"), ("d", "c")]));
        let pairs = [("/c", "/f"), ("/b", "/c"), ("/a", "/b"), ("/d", "/c")];
        assert_eq!(made.unwrap(), pairs.map(|(new, existing)| (new.to_owned(), existing.to_owned())));
    }

    #[test]
    fn cycles_are_errors() {
        for cycle in [&[("a", "a")][..], &[("a", "b"), ("b", "a")], &[("x", "a"), ("a", "b"), ("b", "a")]] {
            let error = resolved(links(CaseRule::Distinguish, cycle)).unwrap_err();
            assert!(matches!(error, ImportError::LinkCycle { .. }), "{cycle:?}");
        }
        let error = resolved(links(CaseRule::Fold, &[("a", "A")])).unwrap_err();
        assert_eq!(error.to_string(), r#"hard link "a" to "A" leads back to itself"#);
        assert_eq!(resolved(links(CaseRule::Distinguish, &[("a", "A")])).unwrap().len(), 1);
    }

    #[test]
    fn later_entries_win() {
        let mut all =
            links(CaseRule::Fold, &[("a/b", "x"), ("a/c", "x"), ("a", "y"), ("ab", "x"), ("d", "x")]);
        assert_eq!(all.waiting.len(), 3, "the file a has no a/b");
        all.add(&path("D"), &path("z")).unwrap();
        all.supersede(&path("AB"), true);
        let made = resolved(all).unwrap();
        let pairs = [("/a", "/y"), ("/D", "/z")];
        assert_eq!(made, pairs.map(|(new, existing)| (new.to_owned(), existing.to_owned())));
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let mut all = Links::new(CaseRule::Fold, 1000);
        for _ in 0..1000 {
            all.add(&path("a"), &path("b")).unwrap();
        }
        let error = (0..1000u32).try_for_each(|i| all.add(&path(&i.to_string()), &path("b")));
        assert!(matches!(error, Err(ImportError::TooMuch { .. })));
    }
}
