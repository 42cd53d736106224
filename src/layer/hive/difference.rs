//! The delta that makes one hive of another.

use super::error::HiveError;
use super::merge::{merged_values, named, paired};
use super::source::{HiveInfo, Layer, Node, Source, Value};
use super::tree::Hive;
use crate::cim::FileTime;

/// Finds the delta that, laid over `base`, gives `top`; `None` where there is no difference.
///
/// It says no more than it must. Keys that a merge could not make as they are, because their values lie in another
/// order or a time went back, are superseded with all below them; this does not go for the root, whose values come in the
/// order that a merge gives them.
///
/// Takes memory for what differs.
pub fn difference<'s, S: Source<'s>>(base: &S, top: &S) -> Result<Option<Hive<'s>>, HiveError> {
    let Some(new) = top.root() else { return Ok(None) };
    let pair = Pair { base, top };
    let change = match base.root() {
        Some(old) => pair.changed(old, new, true)?,
        None => Some(pair.whole(new, Layer::MERGE)?),
    };
    change.map(|change| change.into_hive()).transpose()
}

struct Pair<'p, S> {
    base: &'p S,
    top: &'p S,
}

/// A key of a delta, with all below it.
struct Change<'s> {
    node: Node<'s>,
    values: Vec<Value<'s>>,
    /// In the order of their names.
    subkeys: Vec<Self>,
}

impl<'s, S: Source<'s>> Pair<'_, S> {
    /// Returns what changes a key that both hives have, unless nothing does.
    fn changed(&self, old: S::Key, new: S::Key, is_root: bool) -> Result<Option<Change<'s>>, HiveError> {
        let (before, after) = (self.base.node(old)?, self.top.node(new)?);
        let (lower, upper) = (self.base.values(old)?, self.top.values(new)?);
        let values = changed_values(&lower, &upper);
        if !is_root && !can_merge(&before, &after, lower, &values, &upper) {
            return self.whole(new, Layer::SUPERSEDE_TREE).map(Some);
        }
        let subkeys = self.changed_subkeys(old, new)?;
        if values.is_empty() && subkeys.is_empty() && before == after {
            return Ok(None);
        }
        let is_class_kept = before.class == after.class && !is_root;
        let layer = if is_class_kept { Layer::MERGE.inheriting_class() } else { Layer::MERGE };
        Ok(Some(Change { node: Node { layer, ..after }, values, subkeys }))
    }

    fn changed_subkeys(&self, old: S::Key, new: S::Key) -> Result<Vec<Change<'s>>, HiveError> {
        let mut found = Vec::new();
        for pair in paired(named(self.base, old)?, named(self.top, new)?) {
            match pair {
                (Some(low), Some(up)) => found.extend(self.changed(low, up, false)?),
                (Some(low), None) => found.push(tombstone(self.base.node(low)?)),
                (None, Some(up)) => found.push(self.whole(up, Layer::MERGE)?),
                (None, None) => {}
            }
        }
        Ok(found)
    }

    /// Returns a key with all that the new hive has below it.
    fn whole(&self, new: S::Key, layer: Layer) -> Result<Change<'s>, HiveError> {
        let subkeys = self.top.subkeys(new)?.into_iter().map(|subkey| self.whole(subkey, layer));
        let node = Node { layer, ..self.top.node(new)? };
        Ok(Change { node, values: self.top.values(new)?, subkeys: subkeys.collect::<Result<_, _>>()? })
    }
}

/// Deletes a key. It needs a descriptor like any other.
fn tombstone(node: Node<'_>) -> Change<'_> {
    let node = Node {
        layer: Layer::TOMBSTONE,
        last_written: FileTime::default(),
        class: &[],
        access_bits: 0,
        user_flags: 0,
        ..node
    };
    Change { node, values: Vec::new(), subkeys: Vec::new() }
}

/// Returns the values that differ, and tombstones for those that are gone.
fn changed_values<'s>(lower: &[Value<'s>], upper: &[Value<'s>]) -> Vec<Value<'s>> {
    let (old, new) = (by_name(lower), by_name(upper));
    let changed = upper.iter().filter(|value| find(&old, value).is_none_or(|old| !is_same_value(old, value)));
    let gone = lower.iter().filter(|value| find(&new, value).is_none());
    let tombstones = gone.map(|value| Value::tombstone(value.name.clone()));
    changed.cloned().chain(tombstones).collect()
}

fn by_name<'v, 's>(values: &'v [Value<'s>]) -> Vec<&'v Value<'s>> {
    let mut sorted: Vec<_> = values.iter().collect();
    sorted.sort_by(|a, b| a.name.folded_cmp(&b.name));
    sorted
}

