//! Any bytes either are refused as a hive, or can be dumped, merged in both roles and written to a file that is
//! accepted again. Nothing panics, and time and memory stay in proportion to the input.

#![no_main]

use cimsnap::layer::hive::{Hive, HiveView, Merged, Recovery, dump, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    // The second half serves as a log of the first, should that be dirty.
    let (file, log) = input.split_at(input.len() / 2);
    if let Ok(Some(recovery)) = Recovery::plan(file, &[log]) {
        let _ = recovery.to_vec();
    }
    let input = &sealed(input);
    let Ok(view) = HiveView::open(input) else { return };
    dump(&view, std::io::sink()).expect("what was opened can be read");
    let tree = Hive::collect(&view).expect("what was opened can be read");
    let Ok(merged) = Merged::new(&tree, view) else { return };
    let mut out = Vec::new();
    write(&merged, &mut out).expect("what was opened can be merged and written");
    HiveView::open(&out).expect("what was written can be opened");
});

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
