//! What the tests of this folder share: hives at random, and short ways to text and bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Data, Hive, HiveInfo, Key, KeyFlags, KeyId, Layer, Source, Value, dump, write};
use crate::cim::FileTime;

/// Returns a hive file.
pub(super) fn written<'s, S: Source<'s>>(source: &S) -> Vec<u8> {
    let mut file = Vec::new();
    write(source, &mut file).unwrap();
    file
}

/// Returns the canonical text.
pub(super) fn dumped<'s, S: Source<'s>>(source: &S) -> String {
    let mut text = Vec::new();
    dump(source, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// Where a key or value at random comes to lie, and what it holds.
#[derive(Clone, Debug)]
struct Edit {
    path: Vec<&'static str>,
    layer: u8,
    numbers: (u64, u8, u8),
    class: Option<&'static str>,
    values: Vec<(&'static str, Content)>,
}

/// Type and data of a value; none for a tombstone.
type Content = Option<(u32, Vec<u8>)>;

/// Few names, so that random hives meet; they include pairs that differ in case.
const NAMES: [&str; 7] = ["a", "A", "b", "Key", "kEY", "\u{df}2", "\u{100}"];

fn edit() -> impl Strategy<Value = Edit> {
    let name = || prop::sample::select(&NAMES[..]);
    let len = prop_oneof![8 => 0..9_usize, 1 => 16_340..16_350_usize, 1 => Just(40_000_usize)];
    let data = (any::<u32>(), len, any::<u8>()).prop_map(|(kind, len, byte)| (kind, vec![byte; len]));
    let value = (
        prop::sample::select(&["", "v", "V", "w", "\u{e4}", "\u{c4}"][..]),
        prop::option::weighted(0.8, data),
    );
    let layer = prop::sample::select(&[0_u8, 0, 0x80, 0x80, 0x80, 1, 2, 3, 0x82, 0x83][..]);
    let numbers = (0..5_u64, any::<u8>(), 1..4_u8);
    (
        vec(name(), 1..5),
        layer,
        numbers,
        prop::option::of(prop::sample::select(&["c1", "c2"][..])),
        vec(value, 0..4),
    )
        .prop_map(|(path, layer, numbers, class, values)| Edit { path, layer, numbers, class, values })
}

fn apply(hive: &mut Hive<'static>, edit: Edit) {
    let layered = hive.info.layered;
    let id: KeyId = hive.ensure(&edit.path.join("\\")).unwrap();
    let key: &mut Key<'static> = hive.key_mut(id);
    let (time, bits, descriptor) = edit.numbers;
    key.layer = Layer::from_raw(if layered { edit.layer } else { 0 });
    key.flags = KeyFlags::from_bits_truncate(u16::from(bits) << 2);
    key.last_written = FileTime::from_raw(time);
    (key.access_bits, key.user_flags) = (bits & 3, bits);
    key.security = vec![descriptor; 20].into();
    edit.class.into_iter().for_each(|class| key.set_class(class));
    for (name, data) in edit.values {
        match data {
            Some((kind, data)) => key.set(Value::new(name, kind, Data::new(data))).unwrap(),
            None if layered => key.set(Value::tombstone(name)).unwrap(),
            None => {}
        }
    }
}

/// Makes hives of up to twelve keys with what a hive of this kind can hold.
pub(super) fn random_hive(info: HiveInfo) -> impl Strategy<Value = Hive<'static>> {
    vec(edit(), 0..12).prop_map(move |edits| {
        let mut hive = Hive::new(info);
        edits.into_iter().for_each(|edit| apply(&mut hive, edit));
        hive
    })
}
