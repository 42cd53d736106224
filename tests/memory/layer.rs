//! Layers that are large in one way or another.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use cimsnap::cim::Guid;
use cimsnap::engine::Portable;
use cimsnap::layer::import::{ImportError, ImportOptions, LayerOs, import};
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use tar::{EntryType, Header};

use super::Sink;

/// Reads a tar whose entries are made when they are asked for.
struct Entries<F> {
    make: F,
    made: u64,
    current: Cursor<Vec<u8>>,
}

impl<F: FnMut(u64) -> Option<Vec<u8>>> Read for Entries<F> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let len = self.current.read(buf)?;
            if len > 0 || buf.is_empty() {
                return Ok(len);
            }
            let Some(next) = (self.make)(self.made) else { return Ok(0) };
            self.made += 1;
            self.current = Cursor::new(next);
        }
    }
}

fn import_all(make: impl FnMut(u64) -> Option<Vec<u8>> + Send + 'static) -> Result<(), ImportError> {
    let entries = Entries { make, made: 0, current: Cursor::default() };
    let stream = LayerStream::open(entries, StreamOptions::default())?;
    let engine = Portable::new(Arc::new(Sink), Guid::from_content([1; 16]), false);
    let options = ImportOptions { os: Some(LayerOs::Linux), ..ImportOptions::default() };
    import(stream, engine, &options).map(drop)
}

pub(super) fn header(kind: EntryType, path: &str, link: &str, size: u64) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_path(path).unwrap();
    header.set_link_name_literal(link).unwrap();
    header.set_size(size);
    header.set_cksum();
    header.as_bytes().to_vec()
}

pub(super) fn huge_file() {
    import_all(file_of(2 << 30)).unwrap();
}

/// A layer of one file of so many bytes, which is to be a multiple of a MiB.
pub(super) fn one_file(bytes: u64) -> impl Read + Send + 'static {
    Entries { make: file_of(bytes), made: 0, current: Cursor::default() }
}

fn file_of(bytes: u64) -> impl FnMut(u64) -> Option<Vec<u8>> + Send + 'static {
    const PIECE: usize = 1 << 20;
    move |number| match number {
        0 => Some(header(EntryType::Regular, "huge", "", bytes)),
        _ if number <= bytes >> 20 => Some(vec![(number % 255 + 1) as u8; PIECE]),
        _ => None,
    }
}

pub(super) fn many_files() {
    let make = |number: u64| {
        let mut entry = header(EntryType::Regular, &format!("{}/a file {number}", number / 1000), "", 8);
        entry.extend_from_slice(&(number + 1).to_le_bytes());
        entry.resize(1024, 0);
        (number < 200_000).then_some(entry)
    };
    import_all(make).unwrap();
}

pub(super) fn endless_links() {
    let make = |number| Some(header(EntryType::Link, &format!("a link of number {number}"), "a target", 0));
    assert!(matches!(import_all(make), Err(ImportError::TooMuch { .. })));
}

pub(super) fn endless_names() {
    let make = |number| match number {
        0 => Some(header(EntryType::GNULongName, "x", "", 1 << 40)),
        _ => Some(vec![b'n'; 1 << 20]),
    };
    assert!(matches!(import_all(make), Err(ImportError::Tar(_))));
}
