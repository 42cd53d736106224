//! Any layer of either system becomes an image without faults, or is refused and leaves nothing behind: alone, and over
//! a parent that has files, directories, links and, for Windows, a registry.
//!
//! The first byte chooses the system and whether there is a parent. The rest is a blob, or is cut into entries whose
//! headers are made right, since no fuzzer would guess a checksum: see [`tar`].
#![no_main]

use std::io::Cursor;
use std::sync::{Arc, OnceLock};

use cimsnap::cim::check::{CheckOptions, check};
use cimsnap::cim::io::{Directory, MemoryDirectory};
use cimsnap::cim::{Guid, Image, ImageName, LayerSet, WriterOptions};
use cimsnap::engine::Portable;
use cimsnap::layer::commit::commit;
use cimsnap::layer::import::{ImportLimits, ImportOptions, Imported, LayerOs, import};
use cimsnap::layer::stream::{LayerStream, Limits, StreamOptions, Threading};
use libfuzzer_sys::fuzz_target;

type Files = Vec<(String, Vec<u8>)>;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, input)) = input.split_first() else { return };
    let os = if choice & 1 == 0 { LayerOs::Windows } else { LayerOs::Linux };
    let has_parent = choice & 2 != 0;
    let blob = if choice & 4 == 0 { tar(input) } else { input.to_vec() };
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
    if has_parent {
        for (name, bytes) in parent(os) {
            directory.create(name).unwrap().write_at(bytes, 0).unwrap();
        }
    }
    let empty = directory.list().unwrap();
    let Some(os) = import_into(&directory, blob, (choice & 8 == 0).then_some(os), 3) else {
        assert_eq!(directory.list().unwrap(), empty);
        return;
    };
    let before = directory.list().unwrap();
    if !commit_into(&directory, os, has_parent.then_some("parent.cim"), "child.cim", 3) {
        assert_eq!(directory.list().unwrap(), before);
        return;
    }
    let image = Image::open_in(directory, &name("child.cim")).unwrap();
    assert!(check(&image, CheckOptions::default()).is_sound());
});

fn name(text: &str) -> ImageName {
    ImageName::new(text).unwrap()
}

fn import_into(
    directory: &Arc<dyn Directory>,
    blob: Vec<u8>,
    os: Option<LayerOs>,
    set: u8,
) -> Option<LayerOs> {
    let limits = Limits { max_size: 1 << 20, zstd_window_log: 20, ..Limits::default() };
    let options = StreamOptions { limits, threading: Threading::Inline, ..StreamOptions::default() };
    let stream = LayerStream::open(Cursor::new(blob), options).ok()?;
    let engine = Portable::new(directory.clone(), Guid::from_content([set; 16]), false);
    let limits = ImportLimits { entries: 1000, hole_bytes: 1 << 20, ..ImportLimits::default() };
    let options = ImportOptions { os, limits, ..ImportOptions::default() };
    let Imported { os, .. } = import(stream, engine, &options).ok()?;
    Some(os)
}

fn commit_into(
    directory: &Arc<dyn Directory>,
    os: LayerOs,
    parent: Option<&str>,
    new: &str,
    set: u8,
) -> bool {
    let layer = LayerSet::open(directory.clone(), Guid::from_content([set; 16])).unwrap();
    let own = Some(Guid::from_content([set | 0x80; 16]));
    let options = WriterOptions { sync: false, set: own, ..WriterOptions::default() };
    commit(&layer, os, parent.map(name).as_ref(), &name(new), options).is_ok()
}

/// Returns the files of an image to import over.
fn parent(os: LayerOs) -> &'static Files {
    static WINDOWS: OnceLock<Files> = OnceLock::new();
    static LINUX: OnceLock<Files> = OnceLock::new();
    match os {
        LayerOs::Windows => WINDOWS.get_or_init(|| make_parent(os, b"Files/")),
        LayerOs::Linux => LINUX.get_or_init(|| make_parent(os, b"")),
    }
}

fn make_parent(os: LayerOs, top: &[u8]) -> Files {
    let mut blob = Vec::new();
    let mut add = |kind, name: &[u8], link: &[u8], data: &[u8]| {
        entry(
            &mut blob,
            kind,
            &[top, name].concat(),
            &[if link.is_empty() { b"" } else { top }, link].concat(),
            data,
        )
    };
    for hive in ["SYSTEM", "SOFTWARE", "SAM", "SECURITY", "DEFAULT"] {
        add(b'0', format!("Windows/System32/config/{hive}").as_bytes(), b"", b"");
    }
    add(b'5', b"a", b"", b"");
    add(b'0', b"a/b", b"", b"data");
    add(b'1', b"b", b"a/b", b"");
    add(b'2', b"c", b"a", b"");
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
    assert_eq!(import_into(&directory, blob, Some(os), 1), Some(os));
    assert!(commit_into(&directory, os, None, "parent.cim", 1));
    let read = |name: String| (name.clone(), directory.open(&name).unwrap().as_slice().to_vec());
    directory.list().unwrap().into_iter().map(read).collect()
}

/// What names begin with, so that entries meet each other and the parent.
const PLACES: [&[u8]; 16] = [
    b"",
    b"Files/",
    b"Hives/",
    b"UtilityVM/Files/",
    b"Files/a/",
    b"Files/a/.wh.",
    b"Files/.wh.",
    b"Files/.wh..wh..opq",
    b"Files/a:",
    b"Hives/System_Delta",
    b"Files/Windows/System32/config/SYSTEM",
    b"a/",
    b"a/.wh.",
    b"c/",
    b".wh..wh..opq",
    b"../",
];

/// Makes a tar of an input. Each entry takes a byte for its type, one for places of name and link, one each for the
/// lengths of name, link and data, and then as many bytes. Data of an entry of type `x` are its records.
fn tar(mut input: &[u8]) -> Vec<u8> {
    let mut blob = Vec::new();
    while let Some((&[kind, places, name, link, data], rest)) = input.split_first_chunk() {
        input = rest;
        let mut take = |len: u8| {
            let (piece, left) = input.split_at(usize::from(len).min(input.len()));
            input = left;
            piece
        };
        let (name, link, data) = (take(name % 32), take(link % 32), take(data));
        let name = [PLACES[usize::from(places & 15)], name].concat();
        let link = [PLACES[usize::from(places >> 4)], link].concat();
        entry(&mut blob, kind, &name, &link, data);
    }
    blob
}

/// Appends a header with the right checksum, and data.
fn entry(blob: &mut Vec<u8>, kind: u8, name: &[u8], link: &[u8], data: &[u8]) {
    let mut header = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name[..name.len().min(100)]);
    put(100, b"0000755\0");
    put(108, b"0000001\0");
    put(116, b"0000002\0");
    put(124, format!("{:011o}\0", data.len()).as_bytes());
    put(136, b"14371573400\0");
    put(148, b"        ");
    put(156, &[kind]);
    put(157, &link[..link.len().min(100)]);
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    blob.extend_from_slice(&header);
    blob.extend_from_slice(data);
    blob.resize(blob.len().next_multiple_of(512), 0);
}
