//! What is written is what our own reader finds.

use tar::Header;

use super::*;
use crate::layer::pax::key;
use crate::layer::tar::TarReader;

const NANOS: i128 = 1_000_000_000;

fn written(path: &[u8], description: &Description, size: u64) -> Vec<u8> {
    let mut out = Vec::new();
    Archive::new(&mut out).begin(path, description, size).unwrap();
    out
}

fn file() -> Description {
    let modified = 1_700_000_000 * NANOS;
    Description { mode: 0o644, uid: 7, gid: 8, modified, ..Description::bare(EntryType::Regular) }
}

#[test]
fn a_header_alone_says_what_it_can() {
    let bytes = written(&[b'n'; 100], &file(), 0);
    assert_eq!(bytes.len(), 512);
    let fields = Header::from_byte_slice(&bytes).as_ustar().unwrap();
    assert_eq!(fields.mode, *b"0000644\0");
    assert_eq!((fields.uid, fields.gid), (*b"0000007\0", *b"0000010\0"));
    assert_eq!((fields.size, fields.mtime), (*b"00000000000\0", *b"14524770400\0"));
    assert_eq!((fields.magic, fields.version), (*b"ustar\0", *b"00"));
}

#[test]
fn records_say_the_rest() {
    for (nanos, text) in [
        (1_700_000_000_123_456_700, "mtime=1700000000.1234567"),
        (-1_500_000_000, "mtime=-1.5"),
        (8_589_934_592 * NANOS, "mtime=8589934592"),
    ] {
        let bytes = written(b"a", &Description { modified: nanos, ..file() }, 0);
        assert!(String::from_utf8_lossy(&bytes).contains(&format!(" {text}\n")), "{text}");
        let entry = TarReader::new(&bytes[..]).next_entry().unwrap().unwrap();
        let mut reader = TarReader::new(&bytes[..]);
        reader.next_entry().unwrap();
        let records = reader.records(&entry).unwrap();
        assert_eq!(entry.member(&records).last_write_time().unwrap().unix_nanos(), nanos);
    }
    let long = [b'n'; 101];
    let large = Description { uid: 2_097_152, gid: u32::MAX - 1, link: long.to_vec(), ..file() };
    let bytes = written(&long, &large, 1 << 33);
    let mut reader = TarReader::new(&bytes[..]);
    let entry = reader.next_entry().unwrap().unwrap();
    assert_eq!((&entry.path[..], &entry.link[..], entry.size), (&long[..], &long[..], 1 << 33));
    let records = reader.records(&entry).unwrap();
    assert_eq!(records.number(key::UID), Ok(Some(2_097_152)));
    assert_eq!(records.number(key::GID), Ok(Some(0xFFFF_FFFE)));
}

#[test]
fn data_is_padded_and_must_be_whole() {
    let mut out = Vec::new();
    let mut archive = Archive::new(&mut out);
    archive.begin(b"a", &file(), 3).unwrap();
    archive.data(b"ab").unwrap();
    assert!(matches!(
        archive.end(b"a"),
        Err(ExportError::Entry { source: EntryError::Truncated { missing: 1 }, .. })
    ));
    assert!(archive.data(b"cd").is_err(), "more than the entry has");
    archive.data(b"c").unwrap();
    archive.end(b"a").unwrap();
    archive.finish().unwrap();
    assert_eq!(out.len(), 512 + 512 + 1024);
    assert_eq!(out[512..516], *b"abc\0");
}

#[test]
fn what_fits_nowhere_is_an_error() {
    let device = Device { major: 1 << 21, minor: 0 };
    let error = Archive::new(Vec::new()).entry(b"a", &Description { device, ..file() }).unwrap_err();
    assert!(matches!(error, ExportError::Entry { source: EntryError::Device { .. }, .. }), "{error}");
    let records = RecordMap::from([(b"a=b".to_vec(), Vec::new())]);
    let error = Archive::new(Vec::new()).entry(b"a", &Description { records, ..file() }).unwrap_err();
    assert!(matches!(error, ExportError::Entry { source: EntryError::Pax(_), .. }), "{error}");
}
