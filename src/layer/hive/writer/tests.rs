//! What the writer puts where, and that reading it back gives the same tree.

use super::*;
use crate::layer::hive::testing::{dumped, random_hive, written};
use crate::layer::hive::{
    Data, Hive, HiveErrorKind, HiveInfo, HiveView, KeyFlags, Layer, Source, Value, default_security,
};
use proptest::prelude::*;

fn word(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap())
}

#[test]
fn minimal_hive_is_the_known_one() {
    let file = written(&&Hive::new(HiveInfo::PLAIN));
    assert_eq!(file.len(), 8192);
    assert_eq!(word(&file, 508), 0x6667_7556);
    assert_eq!((word(&file, 36), word(&file, 40)), (0x20, 0x1000));

    let key = 4096 + 0x20;
    assert_eq!(word(&file, key).cast_signed(), -0x58);
    assert_eq!(&file[key + 4..key + 8], b"nk\x2C\0");
    assert_eq!((word(&file, key + 4 + 28), word(&file, key + 4 + 40)), (NIL, NIL));
    assert_eq!((word(&file, key + 4 + 44), word(&file, key + 4 + 48)), (0x78, NIL));
    assert_eq!(&file[key + 4 + 76..key + 0x58], b"ROOT\0\0\0\0");

    let security = 4096 + 0x78;
    assert_eq!(word(&file, security).cast_signed(), -0xA8);
    assert_eq!(&file[security + 4..security + 6], b"sk");
    assert_eq!([8, 12, 16, 20].map(|at| word(&file, security + at)), [0x78, 0x78, 1, 144]);
    assert_eq!(&file[security + 24..security + 24 + 144], default_security());
    assert_eq!(word(&file, 4096 + 0x120), 0xEE0, "the rest is one free cell");
    assert!(file[4096 + 0x124..].iter().all(|&byte| byte == 0));
}

#[test]
fn a_hive_without_root_becomes_the_minimal_one() {
    let nothing = HiveView::open(&[]).unwrap();
    assert_eq!(written(&nothing), written(&&Hive::new(HiveInfo::PLAIN)));
}

