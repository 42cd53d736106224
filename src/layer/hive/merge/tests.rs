//! The rules of merging, one by one, and against a second evaluation that goes from the top of a stack down.

use super::*;
use crate::cim::FileTime;
use crate::layer::hive::testing::{dumped, random_hive, written};
use crate::layer::hive::{
    Data, Hive, HiveErrorKind, HiveInfo, HiveView, Key, KeyFlags, KeyId, Value, default_security,
};
use proptest::prelude::*;

/// Describes a hive by lines: `path`, or `path layer`, or `path layer class`, and under it values as `name=text` or
/// `name!` for a tombstone. `.` is the root.
fn hive(info: HiveInfo, lines: &[&str]) -> Hive<'static> {
    let mut hive = Hive::new(info);
    let mut at = hive.root_id();
    for line in lines {
        if let Some((name, text)) = line.split_once('=') {
            hive.key_mut(at).set_bytes(name, 1, text.as_bytes().to_vec()).unwrap();
        } else if let Some(name) = line.strip_suffix('!') {
            hive.key_mut(at).set(Value::tombstone(name)).unwrap();
        } else {
            at = add_key(&mut hive, line);
        }
    }
    hive
}

fn add_key(hive: &mut Hive<'static>, line: &str) -> KeyId {
    let mut words = line.split(' ');
    let path = words.next().unwrap();
    let id = if path == "." { hive.root_id() } else { hive.ensure(path).unwrap() };
    let key = hive.key_mut(id);
    if let Some(layer) = words.next() {
        key.layer = Layer::from_raw(u8::from_str_radix(layer, 16).unwrap());
    }
    words.for_each(|class| key.set_class(class));
    id
}

fn base(lines: &[&str]) -> Hive<'static> {
    hive(HiveInfo::PLAIN, lines)
}

fn delta(lines: &[&str]) -> Hive<'static> {
    hive(HiveInfo::DELTA, lines)
}

/// Merges through files, so that the reader and the writer take part.
fn merged(base: &Hive<'_>, delta: &Hive<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    merge_files(&written(&base), &written(&delta), &mut out).unwrap();
    out
}

fn text(file: &[u8]) -> String {
    dumped(&HiveView::open(file).unwrap())
}

#[track_caller]
fn check(lower: &[&str], upper: &[&str], expected: &[&str]) {
    let result = merged(&base(lower), &delta(upper));
    assert_eq!(text(&result), dumped(&&base(expected)));
    assert!(!text(&result).contains("tombstone"));
    // The same delta once more changes nothing, and neither does an empty one.
    let view = HiveView::open(&result).unwrap();
    let again = Merged::new(view, &delta(upper)).map(|merged| dumped(&merged)).unwrap();
    assert_eq!(again, text(&result));
}

#[track_caller]
fn check_stack(lower: &[&str], middle: &[&str], upper: &[&str], expected: &[&str]) {
    let (lower, middle, upper) = (base(lower), delta(middle), delta(upper));
    let first = merged(&lower, &middle);
    let mut result = Vec::new();
    merge_files(&first, &written(&&upper), &mut result).unwrap();
    assert_eq!(text(&result), dumped(&&base(expected)));
    let inner = Merged::new(&lower, &middle).unwrap();
    let nested = Merged::new(inner, &upper).unwrap();
    assert_eq!(written(&nested), result, "a merge of a merge needs no file in between");
    assert_eq!(dumped(&&top_down(&lower, &[&middle, &upper])), text(&result));
}

#[test]
fn touched_values_are_replaced_and_new_ones_follow() {
    check(&["k", "a=1", "b=2"], &["k 80", "B=3", "c=4"], &["k", "a=1", "b=3", "c=4"]);
    let result = merged(&base(&["k", "b=2", "a=1"]), &delta(&["k 80", "c=4", "B=3"]));
    let view = HiveView::open(&result).unwrap();
    let key = view.subkeys(view.root().unwrap()).unwrap()[0];
    let names: Vec<String> = view.values(key).unwrap().iter().map(|value| value.name.to_string()).collect();
    assert_eq!(names, ["b", "a", "c"], "base order and spelling, then the new ones");
}

#[test]
fn value_tombstones_hide_values() {
    check(&["k", "a=1", "b=2"], &["k 80", "A!", "missing!"], &["k", "b=2"]);
    check_stack(&["k", "a=1"], &["k 80", "a!"], &["k 80", "a=2"], &["k", "a=2"]);
    check_stack(&["k"], &["k 80", "a=1"], &["k 80", "a!"], &["k"]);
}

