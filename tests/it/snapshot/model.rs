//! Random verbs beside a model of the contract, and random verbs of many threads.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use cimsnap::snapshot::{Code, Info, Labels, NewSnapshot, Snapshots};
use cimsnap::store::Kind;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::root::{Root, open, whole};
use super::{code, fill, layer, new, row, target, to};

const KEYS: &[&str] = &["a", "b", "extract-1 c", "extract-2 d", "e", "f"];

#[derive(Clone, Debug)]
enum Verb {
    Prepare(usize, Option<usize>),
    View(usize, Option<usize>),
    Fill(usize, u8),
    Commit(usize, usize, Option<usize>),
    Remove(usize),
    Label(usize, u8),
    Mounts(usize),
    Cleanup,
    Restart,
}

fn verb() -> impl Strategy<Value = Verb> {
    let key = || 0..KEYS.len();
    let parent = || proptest::option::weighted(0.6, 0..KEYS.len());
    prop_oneof![
        4 => (key(), parent()).prop_map(|(key, parent)| Verb::Prepare(key, parent)),
        2 => (key(), parent()).prop_map(|(key, parent)| Verb::View(key, parent)),
        4 => (key(), any::<u8>()).prop_map(|(key, data)| Verb::Fill(key, data % 4)),
        6 => (key(), key(), parent()).prop_map(|(key, name, parent)| Verb::Commit(key, name, parent)),
        3 => key().prop_map(Verb::Remove),
        2 => (key(), any::<u8>()).prop_map(|(key, value)| Verb::Label(key, value % 3)),
        2 => key().prop_map(Verb::Mounts),
        1 => Just(Verb::Cleanup),
        1 => Just(Verb::Restart),
    ]
}

/// What the contract says of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    kind: Kind,
    parent: String,
    labels: Labels,
}

/// All snapshots, and what of them is not told.
#[derive(Default)]
struct Model {
    known: BTreeMap<String, Known>,
    /// Those that have got a layer.
    filled: BTreeSet<String>,
    /// Those that were prepared before the last restart.
    old: BTreeSet<String>,
}

impl Model {
    fn insert(&mut self, key: &str, known: Known) {
        self.known.insert(key.to_owned(), known);
    }

    fn remove(&mut self, key: &str) {
        self.known.remove(key);
        self.filled.remove(key);
        self.old.remove(key);
    }

    /// Whether a crash may have taken the layer of a snapshot that was to get one.
    fn misses_its_layer(&self, key: &str) -> bool {
        key.starts_with("extract-") && self.old.contains(key) && !self.filled.contains(key)
    }
}

fn labels(value: u8) -> Labels {
    let values = [("x".to_owned(), value.to_string()), ("empty".to_owned(), String::new())];
    values.into_iter().take(usize::from(value)).collect()
}

fn without_empty(mut labels: Labels) -> Labels {
    labels.retain(|_, value| !value.is_empty());
    labels
}

fn make(model: &mut Model, key: &str, parent: &str, kind: Kind, labels: Labels) -> Option<Code> {
    match model.known.get(parent) {
        None if !parent.is_empty() => return Some(Code::NotFound),
        Some(known) if known.kind != Kind::Committed => return Some(Code::InvalidArgument),
        _ => {}
    }
    if model.known.contains_key(key) {
        return Some(Code::AlreadyExists);
    }
    let labels = without_empty(labels);
    model.insert(key, Known { kind, parent: parent.to_owned(), labels });
    None
}

fn commit(model: &mut Model, key: &str, name: &str, parent: &str) -> Option<Code> {
    if model.known.contains_key(name) {
        return Some(Code::AlreadyExists);
    }
    let Some(known) = model.known.get(key) else { return Some(Code::NotFound) };
    if known.kind != Kind::Active {
        return Some(Code::FailedPrecondition);
    }
    if !parent.is_empty() && !known.parent.is_empty() && parent != known.parent {
        return Some(Code::InvalidArgument);
    }
    let parent = if known.parent.is_empty() { parent.to_owned() } else { known.parent.clone() };
    match model.known.get(&parent) {
        None if !parent.is_empty() => return Some(Code::NotFound),
        Some(known) if known.kind != Kind::Committed => return Some(Code::FailedPrecondition),
        _ => {}
    }
    if model.misses_its_layer(key) {
        return Some(Code::FailedPrecondition);
    }
    model.remove(key);
    model.insert(name, Known { kind: Kind::Committed, parent, labels: Labels::new() });
    None
}

fn remove(model: &mut Model, key: &str) -> Option<Code> {
    if !model.known.contains_key(key) {
        return Some(Code::NotFound);
    }
    if model.known.values().any(|known| known.parent == key) {
        return Some(Code::FailedPrecondition);
    }
    model.remove(key);
    None
}

fn parent(index: Option<usize>) -> &'static str {
    index.map_or("", |index| KEYS[index])
}