fn find<'v, 's>(sorted: &[&'v Value<'s>], value: &Value<'_>) -> Option<&'v Value<'s>> {
    let found = sorted.binary_search_by(|other| other.name.folded_cmp(&value.name));
    found.ok().and_then(|at| sorted.get(at).copied())
}

fn is_same_value(a: &Value<'_>, b: &Value<'_>) -> bool {
    a.kind == b.kind && a.data == b.data
}

/// Returns whether a merge gives a key its name, its time, and its values in their order.
fn can_merge<'s>(
    before: &Node<'s>,
    after: &Node<'s>,
    lower: Vec<Value<'s>>,
    changed: &[Value<'s>],
    upper: &[Value<'s>],
) -> bool {
    before.name == after.name
        && before.last_written <= after.last_written
        && (changed.is_empty() && lower == upper || merged_values(lower, changed.to_vec()) == upper)
}

impl<'s> Change<'s> {
    fn into_hive(self) -> Result<Hive<'s>, HiveError> {
        let Self { node, values, subkeys } = self;
        let mut hive = Hive::of_root(HiveInfo::DELTA, node, values);
        let mut left: Vec<_> = subkeys.into_iter().map(|change| (hive.root_id(), change)).collect();
        while let Some((parent, change)) = left.pop() {
            let id = hive.add_node(parent, change.node, change.values)?;
            left.extend(change.subkeys.into_iter().map(|change| (id, change)));
        }
        Ok(hive)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::layer::hive::testing::{random_hive, written};
    use crate::layer::hive::{HiveView, merge_files, write};

    /// Returns the delta as a file.
    fn delta(base: &[u8], top: &[u8]) -> Option<Vec<u8>> {
        let found = difference(&HiveView::open(base).unwrap(), &HiveView::open(top).unwrap()).unwrap()?;
        let mut bytes = Vec::new();
        write(&&found, &mut bytes).unwrap();
        Some(bytes)
    }

    fn merged(base: &[u8], delta: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        merge_files(base, delta, &mut out).unwrap();
        out
    }

    fn sample(keys: &[(&str, &[&str])]) -> Vec<u8> {
        let mut hive = Hive::new(HiveInfo::PLAIN);
        for (path, values) in keys {
            let key = hive.ensure(path).unwrap();
            for value in *values {
                hive.key_mut(key).set_bytes(*value, 1, value.as_bytes().to_vec()).unwrap();
            }
        }
        written(&&hive)
    }

    #[test]
    fn a_delta_says_no_more_than_it_must() {
        let base = sample(&[("same\\deep", &["x"]), ("gone\\deep", &[]), ("changed", &["a", "b"])]);
        let top = sample(&[("same\\deep", &["x"]), ("changed", &["a", "c"]), ("new\\deep", &["n"])]);
        let found = delta(&base, &top).unwrap();
        let view = HiveView::open(&found).unwrap();
        let hive = Hive::collect(&view).unwrap();
        let layers: Vec<_> = hive.key(hive.root_id()).subkeys().iter().map(|&id| hive.key(id)).collect();
        let layers: Vec<_> = layers.iter().map(|key| (key.name().to_string(), key.layer.raw())).collect();
        let expected = [("changed", 0x80), ("gone", 0x01), ("new", 0x00)];
        assert_eq!(layers, expected.map(|(name, layer)| (name.to_owned(), layer)));
        assert!(hive.find("same").is_none());
        assert_eq!(merged(&base, &found), top);
        assert_eq!(delta(&top, &top), None);
    }

    #[test]
    fn what_no_merge_can_make_is_superseded() {
        let base = sample(&[("key\\lower", &[]), ("key", &["a", "b"])]);
        let top = sample(&[("key\\upper", &[]), ("key", &["b", "a"])]);
        let found = delta(&base, &top).unwrap();
        let view = HiveView::open(&found).unwrap();
        let hive = Hive::collect(&view).unwrap();
        let key = hive.find("key").unwrap();
        assert_eq!(hive.key(key).layer, Layer::SUPERSEDE_TREE);
        assert_eq!(merged(&base, &found), top);
    }

    proptest! {
        #[test]
        fn a_delta_leads_from_one_hive_to_the_other(
            base in random_hive(HiveInfo::PLAIN),
            first in random_hive(HiveInfo::DELTA),
            second in random_hive(HiveInfo::DELTA),
        ) {
            // As something new, so that no key remembers how it was used: no delta says that.
            let base = merged(&[], &written(&&base));
            let top = merged(&merged(&base, &written(&&first)), &written(&&second));
            match delta(&base, &top) {
                Some(found) => prop_assert!(merged(&base, &found) == top),
                None => prop_assert!(base == top),
            }
        }
    }
}
