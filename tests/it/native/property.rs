//! Whatever layers say, in whatever order: both engines make the same of them, or refuse them.

use proptest::prelude::*;

use super::Twins;
use crate::import::registry::base;
use crate::import::tars::Tar;

/// An entry of a layer, among few names so that entries meet.
#[derive(Clone, Debug)]
enum Entry {
    Directory(String),
    File(String, String),
    Stream(String, String),
    Whiteout(String, String),
    Opaque(String),
    Link(String, String),
    Symlink(String, String),
}

fn name() -> impl Strategy<Value = String> + Clone {
    prop::sample::select(vec!["a", "b", "B", "c"]).prop_map(str::to_owned)
}

fn place() -> impl Strategy<Value = String> + Clone {
    prop::collection::vec(name(), 1..4).prop_map(|names| format!("Files/{}", names.join("/")))
}

fn entry() -> impl Strategy<Value = Entry> {
    let text = "[xyz]{0,3}";
    let parent = prop_oneof![place(), Just("Files".to_owned())];
    prop_oneof![
        3 => place().prop_map(Entry::Directory),
        6 => (place(), text).prop_map(|(path, data)| Entry::File(path, data)),
        1 => (place(), text).prop_map(|(path, data)| Entry::Stream(path, data)),
        3 => (parent.clone(), name()).prop_map(|(parent, name)| Entry::Whiteout(parent, name)),
        1 => parent.prop_map(Entry::Opaque),
        1 => (place(), place()).prop_map(|(new, existing)| Entry::Link(new, existing)),
        1 => (place(), name()).prop_map(|(new, target)| Entry::Symlink(new, target)),
    ]
}

fn add(tar: Tar, entry: &Entry) -> Tar {
    match entry {
        Entry::Directory(path) => tar.dir(path),
        Entry::File(path, data) => tar.file(path, data),
        Entry::Stream(path, data) => tar.file(path, data).file(&format!("{path}:side"), data),
        Entry::Whiteout(parent, name) => tar.whiteout(&format!("{parent}/.wh.{name}")),
        Entry::Opaque(parent) => tar.whiteout(&format!("{parent}/.wh..wh..opq")),
        Entry::Link(new, existing) => tar.link(new, existing),
        Entry::Symlink(new, target) => tar.symlink(new, target),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_engines_agree(layers in prop::collection::vec(prop::collection::vec(entry(), 1..14), 1..5)) {
        let mut twins = Twins::new();
        for (number, layer) in layers.iter().enumerate() {
            let first = if number == 0 { base() } else { Tar::new() };
            // A refusal of both is an agreement too; what comes next lies over what was taken before.
            if twins.add(&layer.iter().fold(first, add).bytes()).is_ok() {
                twins.assert_same();
            } else if number == 0 {
                twins.add(&base().bytes()).unwrap();
            }
        }
    }
}