#[test]
fn empty_value_without_type_is_no_tombstone() {
    let mut upper = delta(&["k 80"]);
    let id = upper.find("k").unwrap();
    upper.key_mut(id).set_bytes("a", 0, vec![]).unwrap();
    let result = merged(&base(&["k", "a=1"]), &upper);
    assert!(text(&result).contains("\"a\" type=0 data=\n"));
}

#[test]
fn new_keys_appear() {
    check(&["a"], &["b\\c", "v=1"], &["a", "b\\c", "v=1"]);
    check_stack(&["a"], &["b\\c", "v=1"], &["b 80", "b\\c 80", "w=2"], &["a", "b\\c", "v=1", "w=2"]);
}

#[test]
fn key_tombstones_hide_subtrees() {
    check(&["a\\b\\c", "v=1", "d"], &["a 01", "missing 01", "missing\\below"], &["d"]);
    check(&["a\\b\\c"], &["a 01", "a\\b 80", "v=1"], &[]);
    check_stack(&["a\\b"], &["a 01"], &["a 01"], &[]);
}

#[test]
fn tombstone_then_new_key_starts_afresh() {
    check_stack(&["a\\b", "v=1"], &["a 01"], &["a", "w=2"], &["a", "w=2"]);
    check_stack(&["a\\b", "v=1"], &["a 01"], &["a 80", "w=2"], &["a", "w=2"]);
}

#[test]
fn supersede_local_hides_values_but_not_subkeys() {
    check(&["a", "v=1", "a\\b", "w=2"], &["a 02", "x=3"], &["a", "x=3", "a\\b", "w=2"]);
    check(&["a", "v=1", "a\\b", "w=2"], &["a 02", "a\\b 80", "x=3"], &["a", "a\\b", "w=2", "x=3"]);
    check_stack(&["a", "v=1", "a\\b"], &["a 02", "w=2"], &["a 02"], &["a", "a\\b"]);
    check(&[], &["a 02", "x=3", "y!"], &["a", "x=3"]);
}

#[test]
fn supersede_tree_hides_everything_below() {
    check(&["a", "v=1", "a\\b\\c", "w=2"], &["a 03", "x=3"], &["a", "x=3"]);
    let upper = ["a 83", "x=3", "a\\b 03", "y=4", "a\\b\\c", "z=5", "a\\d 01"];
    check(&["a", "v=1", "a\\b\\c", "w=2", "a\\d"], &upper, &["a", "x=3", "a\\b", "y=4", "a\\b\\c", "z=5"]);
    check_stack(&["a\\b"], &["a 03", "a\\c 03"], &["a 80", "a\\c 03", "v=1"], &["a\\c", "v=1"]);
}

#[test]
fn classes_are_inherited_through_layers() {
    check(&["a 00 low"], &["a 80 own"], &["a 00 low"]);
    check(&["a 00 low"], &["a 00 own"], &["a 00 own"]);
    check(&["a 00 low", "a\\b"], &["a 83 own"], &["a 00 low"]);
    check(&["a 00 low"], &["a 03 own"], &["a 00 own"]);
    check(&["a 00 low"], &["a 82 own"], &["a 00 low"]);
    check(&[], &["a 80 own"], &["a"]);
    check_stack(&["a 00 low"], &["a 80"], &["a 80"], &["a 00 low"]);
    check_stack(&["a 00 low"], &["a 00 middle"], &["a 80"], &["a 00 middle"]);
    check_stack(&["a 00 low"], &["a 01"], &["a 83 own"], &["a"]);
}

#[test]
fn a_link_may_become_a_key_and_back() {
    for (lower, upper) in [(KeyFlags::SYMLINK, KeyFlags::empty()), (KeyFlags::empty(), KeyFlags::SYMLINK)] {
        let (mut base, mut delta) = (base(&["a", "SymbolicLinkValue=x"]), delta(&["a 03", "v=1"]));
        let (low, up) = (base.find("a").unwrap(), delta.find("a").unwrap());
        base.key_mut(low).flags = lower;
        delta.key_mut(up).flags = upper;
        let expected = format!("[\\a] flags={:x} layer=00", upper.bits());
        let text = text(&merged(&base, &delta));
        assert!(text.contains(&expected), "{text}");
        assert!(!text.contains("SymbolicLinkValue"));
    }
}

#[test]
fn data_of_any_length_replaces_data_of_any_length() {
    let lens = [0, 4, 5, 16_344, 16_345, 40_000];
    for (low, up) in lens.iter().flat_map(|low| lens.iter().map(move |up| (*low, *up))) {
        let (mut base, mut delta) = (base(&["a", "keep=1"]), delta(&["a 80"]));
        let (id, upper) = (base.find("a").unwrap(), delta.find("a").unwrap());
        base.key_mut(id).set_bytes("v", 3, vec![1; low]).unwrap();
        base.key_mut(id).set_bytes("w", 3, vec![2; low]).unwrap();
        delta.key_mut(upper).set_bytes("v", 3, vec![3; up]).unwrap();
        let result = merged(&base, &delta);
        base.key_mut(id).set_bytes("v", 3, vec![3; up]).unwrap();
        assert_eq!(result, written(&&base));
    }
}

