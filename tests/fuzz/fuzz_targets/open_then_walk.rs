//! A sound image and its fork, of which the input changes bytes, can be read and written over without a panic, in time
//! and memory in proportion to the image.
//!
//! The first byte chooses the image: one of this library's writer, or one of version 1, 2 or 3 by another writer. Each
//! change takes ten bytes: which file, a place of three bytes, and from one to six bytes to put there.

#![no_main]

#[expect(dead_code, reason = "the tests of formats use all of it")]
#[path = "../../it/support/format_writer.rs"]
mod format_writer;
#[path = "../../it/support/hostile.rs"]
mod hostile;

use std::sync::OnceLock;

use format_writer::{Style, samples};
use hostile::{Files, directory, read_everything, sample, write_over};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    static SAMPLES: [OnceLock<Files>; 4] = [const { OnceLock::new() }; 4];
    let Some((&which, input)) = input.split_first() else { return };
    let which = usize::from(which % 4);
    let other = |version: usize| samples(&Style::of_version(u32::try_from(version).unwrap_or(1)));
    let made = SAMPLES[which].get_or_init(|| if which == 0 { sample() } else { other(which) });
    let mut files = made.clone();
    let names: Vec<String> = files.keys().cloned().collect();
    for change in input.chunks_exact(10) {
        let name = &names[usize::from(change[0]) % names.len()];
        let Some(bytes) = files.get_mut(name).filter(|bytes| !bytes.is_empty()) else { continue };
        let at = usize::from(change[1]) | usize::from(change[2]) << 8 | usize::from(change[3]) << 16;
        // From the end, because the tables lie there.
        let at = bytes.len() - 1 - at % bytes.len();
        let width = (1 + usize::from(change[0] >> 5)).min(6).min(bytes.len() - at);
        bytes[at..at + width].copy_from_slice(&change[4..4 + width]);
    }
    let directory = directory(&files);
    read_everything(&directory, &["a.cim", "b.cim"]);
    write_over(&directory, "b.cim");
});
