//! A delta laid over a base.

use std::cmp::Ordering;
use std::io::Write;

use super::error::{HiveError, Invalid};
use super::name::Name;
use super::reader::HiveView;
use super::source::{HiveInfo, Layer, Node, Semantics, Source, Value};
use super::writer::write;

/// A delta laid over a base: a source whose keys are merged when they are asked for.
///
/// The result stands alone: nothing in it is layered, and no tombstone is left. Tombstones of what does not exist
/// mean nothing. A base or delta without a root adds nothing.
pub struct Merged<B, D> {
    base: B,
    delta: D,
}

/// A key of a [`Merged`].
#[derive(Clone, Copy, Debug)]
pub struct MergedKey<B, D> {
    halves: Halves<B, D>,
    is_root: bool,
}

type KeyOf<'s, B, D> = MergedKey<<B as Source<'s>>::Key, <D as Source<'s>>::Key>;

/// What makes up a merged key.
#[derive(Clone, Copy, Debug)]
enum Halves<B, D> {
    /// The delta does not mention the key.
    Base(B),
    /// Nothing lies below the key, or nothing of it is visible.
    Delta(D),
    Both(B, D),
}

impl<B, D> MergedKey<B, D> {
    fn below(halves: Halves<B, D>) -> Self {
        Self { halves, is_root: false }
    }
}

/// Merges two hive files into a third. The output is written strictly forward, after both inputs were checked.
pub fn merge_files(base: &[u8], delta: &[u8], out: impl Write) -> Result<(), HiveError> {
    write(&Merged::new(HiveView::open(base)?, HiveView::open(delta)?)?, out)
}

impl<'s, B: Source<'s>, D: Source<'s>> Merged<B, D> {
    /// Lays `delta` over `base`, which must not be layered itself.
    pub fn new(base: B, delta: D) -> Result<Self, HiveError> {
        if base.info().layered {
            return Err(Invalid::LayeredBase.into());
        }
        Ok(Self { base, delta })
    }

    /// Returns what a key of the delta does to the visible key below it. The root always merges.
    fn semantics(&self, key: D::Key, is_root: bool) -> Result<Semantics, HiveError> {
        if is_root {
            return Ok(Semantics::Merge);
        }
        Ok(self.delta.node(key)?.layer.semantics())
    }

    /// Returns the subkeys of a key of the delta that has nothing below it.
    fn fresh_subkeys(&self, key: D::Key) -> Result<Vec<KeyOf<'s, B, D>>, HiveError> {
        let mut found = Vec::new();
        for subkey in self.delta.subkeys(key)? {
            found.extend(self.join(None, Some(subkey))?);
        }
        Ok(found)
    }

    /// Returns the union of the subkeys of two keys, by their upper-cased names.
    fn joined_subkeys(&self, base: B::Key, delta: D::Key) -> Result<Vec<KeyOf<'s, B, D>>, HiveError> {
        let mut found = Vec::new();
        for (low, up) in paired(named(&self.base, base)?, named(&self.delta, delta)?) {
            found.extend(self.join(low, up)?);
        }
        Ok(found)
    }

    /// Returns the key that two keys of one name make up, unless that is none.
    fn join(
        &self,
        base: Option<B::Key>,
        delta: Option<D::Key>,
    ) -> Result<Option<KeyOf<'s, B, D>>, HiveError> {
        if let Some(delta) = delta
            && self.semantics(delta, false)? == Semantics::Tombstone
        {
            return Ok(None);
        }
        Ok(halves(base, delta).map(MergedKey::below))
    }
}

fn halves<B, D>(base: Option<B>, delta: Option<D>) -> Option<Halves<B, D>> {
    match (base, delta) {
        (None, None) => None,
        (Some(base), None) => Some(Halves::Base(base)),
        (None, Some(delta)) => Some(Halves::Delta(delta)),
        (Some(base), Some(delta)) => Some(Halves::Both(base, delta)),
    }
}

pub(super) fn named<'s, S: Source<'s>>(
    source: &S,
    key: S::Key,
) -> Result<Vec<(Name<'s>, S::Key)>, HiveError> {
    source.subkeys(key)?.into_iter().map(|subkey| Ok((source.name(subkey)?, subkey))).collect()
}

/// Pairs the subkeys of two keys that have the same name, letters of either case alike. Both come in this order.
pub(super) fn paired<'s, L, U>(
    lower: Vec<(Name<'s>, L)>,
    upper: Vec<(Name<'s>, U)>,
) -> impl Iterator<Item = (Option<L>, Option<U>)> {
    let (mut lower, mut upper) = (lower.into_iter().peekable(), upper.into_iter().peekable());
    std::iter::from_fn(move || {
        let order = match (lower.peek(), upper.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((low, _)), Some((up, _))) => low.folded_cmp(up),
        };
        let low = if order.is_le() { lower.next() } else { None };
        let up = if order.is_ge() { upper.next() } else { None };
        Some((low.map(|(_, key)| key), up.map(|(_, key)| key)))
    })
}

