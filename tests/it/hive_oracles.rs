//! Hives that this library writes, as independent readers see them; and one that an independent writer edits.
//!
//! hivex is the strictest reader at hand but knows no tombstones, so it judges merged hives only. reglookup,
//! python-registry and libregf read deltas too. None of them knows layers: they see layered keys as plain keys, and
//! value tombstones as empty values without a type.

#![expect(clippy::unwrap_used, reason = "what a test cannot do without, it fails without")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use cimsnap::cim::FileTime;
use cimsnap::layer::hive::{
    Data, Hive, HiveInfo, HiveView, KeyFlags, Layer, Merged, Source, Value, merge_files, write,
};

const SETUP: &str = "run tests/setup/hive-oracles.sh, which installs what this test compares with";

/// The interpreter that Debian's modules belong to.
const PYTHON: &str = "/usr/bin/python3";

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; {SETUP}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}; if something is missing, {SETUP}");
    output
}

fn lines(output: Output) -> BTreeSet<String> {
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns what one of the readers that Python can load finds.
fn seen_by(reader: &str, file: &Path) -> BTreeSet<String> {
    let script = project().join("tests/it/hive_oracles.py");
    let modules = project().join("target/oracles/python");
    let mut python = Command::new(PYTHON);
    python.env("PYTHONPATH", modules).env("PYTHONIOENCODING", "utf-8");
    lines(run(python.arg("-B").arg(script).arg(reader).arg(file)))
}

/// Returns what this library finds, in the same words.
fn seen_by_us(file: &Path, with_times: bool) -> BTreeSet<String> {
    let bytes = std::fs::read(file).unwrap();
    let view = HiveView::open(&bytes).unwrap();
    let mut found = BTreeSet::new();
    let mut pending = vec![(String::new(), view.root().unwrap())];
    while let Some((path, key)) = pending.pop() {
        let time = view.node(key).unwrap().last_written.raw().to_string();
        found.insert(format!("key [{path}] {}", if with_times { &time } else { "-" }));
        for Value { name, kind, data, .. } in view.values(key).unwrap() {
            let hex: String = data.to_vec().iter().map(|byte| format!("{byte:02x}")).collect();
            found.insert(format!("value [{path}] \"{name}\" {kind:x} {hex}"));
        }
        for subkey in view.subkeys(key).unwrap() {
            pending.push((format!("{path}\\{}", view.name(subkey).unwrap()), subkey));
        }
    }
    found
}

#[track_caller]
fn assert_same(reader: &str, theirs: &BTreeSet<String>, ours: &BTreeSet<String>) {
    let missing: Vec<_> = ours.difference(theirs).take(5).map(|line| short(line)).collect();
    let added: Vec<_> = theirs.difference(ours).take(5).map(|line| short(line)).collect();
    assert!(missing.is_empty() && added.is_empty(), "{reader} misses {missing:?} and adds {added:?}");
}

/// Cuts a line down to what a failure should show.
fn short(line: &str) -> String {
    let shown: String = line.chars().take(100).collect();
    format!("{shown} ({} characters)", line.len())
}

#[track_caller]
fn check(reader: &str, file: &Path) {
    let with_times = reader != "python-registry";
    let (mut theirs, mut ours) = (seen_by(reader, file), seen_by_us(file, with_times));
    if reader == "libregf" {
        // It misreads one to three bytes that lie in the value itself.
        let is_tiny = |line: &String| line.rsplit(' ').next().is_some_and(|hex| (2..=6).contains(&hex.len()));
        theirs.retain(|line| line.starts_with("key") || !is_tiny(line));
        ours.retain(|line| line.starts_with("key") || !is_tiny(line));
    }
    assert_same(reader, &theirs, &ours);
}

/// Data of a length, different for each.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at * 7 + len) % 251).unwrap()).collect()
}

/// Makes a base with a bit of everything.
fn base() -> Hive<'static> {
    let mut hive = Hive::new(HiveInfo::PLAIN);
    for number in 0..1_100 {
        let id = hive.ensure(&format!("Many\\key {number}")).unwrap();
        let key = hive.key_mut(id);
        key.last_written = FileTime::from_raw(133_000_000_000_000_000 + number);
        key.security = bytes(60 + usize::try_from(number % 3).unwrap()).into();
        key.set_bytes("number", 4, u32::try_from(number).unwrap().to_le_bytes().to_vec()).unwrap();
    }
    let id = hive.ensure("Data").unwrap();
    for len in [0, 1, 4, 5, 16_343, 16_344, 16_345, 16_348, 32_688, 32_700, 40_000] {
        hive.key_mut(id).set_bytes(format!("len {len}").as_str(), 3, bytes(len)).unwrap();
    }
    hive.key_mut(id).set_bytes("", 1, b"d\0e\0f\0\0\0".to_vec()).unwrap();
    hive.key_mut(id).set_class("A class");
    for name in ["Gr\u{fc}\u{df}e", "\u{4f60}\u{597d}", "\u{430}\u{431}", "Old\\Sub\\Deep", "Link"] {
        let id = hive.ensure(name).unwrap();
        hive.key_mut(id).set_bytes("\u{e9}\u{20ac}", 1, bytes(9)).unwrap();
    }
    let link = hive.find("Link").unwrap();
    hive.key_mut(link).flags = KeyFlags::SYMLINK;
    hive
}

