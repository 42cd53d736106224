//! Any bytes either are refused as a hive, or can be dumped, merged in both roles and written to a file that is
//! accepted again. Nothing panics, and time and memory stay in proportion to the input.
//!
//! The first byte chooses whether the rest is a hive, or changes the bytes of a sound one, which no fuzzer would guess.
//! Each change takes eight bytes: how many there are, a place of three bytes, and up to four bytes to put there.

#![no_main]

use std::sync::OnceLock;

use cimsnap::layer::hive::{Hive, HiveInfo, HiveView, Merged, Recovery, dump, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((choice, input)) = input.split_first() else { return };
    if choice & 1 != 0 {
        return read(&changed(input));
    }
    // The second half serves as a log of the first, should that be dirty.
    let (file, log) = input.split_at(input.len() / 2);
    if let Ok(Some(recovery)) = Recovery::plan(file, &[log]) {
        let _ = recovery.to_vec();
    }
    read(input);
});

fn read(input: &[u8]) {
    let input = &sealed(input);
    let Ok(view) = HiveView::open(input) else { return };
    dump(&view, std::io::sink()).expect("what was opened can be read");
    let tree = Hive::collect(&view).expect("what was opened can be read");
    let Ok(merged) = Merged::new(&tree, view) else { return };
    let mut out = Vec::new();
    write(&merged, &mut out).expect("what was opened can be merged and written");
    HiveView::open(&out).expect("what was written can be opened");
}

fn changed(changes: &[u8]) -> Vec<u8> {
    static SAMPLE: OnceLock<Vec<u8>> = OnceLock::new();
    let mut file = SAMPLE.get_or_init(sample).clone();
    for change in changes.chunks_exact(8) {
        let at = usize::from(change[1]) | usize::from(change[2]) << 8 | usize::from(change[3]) << 16;
        let at = at % file.len();
        let width = (1 + usize::from(change[0] % 4)).min(file.len() - at);
        file[at..at + width].copy_from_slice(&change[4..4 + width]);
    }
    file
}

/// A hive with lists of keys, classes, and values that lie in their record, in a cell and in many.
fn sample() -> Vec<u8> {
    let mut hive = Hive::new(HiveInfo::PLAIN);
    for name in ["a", "b\\c", "b\\d\\e", "\u{100}"] {
        let id = hive.ensure(name).unwrap();
        let key = hive.key_mut(id);
        key.set_class("class");
        for (name, len) in [("", 0), ("v", 4), ("\u{e4}", 100)] {
            key.set_bytes(name, 3, vec![b'x'; len]).unwrap();
        }
    }
    hive.key_mut(hive.root_id()).set_bytes("large", 3, vec![b'x'; 16_345]).unwrap();
    let mut file = Vec::new();
    write(&&hive, &mut file).unwrap();
    file
}

/// Makes the file clean, since changes at random never would be: equal sequence numbers and the right checksum.
fn sealed(input: &[u8]) -> Vec<u8> {
    let mut file = input.to_vec();
    if let Some(block) = file.first_chunk_mut::<512>() {
        block.copy_within(4..8, 8);
        let words = block[..508].chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]);
        let sum = match words.fold(0, |sum, word| sum ^ u32::from_le_bytes(word)) {
            0 => 1,
            u32::MAX => u32::MAX - 1,
            sum => sum,
        };
        block[508..].copy_from_slice(&sum.to_le_bytes());
    }
    file
}
