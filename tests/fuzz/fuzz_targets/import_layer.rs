//! Any tar becomes an image without faults, or is refused and leaves nothing behind.
#![no_main]

use std::io::Cursor;
use std::sync::Arc;

use cimsnap::cim::check::{CheckOptions, check};
use cimsnap::cim::io::{Directory, MemoryDirectory};
use cimsnap::cim::{Guid, Image, ImageName, LayerSet, WriterOptions};
use cimsnap::engine::Portable;
use cimsnap::layer::commit::commit;
use cimsnap::layer::import::{ImportLimits, ImportOptions, import};
use cimsnap::layer::stream::{LayerStream, Limits, StreamOptions, Threading};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|blob: &[u8]| {
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
    let limits = Limits { max_size: 1 << 20, zstd_window_log: 20, ..Limits::default() };
    let options = StreamOptions { limits, threading: Threading::Inline, ..StreamOptions::default() };
    let Ok(stream) = LayerStream::open(Cursor::new(blob.to_vec()), options) else { return };
    let guid = Guid::from_content([1; 16]);
    let engine = Portable::new(directory.clone(), guid, false);
    let limits = ImportLimits { entries: 1000, hole_bytes: 1 << 20, ..ImportLimits::default() };
    let Ok(imported) = import(stream, engine, &ImportOptions { os: None, limits }) else {
        assert!(directory.list().unwrap().is_empty());
        return;
    };
    let layer = LayerSet::open(directory.clone(), guid).unwrap();
    let before = directory.list().unwrap();
    let name = ImageName::new("a.cim").unwrap();
    let set = Some(Guid::from_content([2; 16]));
    let options = WriterOptions { sync: false, set, ..WriterOptions::default() };
    if commit(&layer, imported.os, None, &name, options).is_err() {
        assert_eq!(directory.list().unwrap(), before);
        return;
    }
    let image = Image::open_in(directory, &name).unwrap();
    assert!(check(&image, CheckOptions::default()).is_sound());
});
