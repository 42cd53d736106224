//! Files that other writers make, files that lie, and files with bytes at random.

use super::*;
use crate::layer::hive::format::{BaseBlock, KEY_PREDEFINED, NIL};
use crate::layer::hive::testing::{dumped, random_hive, written};
use crate::layer::hive::{Hive, HiveErrorKind, HiveInfo, Layer, Merged, merge_files};
use proptest::prelude::*;

/// A hive file to damage.
struct File(Vec<u8>);

impl File {
    fn of(hive: &Hive<'_>) -> Self {
        Self(written(&hive))
    }

    /// Makes a file of empty keys.
    fn with_keys(paths: &[&str]) -> Self {
        let mut hive = Hive::new(HiveInfo::PLAIN);
        for path in paths {
            hive.ensure(path).unwrap();
        }
        Self::of(&hive)
    }

    fn view(&self) -> HiveView<'_> {
        HiveView::open(&self.0).unwrap()
    }

    /// Returns where the node of a key is in the file.
    fn key(&self, path: &str) -> usize {
        let view = self.view();
        let start = view.root().unwrap();
        let names = path.split('\\').filter(|name| !name.is_empty());
        let found = names.fold(start, |at, name| {
            let subkeys = view.subkeys(at).unwrap();
            *subkeys.iter().find(|subkey| view.name(**subkey).unwrap() == Name::from(name)).unwrap()
        });
        in_file(found.0)
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.0[at..at + 4].try_into().unwrap())
    }

    fn set(&mut self, at: usize, word: u32) {
        self.0[at..at + 4].copy_from_slice(&word.to_le_bytes());
    }

    /// Returns where the subkey list of a key is in the file.
    fn list(&self, path: &str) -> usize {
        in_file(self.word(self.key(path) + 28))
    }

    /// Returns where a value of a key is in the file.
    fn value(&self, path: &str, index: usize) -> usize {
        in_file(self.word(in_file(self.word(self.key(path) + 40)) + 4 * index))
    }

    fn seal(&mut self) {
        if let Ok((block, _)) = BaseBlock::mut_from_prefix(&mut self.0) {
            block.checksum = block.computed_checksum().into();
        }
    }

    #[track_caller]
    fn refused(mut self, message: &str) {
        self.seal();
        let error = HiveView::open(&self.0).expect_err("the file lies");
        assert_eq!(error.kind(), HiveErrorKind::Corrupt);
        assert!(error.to_string().contains(message), "{error}");
    }
}

fn in_file(cell: u32) -> usize {
    4096 + 4 + usize::try_from(cell).unwrap()
}

fn kind_of(file: &[u8]) -> HiveErrorKind {
    HiveView::open(file).expect_err("the file is refused").kind()
}

#[test]
fn header_is_checked() {
    let good = File::with_keys(&[]).0;
    assert_eq!(kind_of(b"regf"), HiveErrorKind::Corrupt);
    assert_eq!(kind_of(&vec![0; 8192]), HiveErrorKind::Corrupt);
    assert_eq!(kind_of(&good[..good.len() - 1]), HiveErrorKind::Corrupt);
    for (at, value, kind) in [
        (20, 2, HiveErrorKind::Unsupported),
        (24, 2, HiveErrorKind::Unsupported),
        (24, 7, HiveErrorKind::Unsupported),
        (28, 6, HiveErrorKind::Unsupported),
        (36, 0x24, HiveErrorKind::Corrupt),
        (36, NIL, HiveErrorKind::Corrupt),
        (40, 0, HiveErrorKind::Corrupt),
        (40, 0x1001, HiveErrorKind::Corrupt),
        (40, 0x2000, HiveErrorKind::Corrupt),
    ] {
        let mut file = File(good.clone());
        file.set(at, value);
        file.seal();
        assert_eq!(kind_of(&file.0), kind, "{value:#x} at {at}");
    }
}

#[test]
fn dirty_files_are_refused() {
    let mut file = File::with_keys(&[]);
    file.set(8, 2);
    assert_eq!(kind_of(&file.0), HiveErrorKind::Dirty, "the checksum is wrong");
    file.seal();
    assert_eq!(kind_of(&file.0), HiveErrorKind::Dirty, "the sequence numbers differ");
    let clean = File::with_keys(&[]);
    assert_eq!(merge_files(&clean.0, &file.0, std::io::sink()).unwrap_err().kind(), HiveErrorKind::Dirty);
}

#[test]
fn bins_and_cells_must_tile() {
    for (at, value, message) in [
        (4096, 0, "hive at 0x1000: the magic of a bin"),
        (4096 + 4, 0x1000, "offset of a bin is 0x1000, not 0x0"),
        (4096 + 8, 0, "size of a bin"),
        (4096 + 8, 0x2000, "size of a bin"),
        (4096 + 32, 0, "hive at 0x1020: size of a cell"),
        (4096 + 32, 12, "size of a cell"),
        (4096 + 32, 0x8000_0000, "size of a cell"),
    ] {
        let mut file = File::with_keys(&[]);
        file.set(at, value);
        file.refused(message);
    }
}