/// Does a verb to the snapshots and to the model, and compares the answers.
fn step(root: &Root, all: &mut Option<Snapshots>, model: &mut Model, verb: &Verb) {
    if matches!(verb, Verb::Restart) {
        *all = None;
        *all = Some(open(root.path()));
        model.old = model.known.keys().cloned().collect();
        return;
    }
    let all = all.as_ref().unwrap();
    let (got, expected) = match *verb {
        Verb::Prepare(key, index) => {
            let new = NewSnapshot { labels: labels(2), ..new(KEYS[key], parent(index)) };
            (code(all.prepare(new)), make(model, KEYS[key], parent(index), Kind::Active, labels(2)))
        }
        Verb::View(key, index) => {
            let got = code(all.view(new(KEYS[key], parent(index))));
            (got, make(model, KEYS[key], parent(index), Kind::View, Labels::new()))
        }
        Verb::Fill(key, data) => match row(all, KEYS[key]).filter(|row| row.kind == Kind::Active) {
            Some(_) => {
                model.filled.insert(KEYS[key].to_owned());
                (code(fill(all, &target(all, KEYS[key]), &layer(&data.to_string()))), None)
            }
            None => (None, None),
        },
        Verb::Commit(key, name, index) => {
            let mut request = to(KEYS[key], KEYS[name]);
            request.parent = parent(index).to_owned();
            (code(all.commit(&request)), commit(model, KEYS[key], KEYS[name], parent(index)))
        }
        Verb::Remove(key) => (code(all.remove(KEYS[key])), remove(model, KEYS[key])),
        Verb::Label(key, value) => {
            let expected =
                model.known.get_mut(KEYS[key]).map(|known| known.labels = without_empty(labels(value)));
            let got = code(all.update(KEYS[key], &labels(value), &[]));
            (got, expected.is_none().then_some(Code::NotFound))
        }
        Verb::Mounts(key) => {
            let expected = match model.known.get(KEYS[key]).map(|known| known.kind) {
                None => Some(Code::NotFound),
                Some(Kind::Committed) => Some(Code::FailedPrecondition),
                Some(_) => None,
            };
            (code(all.mounts(KEYS[key])), expected)
        }
        Verb::Cleanup => (code(all.cleanup()), None),
        Verb::Restart => unreachable!(),
    };
    assert_eq!(got, expected, "{verb:?}");
}

fn listed(all: &Snapshots) -> BTreeMap<String, Known> {
    let known = |info: Info| {
        let Info { name, parent, kind, labels, .. } = info;
        (name, Known { kind, parent, labels })
    };
    all.list(&[]).unwrap().into_iter().map(known).collect()
}

/// Does verbs to fresh snapshots, and looks after each.
fn run(verbs: &[Verb]) {
    let root = Root::new();
    let mut all = Some(open(root.path()));
    let mut model = Model::default();
    for verb in verbs {
        step(&root, &mut all, &mut model, verb);
        assert_eq!(listed(all.as_ref().unwrap()), model.known, "after {verb:?}");
    }
    drop(all);
    whole(root.path());
}

#[test]
fn snapshots_do_what_the_contract_says() {
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let verbs = proptest::collection::vec(verb(), 1..40);
    runner
        .run(&verbs, |verbs| {
            run(&verbs);
            Ok(())
        })
        .unwrap();
}

#[test]
fn only_what_has_got_a_layer_becomes_one_after_a_restart() {
    for filled in [false, true] {
        for key in ["a", "extract-1 c"].map(|key| KEYS.iter().position(|known| *known == key).unwrap()) {
            let mut verbs = vec![Verb::Prepare(key, None), Verb::Restart, Verb::Commit(key, 5, None)];
            if filled {
                verbs.insert(1, Verb::Fill(key, 0));
            }
            run(&verbs);
        }
    }
}

/// Numbers that look random, and are the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap() % bound
    }
}

#[test]
fn threads_that_do_anything_leave_a_whole_root() {
    let root = Root::new();
    let all = open(root.path());
    thread::scope(|scope| {
        for seed in 1..=6 {
            let all = &all;
            scope.spawn(move || {
                let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 ^ seed);
                (0..600).for_each(|_| anything(all, &mut numbers));
            });
        }
    });
    drop(all);
    whole(root.path());
}

fn anything(all: &Snapshots, numbers: &mut Numbers) {
    let (key, other) = (KEYS[numbers.below(KEYS.len())], KEYS[numbers.below(KEYS.len())]);
    let parent = if numbers.below(2) == 0 { "" } else { other };
    let verb = numbers.below(9);
    let failed = match verb {
        0 | 1 => all.prepare(new(key, parent)).err(),
        2 => all.view(new(key, parent)).err(),
        3 => row(all, key).and_then(|row| {
            let target = cimsnap::snapshot::Extraction { key: key.to_owned(), row, namespace: None };
            fill(all, &target, &layer(&numbers.below(4).to_string())).err()
        }),
        4 | 5 => all.commit(&to(key, other)).err(),
        6 => all.remove(key).err(),
        7 => all.mounts(key).err(),
        _ => all.cleanup().err(),
    };
    if let Some(error) = failed {
        let text = super::hostile::chain(&error);
        assert!(!matches!(error.code(), Code::Internal | Code::ResourceExhausted), "verb {verb}: {text}");
    }
}