#[test]
fn six_hundred_new_subkeys_fit() {
    let names: Vec<String> = (0..600).map(|number| format!("a\\k{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    check(&["a\\k7x", "v=1"], &names, &[&["a\\k7x", "v=1"], &names[..]].concat());
}

#[test]
fn names_match_by_upper_case_and_keep_the_spelling_of_the_base() {
    check(&["Key", "V=1"], &["KEY 80", "v=2"], &["Key", "V=2"]);
    check(&["Key", "V=1"], &["KEY 03", "v=2"], &["KEY", "v=2"]);
    check(&["\u{e4}", "v=1"], &["\u{c4} 80", "w=2"], &["\u{e4}", "v=1", "w=2"]);
    check(&["SS3", "v=1"], &["\u{df}2", "w=2"], &["SS3", "v=1", "\u{df}2", "w=2"]);
}

#[test]
fn the_root_always_merges_and_may_have_values() {
    check(&[".", "a=1", "k"], &[". 03", "b=2"], &[".", "a=1", "b=2", "k"]);
    check(&[".", "a=1", "k"], &[". 01", "a!"], &["k"]);
}

#[test]
fn details_of_a_touched_key_come_from_the_delta() {
    let (mut lower, mut upper) = (base(&["a\\b", "c"]), delta(&["a 80"]));
    for (path, number, is_lower) in [("a", 9_u8, true), ("a\\b", 7, true), ("a", 5, false)] {
        let hive = if is_lower { &mut lower } else { &mut upper };
        let id = hive.find(path).unwrap();
        let key = hive.key_mut(id);
        key.last_written = FileTime::from_raw(number.into());
        (key.access_bits, key.user_flags) = (number, number);
        key.security = vec![number; 20].into();
    }
    let text = text(&merged(&lower, &upper));
    let sd = |byte: &str| byte.repeat(20);
    assert!(
        text.contains(&format!(
            "[\\a] flags=0 layer=00 user=05 access=00 written=9 class= sd={}\n",
            sd("05")
        ))
    );
    assert!(text.contains(&format!(
        "[\\a\\b] flags=0 layer=00 user=07 access=07 written=7 class= sd={}\n",
        sd("07")
    )));
}

#[test]
fn hives_of_length_0_add_nothing() {
    let mut lower = base(&[".", "v=1", "a"]);
    let root = lower.root_id();
    lower.key_mut(root).security = vec![1; 20].into();
    let mut out = Vec::new();
    merge_files(&written(&&lower), &[], &mut out).unwrap();
    assert_eq!(out, written(&&lower));
    out.clear();
    merge_files(&[], &written(&&delta(&["a 80", "v=1", "b 01"])), &mut out).unwrap();
    assert_eq!(text(&out), dumped(&&base(&["a", "v=1"])));
    out.clear();
    merge_files(&[], &[], &mut out).unwrap();
    assert_eq!(text(&out), dumped(&&base(&[])));
    assert_eq!(merged(&base(&["a"]), &delta(&[])), written(&&base(&["a"])), "an empty delta has only a root");
}

#[test]
fn a_layered_base_is_refused() {
    let file = written(&&delta(&["a 01"]));
    let error = merge_files(&file, &file, std::io::sink()).unwrap_err();
    assert_eq!(error.kind(), HiveErrorKind::InvalidInput);
}

#[test]
fn bytes_after_the_bins_do_not_matter() {
    let mut upper = written(&&delta(&["a 80", "v=1"]));
    let lower = written(&&base(&["a"]));
    let (mut clean, mut padded) = (Vec::new(), Vec::new());
    merge_files(&lower, &upper, &mut clean).unwrap();
    upper.extend_from_slice(&[0xAB; 9_000]);
    merge_files(&lower, &upper, &mut padded).unwrap();
    assert_eq!(clean, padded);
}

#[test]
fn minor_version_is_that_of_the_base_but_at_least_5() {
    for (minor, expected) in [(3, 5), (5, 5), (6, 6)] {
        let mut lower = base(&["a"]);
        lower.info.minor = minor;
        let (lower, upper) = (&lower, &delta(&["b"]));
        let merged = Merged::new(lower, upper).unwrap();
        assert_eq!(merged.info(), HiveInfo { minor: expected, layered: false });
    }
}

/// Evaluates a stack of deltas without merging hives: each key asks the layers from the top down who decides.
fn top_down(base: &Hive<'static>, deltas: &[&Hive<'static>]) -> Hive<'static> {
    let mut result = Hive::new(HiveInfo::PLAIN);
    let mut layers: Vec<(&Hive<'static>, KeyId)> = vec![(base, base.root_id())];
    layers.extend(deltas.iter().map(|delta| (*delta, delta.root_id())));
    let root = result.root_id();
    evaluate(&layers, true, &mut result, root);
    result
}

/// Fills a key of the result from the layers that have the key, the lowest first.
fn evaluate(layers: &[(&Hive<'static>, KeyId)], is_root: bool, result: &mut Hive<'static>, into: KeyId) {
    let keys: Vec<&Key<'static>> = layers.iter().map(|(hive, id)| hive.key(*id)).collect();
    let semantics = |key: &Key<'_>| if is_root { Semantics::Merge } else { key.layer.semantics() };
    let top = keys[keys.len() - 1];
    let local = keys.iter().rposition(|key| semantics(key) != Semantics::Merge).unwrap_or(0);
    let tree = keys.iter().rposition(|key| semantics(key) == Semantics::SupersedeTree).unwrap_or(0);

    let class = keys.iter().rev().find(|key| !key.layer.inherits_class());
    let times = keys[local..].iter().map(|key| key.last_written);
    let target = result.key_mut(into);
    target.class = class.map(|key| key.class.clone()).unwrap_or_default();
    target.last_written = times.max().unwrap();
    target.flags = top.flags;
    target.user_flags = top.user_flags;
    target.security = top.security.clone();
    let untouched = keys.len() == 1 && !layers[0].0.info.layered;
    target.access_bits = if untouched { top.access_bits } else { 0 };

    let mut shown: Vec<Value<'static>> = Vec::new();
    for value in keys[local..].iter().flat_map(|key| key.values()) {
        let same = shown.iter().position(|old| old.name.folded_cmp(&value.name).is_eq());
        match (same, value.tombstone) {
            (Some(at), true) => drop(shown.remove(at)),
            (Some(at), false) => shown[at] = Value { name: shown[at].name.clone(), ..value.clone() },
            (None, true) => {}
            (None, false) => shown.push(value.clone()),
        }
    }
    shown.into_iter().for_each(|value| result.key_mut(into).set(value).unwrap());
    evaluate_subkeys(&layers[tree..], result, into);
}

fn evaluate_subkeys(layers: &[(&Hive<'static>, KeyId)], result: &mut Hive<'static>, into: KeyId) {
    let mut names: Vec<Name<'static>> = Vec::new();
    for (hive, id) in layers {
        for subkey in hive.key(*id).subkeys() {
            let name = hive.key(*subkey).name();
            if !names.iter().any(|known| known.folded_cmp(name).is_eq()) {
                names.push(name.clone());
            }
        }
    }
    for name in names {
        let with: Vec<(&Hive<'static>, KeyId)> =
            layers.iter().filter_map(|&(hive, id)| Some((hive, hive.subkey(id, &name)?))).collect();
        let semantics = |(hive, id): &(&Hive<'static>, KeyId)| hive.key(*id).layer.semantics();
        let dead = with.iter().rposition(|layer| semantics(layer) == Semantics::Tombstone);
        let alive = &with[dead.map_or(0, |at| at + 1)..];
        if alive.is_empty() {
            continue;
        }
        let spelled =
            alive.iter().rposition(|layer| semantics(layer) == Semantics::SupersedeTree).unwrap_or(0);
        let spelling = alive[spelled].0.key(alive[spelled].1).name().clone();
        let below = result.add(into, spelling).unwrap();
        evaluate(alive, false, result, below);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn two_merges_equal_the_stack(
        lower in random_hive(HiveInfo::PLAIN),
        middle in random_hive(HiveInfo::DELTA),
        upper in random_hive(HiveInfo::DELTA),
    ) {
        let first = merged(&lower, &middle);
        prop_assert_eq!(text(&first), dumped(&&top_down(&lower, &[&middle])));
        let view = HiveView::open(&first).unwrap();
        let second = Merged::new(view, &upper).unwrap();
        prop_assert_eq!(dumped(&second), dumped(&&top_down(&lower, &[&middle, &upper])));
        let again = Merged::new(view, &middle).unwrap();
        prop_assert_eq!(written(&again), first, "the same delta again changes nothing");
    }

    #[test]
    fn an_empty_delta_changes_nothing(lower in random_hive(HiveInfo::PLAIN)) {
        let empty = Hive::new(HiveInfo::DELTA);
        prop_assert_eq!(merged(&lower, &empty), written(&&lower));
        prop_assert_eq!(lower.key(lower.root_id()).security.as_ref(), default_security());
        prop_assert_eq!(Data::new(&[][..]).len(), 0);
    }
}