#[test]
fn each_cell_has_one_user() {
    let keys = ["a\\x", "b\\y"];
    // A child that is the root; the same child twice; a pointer into a cell; a list that belongs to another key.
    let mut cycle = File::with_keys(&keys);
    let at = cycle.list("a") + 4;
    cycle.set(at, 0x20);
    cycle.refused("used twice");
    let mut twice = File::with_keys(&keys);
    let list = twice.list("");
    let first = twice.word(list + 4);
    twice.set(list + 12, first);
    twice.refused("used twice");
    let mut inside = File::with_keys(&keys);
    let list = inside.list("");
    let first = inside.word(list + 4);
    inside.set(list + 4, first + 8);
    inside.refused("no allocated cell starts here");
    let mut shared = File::with_keys(&keys);
    let list = shared.word(shared.key("a") + 28);
    let at = shared.key("b") + 28;
    shared.set(at, list);
    shared.refused("used twice");
}

#[test]
fn data_has_one_user() {
    let mut hive = Hive::new(HiveInfo::PLAIN);
    let root = hive.root_id();
    hive.key_mut(root).set_bytes("a", 3, vec![1; 100]).unwrap();
    hive.key_mut(root).set_bytes("b", 3, vec![1; 100]).unwrap();
    let mut file = File::of(&hive);
    let data = file.word(file.value("", 0) + 8);
    let at = file.value("", 1) + 8;
    file.set(at, data);
    file.refused("used twice");
}

#[test]
fn free_cells_are_nobodys() {
    let mut file = File::with_keys(&["a"]);
    let size = file.key("a") - 4;
    let freed = file.word(size).wrapping_neg();
    file.set(size, freed);
    file.refused("no allocated cell");
}

#[test]
fn depth_is_bounded() {
    let deep = vec!["k"; 512].join("\\");
    let mut file = File::with_keys(&[&deep, "y\\z"]);
    let (bottom, root) = (file.key(&deep), file.key(""));
    let list = file.word(file.key("y") + 28);
    let root_list = file.list("");
    file.set(root + 20, 1);
    file.0[root_list + 2] = 1;
    assert!(HiveView::open(&file.0).is_ok(), "y is out of reach now");
    file.set(bottom + 20, 1);
    file.set(bottom + 28, list);
    file.refused("deeper than 512 levels");
}

#[test]
fn counts_must_match_and_fit() {
    let mut more = File::with_keys(&["a", "b"]);
    let root = more.key("");
    more.set(root + 20, 3);
    more.refused("count of subkeys is 0x2, not 0x3");
    let mut long = File::with_keys(&["a", "b"]);
    let list = long.list("");
    long.0[list + 2..list + 4].copy_from_slice(&[0xFF, 0xFF]);
    long.refused("a subkey list needs 524280 bytes");
    let mut values = Hive::new(HiveInfo::PLAIN);
    let root = values.root_id();
    values.key_mut(root).set_bytes("a", 1, vec![1]).unwrap();
    let mut values = File::of(&values);
    let root = values.key("");
    values.set(root + 36, 0x3FFF_FFFF);
    values.refused("a value list needs");
}

#[test]
fn names_must_be_valid_and_differ() {
    let mut same = File::with_keys(&["a", "b"]);
    let at = same.key("b") + 76;
    same.0[at] = b'A';
    same.refused("two subkeys of one key have the same name");
    let mut backslash = File::with_keys(&["a"]);
    let at = backslash.key("a") + 76;
    backslash.0[at] = b'\\';
    backslash.refused("backslash");
    let mut empty = File::with_keys(&["a"]);
    let at = empty.key("a") + 72;
    empty.0[at] = 0;
    empty.refused("a key has a name of 0 units");
    let mut odd = File::with_keys(&["abc"]);
    let at = odd.key("abc") + 2;
    odd.0[at] = 0;
    odd.refused("odd length of 3 bytes");
}

#[test]
fn values_are_checked() {
    let mut hive = Hive::new(HiveInfo::DELTA);
    let root = hive.root_id();
    hive.key_mut(root).set_bytes("a", 3, vec![1; 4]).unwrap();
    hive.key_mut(root).set_bytes("big", 3, vec![1; 40_000]).unwrap();
    let file = || File::of(&hive);
    let (small, big) = (file().value("", 0), file().value("", 1));
    let mut inline = file();
    inline.set(small + 4, 0x8000_0005);
    inline.refused("length of inline data");
    let mut tombstone = file();
    tombstone.0[small + 16] |= 2;
    tombstone.refused("data length of a tombstone");
    let mut segments = file();
    segments.set(big + 4, 20_000);
    segments.refused("count of segments is 0x3, not 0x2");
    let mut twin = file();
    (twin.0[big + 2], twin.0[big + 20]) = (1, b'A');
    twin.refused("two values of one key");
}

