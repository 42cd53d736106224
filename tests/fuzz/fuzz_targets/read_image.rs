//! Any bytes either are refused as an image, or can be checked, walked, read, listed and compared. Nothing panics, and
//! time and memory stay in proportion to the input.
//!
//! The input is cut into pieces, of files of any version: a byte that says which file, two with a length, then as many bytes, which are added
//! to that file. What no fuzzer would guess is put in its place: the id of the region set, and upcase tables.

#![no_main]

#[path = "../../it/support/hostile.rs"]
#[expect(dead_code, reason = "images are written by another target")]
mod hostile;

use cimsnap::cim::names::upcase;
use cimsnap::cim::{Guid, files};
use hostile::{Files, directory, read_everything};
use libfuzzer_sys::fuzz_target;

const UPCASE: u8 = 7;

fuzz_target!(|input: &[u8]| {
    read_everything(&directory(&cut(input)), &["a.cim"]);
});

fn cut(mut input: &[u8]) -> Files {
    let set = Guid::from_content([1; 16]);
    let names = [
        "a.cim".to_owned(),
        files::region(set, 0),
        files::region(set, 1),
        files::region(set, 2),
        files::object_ids(set, 0),
        files::object_ids(set, 1),
        files::links(set),
    ];
    let mut found = Files::new();
    while let Some((&[which, low, high], rest)) = input.split_first_chunk() {
        let (piece, rest) = rest.split_at(usize::from(u16::from_le_bytes([low, high])).min(rest.len()));
        input = rest;
        if which % 8 == UPCASE {
            let region = found.entry(names[1].clone()).or_default();
            // Two of them are as good as any number, and take as long as the whole of most inputs.
            if region.len() < 300_000 {
                region.extend(upcase::standard().table().iter().flat_map(|unit| unit.to_bytes()));
            }
        } else if let Some(name) = names.get(usize::from(which % 8)) {
            found.entry(name.clone()).or_default().extend_from_slice(piece);
        }
    }
    if let Some(own) = found.get_mut("a.cim").and_then(|image| image.get_mut(32..48)) {
        own.copy_from_slice(&set.to_windows_bytes());
    }
    found
}