/// Returns a key that lies over nothing.
fn fresh_node(delta: Node<'_>) -> Node<'_> {
    let class = if delta.layer.inherits_class() { &[] } else { delta.class };
    Node { class, layer: Layer::MERGE, access_bits: 0, ..delta }
}

/// Returns a key that lies over another one. What the delta keeps for a key is complete, also where only a subkey
/// was changed; so all of it counts but the name, the class where it is inherited, and an older time.
fn merged_node<'s>(base: Node<'s>, delta: Node<'s>, semantics: Semantics) -> Node<'s> {
    let class = if delta.layer.inherits_class() { base.class } else { delta.class };
    let merges = semantics == Semantics::Merge;
    let time = delta.last_written;
    Node {
        last_written: if merges { time.max(base.last_written) } else { time },
        name: if semantics == Semantics::SupersedeTree { delta.name.clone() } else { base.name },
        class,
        ..fresh_node(delta)
    }
}

fn without_tombstones(mut values: Vec<Value<'_>>) -> Vec<Value<'_>> {
    values.retain(|value| !value.tombstone);
    values
}

/// Replaces values of the base by those of the delta where they lie, under the name that the base spells, and adds
/// the new ones after them.
pub(super) fn merged_values<'s>(base: Vec<Value<'s>>, delta: Vec<Value<'s>>) -> Vec<Value<'s>> {
    let mut by_name: Vec<usize> = (0..delta.len()).collect();
    let mut delta: Vec<Option<Value<'s>>> = delta.into_iter().map(Some).collect();
    let order = |delta: &[Option<Value<'s>>], index: usize, name: &Name<'_>| match delta.get(index) {
        Some(Some(value)) => value.name.folded_cmp(name),
        _ => Ordering::Less,
    };
    by_name.sort_by(|&a, &b| match delta.get(b) {
        Some(Some(other)) => order(&delta, a, &other.name),
        _ => Ordering::Equal,
    });
    let places: Vec<Option<usize>> = base
        .iter()
        .map(|value| {
            let found = by_name.binary_search_by(|&index| order(&delta, index, &value.name));
            found.ok().and_then(|at| by_name.get(at).copied())
        })
        .collect();
    let mut merged = Vec::with_capacity(base.len());
    for (value, place) in base.into_iter().zip(places) {
        let upper = place.and_then(|index| delta.get_mut(index)).and_then(Option::take);
        merged.push(match upper {
            Some(upper) => Value { name: value.name, ..upper },
            None => value,
        });
    }
    merged.extend(delta.into_iter().flatten());
    without_tombstones(merged)
}

impl<'s, B: Source<'s>, D: Source<'s>> Source<'s> for Merged<B, D> {
    type Key = MergedKey<B::Key, D::Key>;

    fn info(&self) -> HiveInfo {
        let minor = self.base.info().minor.max(HiveInfo::PLAIN.minor);
        HiveInfo { minor, layered: false }
    }

    fn root(&self) -> Option<Self::Key> {
        let halves = halves(self.base.root(), self.delta.root())?;
        Some(MergedKey { halves, is_root: true })
    }

    fn name(&self, key: Self::Key) -> Result<Name<'s>, HiveError> {
        match key.halves {
            Halves::Base(base) => self.base.name(base),
            Halves::Delta(delta) => self.delta.name(delta),
            Halves::Both(..) => Ok(self.node(key)?.name),
        }
    }

    fn node(&self, key: Self::Key) -> Result<Node<'s>, HiveError> {
        match key.halves {
            Halves::Base(base) => Ok(Node { layer: Layer::MERGE, ..self.base.node(base)? }),
            Halves::Delta(delta) => Ok(fresh_node(self.delta.node(delta)?)),
            Halves::Both(base, delta) => {
                let semantics = self.semantics(delta, key.is_root)?;
                Ok(merged_node(self.base.node(base)?, self.delta.node(delta)?, semantics))
            }
        }
    }

    fn values(&self, key: Self::Key) -> Result<Vec<Value<'s>>, HiveError> {
        match key.halves {
            Halves::Base(base) => Ok(without_tombstones(self.base.values(base)?)),
            Halves::Both(base, delta) if self.semantics(delta, key.is_root)? == Semantics::Merge => {
                Ok(merged_values(self.base.values(base)?, self.delta.values(delta)?))
            }
            Halves::Delta(delta) | Halves::Both(_, delta) => {
                Ok(without_tombstones(self.delta.values(delta)?))
            }
        }
    }

    fn subkeys(&self, key: Self::Key) -> Result<Vec<Self::Key>, HiveError> {
        match key.halves {
            Halves::Base(base) => {
                let subkeys = self.base.subkeys(base)?.into_iter();
                Ok(subkeys.map(|subkey| MergedKey::below(Halves::Base(subkey))).collect())
            }
            Halves::Both(base, delta) if self.semantics(delta, key.is_root)? != Semantics::SupersedeTree => {
                self.joined_subkeys(base, delta)
            }
            Halves::Delta(delta) | Halves::Both(_, delta) => self.fresh_subkeys(delta),
        }
    }
}

#[cfg(test)]
mod tests;
