//! Images that are made to cost their readers more than they are long.

use std::path::Path;
use std::time::{Duration, Instant};

use cimsnap::cim::check::{CheckOptions, check};
use cimsnap::cim::diff::diff;
use cimsnap::cim::dump::{DumpOptions, dump};
use cimsnap::cim::format::{RawFileRecord, Stream};
use cimsnap::cim::{CimError, Image, Name};

use crate::raw::{Raw, record, security, table};

/// What is linear takes seconds, in a build without optimisation on a busy machine; what is not takes hours.
const PATIENCE: Duration = Duration::from_secs(60);

fn read_all(directory: &Path) -> u64 {
    let started = Instant::now();
    let image = Image::open(&directory.join("raw.cim")).unwrap();
    let errors = check(&image, CheckOptions { deep: true, ..CheckOptions::default() }).errors;
    drop(image.walk(|_| Ok::<_, CimError>(())));
    drop(image.links());
    drop(dump(&image, &mut std::io::sink(), DumpOptions::default()));
    drop(diff(&image, &image, |_, _| Ok::<_, CimError>(())));
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    errors
}

/// 16000 directories, one in the other: a path for each level would be half a gigabyte.
pub(crate) fn maze() {
    const DEPTH: u32 = 16_000;
    let directory = tempfile::tempdir().unwrap();
    let mut raw = Raw::new();
    let mut records: Vec<RawFileRecord> = Vec::new();
    for id in 1..=DEPTH {
        let data = if id == DEPTH {
            Stream::EMPTY_DIRECTORY
        } else {
            raw.directory(&[(Name::new("a").unwrap(), id + 1)])
        };
        records.push(record((id - 1).max(1), data));
    }
    let tables = raw.tables(&records);
    raw.write(directory.path(), &tables);
    assert_eq!(read_all(directory.path()), 0);
}

/// A million file tables in the same thousand bytes: a billion files.
pub(crate) fn many_tables() {
    let directory = tempfile::tempdir().unwrap();
    let mut raw = Raw::new();
    let root = raw.tables(&[record(1, Stream::EMPTY_DIRECTORY)]);
    let place = raw.append(&[1; 1024]);
    let mut tables = vec![table(place, 1024, 1); 1_000_000];
    tables[0] = root[0];
    raw.write(directory.path(), &tables);
    assert!(read_all(directory.path()) > 900_000);
}

/// Three thousand directories with the same twenty thousand names: sixty million paths.
pub(crate) fn shared_names() {
    const DIRECTORIES: u32 = 3000;
    let directory = tempfile::tempdir().unwrap();
    let mut raw = Raw::new();
    let file = DIRECTORIES + 2;
    let shared: Vec<_> = (0..20_000).map(|n| (Name::new(format!("{n:05}")).unwrap(), file)).collect();
    let shared = raw.directory(&shared);
    let names: Vec<_> = (0..DIRECTORIES).map(|n| (Name::new(format!("{n:04}")).unwrap(), n + 2)).collect();
    let mut records = vec![record(1, raw.directory(&names))];
    records.extend((0..DIRECTORIES).map(|_| record(1, shared)));
    records.push(record(2, Stream::EMPTY));
    let tables = raw.tables(&records);
    raw.write(directory.path(), &tables);
    assert!(read_all(directory.path()) > 0);
}

/// Twenty thousand security descriptors of 64 KiB, each eight bytes behind the one before.
pub(crate) fn overlapping_objects() {
    const FILES: u32 = 20_000;
    let directory = tempfile::tempdir().unwrap();
    let mut raw = Raw::new();
    let names: Vec<_> = (0..FILES).map(|n| (Name::new(format!("{n:05}")).unwrap(), n + 2)).collect();
    let mut records = vec![record(1, raw.directory(&names))];
    let place = raw.append(&vec![0xFF; 300_000]);
    for number in 0..FILES {
        let mut file = record(1, Stream::EMPTY);
        let at = place.raw() + u64::from(number) * 8;
        security(&mut file, cimsnap::cim::RegionOffset::from_raw(at));
        records.push(file);
    }
    let tables = raw.tables(&records);
    raw.write(directory.path(), &tables);
    assert!(read_all(directory.path()) > 0);
}
