//! Registry hives, and changes of them.

use cimsnap::cim::FileTime;
use cimsnap::layer::hive::{Data, Hive, HiveInfo, Key, KeyFlags, KeyId, Layer, Value, write};

use crate::generator::names::SCRIPTS;
use crate::generator::random::Random;
use crate::generator::synthetic;

/// Types of values: text, numbers, and others that no documentation knows.
const KINDS: [u32; 8] = [1, 2, 3, 4, 7, 11, 0xFFFF_0011, 0x0002_0004];

/// The longest data that lies in one cell, and what is longer.
const LARGE: [usize; 3] = [16_344, 16_345, 40_000];

/// How many keys a hive has beside others.
#[derive(Clone, Copy)]
pub(super) enum Size {
    Large,
    Small,
}

impl Size {
    pub(super) fn keys(self, keys: u64) -> u64 {
        match self {
            Self::Large => keys,
            Self::Small => (keys / 10).max(12),
        }
    }
}

/// Makes a hive of so many keys.
pub(super) fn base(random: &mut Random, keys: u64) -> Vec<u8> {
    let mut hive = Hive::new(HiveInfo::PLAIN);
    for number in 0..keys {
        let id = ensure(&mut hive, &path(number));
        fill(random, hive.key_mut(id));
    }
    let root = hive.root_id();
    fill(random, hive.key_mut(root));
    bytes(&hive)
}

/// The path of a key: forty in a group, which have names in all scripts.
fn path(number: u64) -> String {
    let script = SCRIPTS[number as usize % SCRIPTS.len()];
    let top = ["ControlSet001", "Classes", "Microsoft\\Windows"][number as usize % 3];
    format!("{top}\\Group {}\\Key {number} {script}", number / 40)
}

fn fill(random: &mut Random, key: &mut Key<'_>) {
    key.last_written = FileTime::from_raw(132_000_000_000_000_000 + random.below(1 << 50));
    if random.percent(3) {
        key.set_class("class of the key");
    }
    for number in 0..random.below(5) {
        let name = if number == 0 { String::new() } else { format!("Value {number}") };
        let data = match random.percent(1) {
            true => synthetic::text(*random.pick(&LARGE), random.next()),
            false => {
                let len = random.index(40);
                random.bytes(len)
            }
        };
        set(key, &name, *random.pick(&KINDS), data);
    }
}

fn set(key: &mut Key<'_>, name: &str, kind: u32, data: Vec<u8>) {
    key.set(Value::new(name, kind, Data::new(data))).expect("a valid value");
}

/// Makes changes over a hive of at least that many keys; what they say of keys that are not there is allowed too.
pub(super) fn delta(random: &mut Random, keys: u64) -> Vec<u8> {
    let mut hive = Hive::new(HiveInfo::DELTA);
    for number in (0..keys).step_by(3) {
        let id = touched(&mut hive, &path(number));
        change(random, hive.key_mut(id), number / 3);
    }
    let id = ensure(&mut hive, "New in this layer\\Below it");
    fill(random, hive.key_mut(id));
    bytes(&hive)
}

/// Returns a key that exists in the hive below, as do all keys that lead to it.
fn touched(hive: &mut Hive<'static>, path: &str) -> KeyId {
    let ends = path.match_indices('\\').map(|(end, _)| end).chain([path.len()]);
    for end in ends.collect::<Vec<_>>() {
        let id = ensure(hive, &path[..end]);
        hive.key_mut(id).layer = Layer::MERGE.inheriting_class();
    }
    ensure(hive, path)
}

fn change(random: &mut Random, key: &mut Key<'_>, number: u64) {
    match number % 6 {
        0 => {
            key.layer = Layer::TOMBSTONE;
            return;
        }
        1 => key.layer = Layer::SUPERSEDE_TREE,
        2 => key.layer = Layer::SUPERSEDE_LOCAL.inheriting_class(),
        3 => key.set(Value::tombstone("Value 1")).expect("a valid value"),
        4 => key.flags = KeyFlags::SYMLINK,
        _ => {}
    }
    fill(random, key);
    set(key, "Changed", 4, number.to_le_bytes()[..4].to_vec());
}

fn ensure(hive: &mut Hive<'static>, path: &str) -> KeyId {
    hive.ensure(path).expect("a valid path")
}

fn bytes(hive: &Hive<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&hive, &mut bytes).expect("a hive that can be written");
    bytes
}