/// Makes a delta that uses all that deltas can.
fn delta() -> Hive<'static> {
    let mut hive = Hive::new(HiveInfo::DELTA);
    for (path, layer) in [
        ("Many", Layer::MERGE.inheriting_class()),
        ("Many\\KEY 7", Layer::MERGE.inheriting_class()),
        ("Many\\key 8", Layer::TOMBSTONE),
        ("Data", Layer::MERGE.inheriting_class()),
        ("Old", Layer::SUPERSEDE_TREE.inheriting_class()),
        ("Old\\New", Layer::SUPERSEDE_TREE),
        ("Link", Layer::SUPERSEDE_LOCAL),
        ("Fresh\\Key", Layer::MERGE),
    ] {
        let id = hive.ensure(path).unwrap();
        hive.key_mut(id).layer = layer;
        if layer != Layer::TOMBSTONE {
            hive.key_mut(id).set_bytes("new", 3, bytes(20_000)).unwrap();
        }
    }
    let data = hive.find("Data").unwrap();
    hive.key_mut(data).set(Value::tombstone("len 5")).unwrap();
    hive.key_mut(data).set(Value::new("LEN 4", 0xFFFF_0011, Data::new(bytes(50)))).unwrap();
    hive
}

/// A directory with the base, the delta, and what they merge to.
struct Files {
    _directory: tempfile::TempDir,
    base: PathBuf,
    delta: PathBuf,
    merged: PathBuf,
}

fn files() -> Files {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let (mut base_bytes, mut delta_bytes, mut merged) = (Vec::new(), Vec::new(), Vec::new());
    write(&&base(), &mut base_bytes).unwrap();
    write(&&delta(), &mut delta_bytes).unwrap();
    merge_files(&base_bytes, &delta_bytes, &mut merged).unwrap();
    let (base, delta) = (file("base", &base_bytes), file("delta", &delta_bytes));
    Files { base, delta, merged: file("merged", &merged), _directory: directory }
}

#[test]
fn hivex_reads_base_and_merged_hives() {
    let files = files();
    check("hivex", &files.base);
    check("hivex", &files.merged);
}

#[test]
fn hivex_reads_the_minimal_hive() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("minimal");
    write(&&Hive::new(HiveInfo::PLAIN), std::fs::File::create(&file).unwrap()).unwrap();
    for reader in ["hivex", "python-registry", "libregf"] {
        check(reader, &file);
    }
}

#[test]
fn python_registry_reads_all_hives() {
    let files = files();
    for file in [&files.base, &files.delta, &files.merged] {
        check("python-registry", file);
    }
}

#[test]
fn libregf_reads_all_hives() {
    let files = files();
    for file in [&files.base, &files.delta, &files.merged] {
        check("libregf", file);
    }
}

/// reglookup has its own way to write names and data, so only the keys and the number of values are compared.
#[test]
fn reglookup_finds_all_keys_and_values() {
    let files = files();
    for file in [&files.base, &files.delta, &files.merged] {
        let theirs = lines(run(Command::new("reglookup").arg("-H").arg(file)));
        let ours = seen_by_us(file, false);
        let is_key = |line: &&String| line.split(',').nth(1) == Some("KEY");
        let count = |found: &BTreeSet<String>, start: &str| {
            found.iter().filter(|line| line.starts_with(start)).count()
        };
        let shown: Vec<String> = theirs.iter().map(|line| short(line)).take(5).collect();
        assert_eq!(theirs.iter().filter(is_key).count(), count(&ours, "key"), "{shown:?}");
        assert_eq!(theirs.iter().filter(|line| !is_key(line)).count(), count(&ours, "value"));
        for line in ours.iter().filter(|line| line.starts_with("key [\\Many")) {
            let path = line.trim_start_matches("key [").trim_end_matches("] -").replace('\\', "/");
            assert!(theirs.iter().any(|line| line.starts_with(&format!("{path},KEY,"))), "{path}");
        }
    }
}

#[test]
fn what_hivexregedit_changes_is_read_and_merged() {
    let files = files();
    let edits = files.merged.with_extension("reg");
    let text = "Windows Registry Editor Version 5.00\n\n\
        [\\Added]\n\n[\\Added\\Below]\n\"text\"=hex(1):41,00,00,00\n\"number\"=dword:0000002a\n\n\
        [\\Many\\key 9]\n\"number\"=-\n\"other\"=hex:01,02,03,04,05\n\n[-\\Many\\key 10]\n";
    std::fs::write(&edits, text).unwrap();
    let before = seen_by_us(&files.merged, true);
    run(Command::new("hivexregedit").arg("--merge").arg(&files.merged).arg(&edits));
    let after = seen_by_us(&files.merged, true);
    assert_same("hivex", &seen_by("hivex", &files.merged), &after);
    let added: BTreeSet<&str> = after.difference(&before).map(String::as_str).collect();
    for line in [
        "value [\\Added\\Below] \"text\" 1 41000000",
        "value [\\Added\\Below] \"number\" 4 2a000000",
        "value [\\Many\\key 9] \"other\" 3 0102030405",
    ] {
        assert!(added.contains(line), "{added:?}");
    }
    let gone: Vec<&String> =
        before.difference(&after).filter(|line| line.contains("[\\Many\\key 10]")).collect();
    assert_eq!(gone.len(), 2, "the key and its value");

    // The file that hivex wrote is also a base to merge over.
    let bytes = std::fs::read(&files.merged).unwrap();
    let delta = delta();
    let merged = Merged::new(HiveView::open(&bytes).unwrap(), &delta).unwrap();
    let again = files.merged.with_extension("again");
    write(&merged, std::fs::File::create(&again).unwrap()).unwrap();
    check("hivex", &again);
}