#[test]
fn data_is_split_beyond_16344_bytes() {
    for (len, split) in [(16_343_usize, false), (16_344, false), (16_345, true), (40_000, true)] {
        let mut hive = Hive::new(HiveInfo::PLAIN);
        let bytes: Vec<u8> = (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let root = hive.root_id();
        hive.key_mut(root).set_bytes("big", 3, bytes.clone()).unwrap();
        let file = written(&&hive);
        assert_eq!(
            file.windows(4)
                .any(|bytes| bytes == [b'd', b'b', u8::try_from(len.div_ceil(16_344)).unwrap(), 0]),
            split
        );
        let view = HiveView::open(&file).unwrap();
        assert_eq!(view.values(view.root().unwrap()).unwrap()[0].data.to_vec(), bytes);
        assert_eq!(dumped(&view), dumped(&&hive));
    }
}

#[test]
fn full_segments_fill_bins_of_16_kib() {
    let mut hive = Hive::new(HiveInfo::PLAIN);
    let root = hive.root_id();
    hive.key_mut(root).set_bytes("big", 3, vec![1; 16_344 * 2]).unwrap();
    let file = written(&&hive);
    assert_eq!(file.len(), 4096 + 4096 + 2 * 16_384);
    assert_eq!(&file[8192..8196], b"hbin");
}

#[test]
fn long_lists_are_split_after_507_keys() {
    for (count, index) in [(507, false), (508, true), (1_100, true)] {
        let mut hive = Hive::new(HiveInfo::PLAIN);
        for number in 0..count {
            hive.ensure(&format!("key{number}")).unwrap();
        }
        let file = written(&&hive);
        let list = 4096 + usize::try_from(word(&file, 4096 + 0x24 + 28)).unwrap() + 4;
        assert_eq!(&file[list..list + 2], if index { b"ri" } else { b"lh" });
        assert_eq!(dumped(&HiveView::open(&file).unwrap()), dumped(&&hive));
    }
}

#[test]
fn descriptors_are_shared_counted_and_form_one_ring() {
    let mut hive = Hive::new(HiveInfo::PLAIN);
    for (path, byte) in [("a", 1), ("b", 2), ("c", 1), ("d", 3)] {
        let id = hive.ensure(path).unwrap();
        hive.key_mut(id).security = vec![byte; 20].into();
    }
    let file = written(&&hive);
    let first = word(&file, 4096 + 0x24 + 44);
    let (mut at, mut ring) = (first, Vec::new());
    loop {
        let cell = 4096 + usize::try_from(at).unwrap() + 4;
        let next = word(&file, cell + 4);
        ring.push(word(&file, cell + 12));
        assert_eq!(word(&file, 4096 + usize::try_from(next).unwrap() + 12), at, "the ring closes backwards");
        at = next;
        if at == first {
            break;
        }
    }
    assert_eq!(ring, [1, 2, 1, 1], "in the order of first use, with the number of users");
}

#[test]
fn everything_that_a_key_can_have_survives() {
    let mut hive = Hive::new(HiveInfo::DELTA);
    let id = hive.ensure("Link\\\u{4f60}\u{597d}").unwrap();
    let key = hive.key_mut(id);
    key.flags = KeyFlags::SYMLINK | KeyFlags::VIRTUAL_STORE;
    key.layer = Layer::SUPERSEDE_TREE.inheriting_class();
    key.last_written = crate::cim::FileTime::from_raw(0x01DA_0000_1234_5678);
    key.access_bits = 3;
    key.user_flags = 0x21;
    key.set_class("Shell");
    key.set(Value::tombstone("gone")).unwrap();
    key.set(Value::new("", 0xFFFF_0011, Data::new(vec![1, 2, 3, 4, 5]))).unwrap();
    key.set_bytes("none", 0, vec![]).unwrap();
    key.set_bytes("four", 4, vec![1, 2, 3, 4]).unwrap();
    key.set_bytes("\u{100}wide", 4, vec![9]).unwrap();
    let file = written(&&hive);
    let view = HiveView::open(&file).unwrap();
    assert_eq!(dumped(&view), dumped(&&hive));
    assert_eq!(view.info(), HiveInfo::DELTA);
    assert!(dumped(&view).contains("\"gone\" tombstone"));
    assert!(dumped(&view).contains("\"none\" type=0 data=\n"));
}

#[test]
fn trees_that_do_not_fit_are_refused() {
    let mut hive = Hive::new(HiveInfo::PLAIN);
    let mut at = hive.root_id();
    for _ in 0..512 {
        at = hive.add(at, "k").unwrap();
    }
    assert_eq!(hive.add(at, "k").unwrap_err().kind(), HiveErrorKind::InvalidInput);
    assert_eq!(dumped(&HiveView::open(&written(&&hive)).unwrap()), dumped(&&hive));
    let root = hive.root_id();
    for name in ["", "a\\b", &"x".repeat(256)] {
        assert_eq!(hive.add(root, name).unwrap_err().kind(), HiveErrorKind::InvalidInput, "{name:?}");
    }
    assert_eq!(hive.add(root, "K").unwrap_err().to_string(), "key K exists already");
    hive.key_mut(root).security = vec![].into();
    assert_eq!(write(&&hive, std::io::sink()).unwrap_err().kind(), HiveErrorKind::InvalidInput);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_back(hive in random_hive(HiveInfo::DELTA)) {
        let file = written(&&hive);
        let view = HiveView::open(&file).unwrap();
        prop_assert_eq!(dumped(&view), dumped(&&hive));
        let tree = Hive::collect(&view).unwrap();
        prop_assert_eq!(written(&&tree), file, "equal trees give equal files");
    }
}