#[test]
fn long_data_is_split_from_minor_version_4_on() {
    let mut hive = Hive::new(HiveInfo::PLAIN);
    let root = hive.root_id();
    hive.key_mut(root).set_bytes("a", 3, vec![7; 16_344]).unwrap();
    let mut file = File::of(&hive);
    let value = file.value("", 0);
    file.set(value + 4, 16_345);
    file.set(24, 3);
    file.seal();
    let view = file.view();
    let data = view.values(view.root().unwrap()).unwrap().remove(0).data;
    assert_eq!((data.len(), data.segments().count()), (16_345, 2));
    file.set(24, 4);
    file.refused("the magic of a list of data segments");
}

#[test]
fn order_and_kind_of_lists_do_not_matter() {
    let names: Vec<String> = (0..600).map(|number| format!("k{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for names in [&names[..], &["a", "b", "c\\d"]] {
        let file = File::with_keys(names);
        let expected = dumped(&file.view());
        for kind in [b"lf", b"li"] {
            let mut other = File(file.0.clone());
            for leaf in leaves(&file) {
                rewrite_leaf(&mut other, leaf, kind);
            }
            let view = other.view();
            assert_eq!(dumped(&view), expected);
            assert_eq!(written(&view), file.0, "written anew, it is sorted again");
        }
    }
}

/// Returns where the leaves below the root are in a file.
fn leaves(file: &File) -> Vec<usize> {
    let list = file.list("");
    if &file.0[list..list + 2] != b"ri" {
        return vec![list];
    }
    (0..usize::from(file.0[list + 2])).map(|at| in_file(file.word(list + 4 + 4 * at))).collect()
}

/// Reverses a leaf and turns it into another kind.
fn rewrite_leaf(file: &mut File, leaf: usize, kind: &[u8; 2]) {
    let count = usize::from(u16::from_le_bytes([file.0[leaf + 2], file.0[leaf + 3]]));
    let children: Vec<u32> = (0..count).map(|at| file.word(leaf + 4 + 8 * at)).collect();
    file.0[leaf..leaf + 2].copy_from_slice(kind);
    let step = if kind == b"li" { 4 } else { 8 };
    for (at, child) in children.iter().rev().enumerate() {
        file.set(leaf + 4 + step * at, *child);
    }
}

#[test]
fn leftovers_of_other_writers_are_ignored() {
    let mut hive = Hive::new(HiveInfo::PLAIN);
    let id = hive.ensure("ab").unwrap();
    hive.key_mut(id).set_bytes("v", 1, vec![1]).unwrap();
    let mut file = File::of(&hive);
    let expected = dumped(&file.view());
    let (root, key) = (file.key(""), file.key("ab"));
    file.set(root + 16, 0x868);
    file.set(root + 24, 1);
    file.set(root + 32, 0x1234_5678);
    file.set(key + 68, 7);
    // A short name stored in 16-bit units.
    file.0[key + 2] &= !0x20;
    file.0[key + 72] = 4;
    file.0[key + 76..key + 80].copy_from_slice(b"a\0b\0");
    file.set(144, 1);
    file.0.extend_from_slice(&[0xCC; 5_000]);
    file.seal();
    assert_eq!(dumped(&file.view()), expected);
    // A predefined key keeps a handle where others count their values.
    file.0[key + 2] |= u8::try_from(KEY_PREDEFINED).unwrap();
    file.set(key + 36, 0x8000_0002);
    assert_eq!(dumped(&file.view()), expected.replace("\"v\" type=1 data=01\n", ""));
}

#[test]
fn layer_bytes_of_a_hive_without_layers_mean_nothing() {
    let mut base = Hive::new(HiveInfo::PLAIN);
    let id = base.ensure("a").unwrap();
    base.key_mut(id).layer = Layer::TOMBSTONE;
    let empty = Hive::new(HiveInfo::DELTA);
    assert!(dumped(&Merged::new(&base, &empty).unwrap()).contains("[\\a] flags=0 layer=00"));
}

/// Reads everything, in every role.
fn use_up(file: &[u8]) {
    let Ok(view) = HiveView::open(file) else { return };
    let _ = dumped(&view);
    assert_eq!(dumped(&view), dumped(&&Hive::collect(&view).unwrap()));
    if let Ok(merged) = Merged::new(view, view) {
        assert!(HiveView::open(&written(&merged)).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn damaged_files_never_panic(
        hive in random_hive(HiveInfo::DELTA),
        layered in any::<bool>(),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..32_u8), 1..4),
    ) {
        let mut file = File::of(&hive);
        if !layered {
            file.set(144, 0);
        }
        let used = file.0.len().min(4096 + 4096);
        for (place, byte, shift) in hits {
            let at = 36 + place.index(used - 36);
            file.0[at] = if shift < 16 { byte } else { file.0[at] ^ (1 << (shift & 7)) };
        }
        file.seal();
        use_up(&file.0);
    }

    #[test]
    fn pointers_at_random_never_panic(
        hive in random_hive(HiveInfo::PLAIN),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..3),
    ) {
        let mut file = File::of(&hive);
        let bins = file.0.len() - 4096;
        for (from, to) in hits {
            let at = 4096 + from.index(bins / 4) * 4;
            file.set(at, u32::try_from(to.index(bins / 8) * 8).unwrap());
        }
        use_up(&file.0);
    }
}
