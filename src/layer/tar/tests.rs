use std::io::Read as _;

use tar::{Builder, EntryType, Header};

use super::*;
use crate::layer::metadata::Kind;
use crate::layer::pax;

/// An entry as a test wants to see it: kind, path, link, data.
type Seen = (Kind, String, String, Vec<u8>);

fn read(bytes: &[u8]) -> Result<Vec<Seen>, TarError> {
    let mut reader = TarReader::new(bytes);
    let mut seen = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let kind = entry.member(&reader.records(&entry)?).kind();
        let mut data = Vec::new();
        while let Some(piece) = reader.piece()? {
            match piece {
                Piece::Bytes(bytes) => data.extend_from_slice(bytes),
                Piece::Zeros(count) => data.resize(data.len() + count as usize, 0),
            }
        }
        assert_eq!(data.len() as u64, entry.size);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        seen.push((kind, text(entry.path), text(entry.link), data));
    }
    Ok(seen)
}

fn header(kind: EntryType, path: &str, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_path(path).unwrap();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_cksum();
    header
}

fn built(build: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    build(&mut builder);
    builder.into_inner().unwrap()
}

fn file(path: &str, data: &str) -> Seen {
    (Kind::File, path.to_owned(), String::new(), data.as_bytes().to_vec())
}

#[test]
fn entries_are_read_whatever_is_left_of_the_last_one() {
    let long = "long/".repeat(60) + "name";
    let bytes = built(|tar| {
        tar.append(&header(EntryType::Directory, "a", 0), &[][..]).unwrap();
        tar.append(&header(EntryType::Regular, "a/b", 700), &[b'x'; 700][..]).unwrap();
        tar.append_data(&mut header(EntryType::Regular, "c", 1), &long, &b"y"[..]).unwrap();
        tar.append_link(&mut header(EntryType::Link, "l", 0), "link", &long).unwrap();
    });
    let all = read(&bytes).unwrap();
    assert_eq!(all[0], (Kind::Directory, "a".into(), "".into(), vec![]));
    assert_eq!(all[1], file("a/b", &"x".repeat(700)));
    assert_eq!(all[2], file(&long, "y"));
    assert_eq!(all[3], (Kind::HardLink, "link".into(), long, vec![]));
    let mut reader = TarReader::new(&bytes[..]);
    let mut count = 0;
    while reader.next_entry().unwrap().is_some() {
        // Half of the data is seen, none of it is awaited.
        let _ = reader.piece().unwrap();
        count += 1;
    }
    assert_eq!(count, 4);
}

#[test]
fn the_reader_stands_behind_the_end() {
    let mut bytes = built(|tar| tar.append(&header(EntryType::Regular, "a", 0), &[][..]).unwrap());
    bytes.extend_from_slice(b"rest");
    let mut reader = TarReader::new(&bytes[..]);
    while reader.next_entry().unwrap().is_some() {}
    let mut rest = Vec::new();
    reader.into_inner().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"rest");
}

#[test]
fn records_hold_line_feeds_and_override_the_header() {
    let bytes = built(|tar| {
        let capability = ("SCHILY.xattr.security.capability", &b"\n\0\n=\n"[..]);
        tar.append_pax_extensions([capability, ("path", b"real"), ("size", b"3")]).unwrap();
        let mut header = header(EntryType::Regular, "wrong", 0);
        header.set_size(0);
        header.set_cksum();
        let out = tar.get_mut();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(b"abc");
        out.resize(out.len().next_multiple_of(512), 0);
    });
    assert_eq!(read(&bytes).unwrap(), [file("real", "abc")]);
    let mut reader = TarReader::new(&bytes[..]);
    let entry = reader.next_entry().unwrap().unwrap();
    let records = reader.records(&entry).unwrap();
    assert_eq!(records.get("SCHILY.xattr.security.capability"), Some(&b"\n\0\n=\n"[..]));
}

#[test]
fn global_records_hold_for_all_that_follows() {
    let mut block = Vec::new();
    pax::append(&mut block, b"linkpath", b"everywhere").unwrap();
    let bytes = built(|tar| {
        tar.append(&header(EntryType::XGlobalHeader, "g", block.len() as u64), &block[..]).unwrap();
        tar.append(&header(EntryType::Symlink, "a", 0), &[][..]).unwrap();
        tar.append(&header(EntryType::Symlink, "b", 0), &[][..]).unwrap();
    });
    let links: Vec<_> = read(&bytes).unwrap().into_iter().map(|(_, _, link, _)| link).collect();
    assert_eq!(links, ["everywhere", "everywhere"]);
}

#[test]
fn only_files_have_data() {
    let mut bytes = Vec::new();
    for (kind, size) in [(EntryType::Link, 5000), (EntryType::Directory, 99), (EntryType::Regular, 0)] {
        bytes.extend_from_slice(header(kind, "x", size).as_bytes());
    }
    let kinds: Vec<_> = read(&bytes).unwrap().into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [Kind::HardLink, Kind::Directory, Kind::File]);
}

#[test]
fn archives_end_as_go_has_it() {
    let one = header(EntryType::Regular, "a", 0).as_bytes().to_vec();
    let zeros = [0; 512];
    for end in [vec![], zeros.to_vec(), [zeros, zeros].concat()] {
        assert_eq!(read(&[one.clone(), end].concat()).unwrap().len(), 1);
    }
    assert!(read(&[]).unwrap().is_empty());
    let half = [one.clone(), zeros.to_vec(), one.clone()].concat();
    assert!(matches!(read(&half), Err(TarError::HalfEnd { at: 1024 })));
    assert!(matches!(read(&one[..100]), Err(TarError::Truncated { at: 100, .. })));
}

#[test]
fn broken_archives_are_refused() {
    let mut bad = header(EntryType::Regular, "a", 0).as_bytes().to_vec();
    bad[0] ^= 1;
    assert!(matches!(read(&bad), Err(TarError::Checksum { at: 0 })));
    let short = header(EntryType::Regular, "a", 4000);
    assert!(matches!(read(short.as_bytes()), Err(TarError::Truncated { what: "the data of an entry", .. })));
    for kind in [EntryType::GNULongName, EntryType::GNULongLink, EntryType::XHeader, EntryType::XGlobalHeader]
    {
        let endless = header(kind, "a", 1 << 40);
        assert!(matches!(read(endless.as_bytes()), Err(TarError::TooLong { .. })), "{kind:?}");
        let lonely = built(|tar| tar.append(&header(kind, "a", 0), &[][..]).unwrap());
        let ends = matches!(read(&lonely), Err(TarError::NoEntry { .. }));
        assert_eq!(ends, kind != EntryType::XGlobalHeader, "{kind:?}");
    }
    let twice = built(|tar| {
        let long = header(EntryType::GNULongName, "a", 1);
        (0..2).for_each(|_| tar.append(&long, &b"b"[..]).unwrap());
    });
    assert!(matches!(read(&twice), Err(TarError::Twice { what: "a long name", .. })));
}

fn pax_sparse(records: &[(&str, &str)], stored: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    records.iter().for_each(|(k, v)| pax::append(&mut block, k.as_bytes(), v.as_bytes()).unwrap());
    built(|tar| {
        tar.append(&header(EntryType::XHeader, "x", block.len() as u64), &block[..]).unwrap();
        tar.append(&header(EntryType::Regular, "s", stored.len() as u64), stored).unwrap();
    })
}

#[test]
fn sparse_files_get_their_holes_back() {
    let expected = [file("s", "\0\0ab\0\0c\0")];
    let repeated = [
        ("GNU.sparse.size", "8"),
        ("GNU.sparse.offset", "2"),
        ("GNU.sparse.numbytes", "2"),
        ("GNU.sparse.offset", "6"),
        ("GNU.sparse.numbytes", "1"),
    ];
    assert_eq!(read(&pax_sparse(&repeated, b"abc")).unwrap(), expected);
    let list = [("GNU.sparse.size", "8"), ("GNU.sparse.map", "2,2,6,1,8,0")];
    assert_eq!(read(&pax_sparse(&list, b"abc")).unwrap(), expected);
    let front = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "8")];
    let mut stored = b"2\n2\n2\n6\n1\n".to_vec();
    stored.resize(512, 0);
    stored.extend_from_slice(b"abc");
    assert_eq!(read(&pax_sparse(&front, &stored)).unwrap(), expected);
}

#[test]
fn gnu_tars_own_maps_are_read() {
    let mut header = Header::new_gnu();
    header.set_path("s").unwrap();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_size(1024);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.realsize = *b"00000003000\0";
    gnu.sparse[0].offset = *b"00000001000\0";
    gnu.sparse[0].numbytes = *b"00000001000\0";
    gnu.isextended = [1];
    header.set_cksum();
    let mut more = tar::GnuExtSparseHeader::new();
    more.sparse[0].offset = *b"00000002000\0";
    more.sparse[0].numbytes = *b"00000001000\0";
    let bytes = [header.as_bytes().to_vec(), more.as_bytes().to_vec(), vec![b'z'; 1024]].concat();
    let (_, _, _, data) = read(&bytes).unwrap().remove(0);
    assert_eq!(data, [[0; 512], [b'z'; 512], [b'z'; 512]].concat());
}

#[test]
fn lying_maps_are_refused() {
    for map in ["6,1,2,2", "2,2,7,2", "2,2,6", "2,x,6,1", "2,2", "0,99999999999999999999", "-2,3", ""] {
        let bytes = pax_sparse(&[("GNU.sparse.size", "8"), ("GNU.sparse.map", map)], b"abc");
        assert!(matches!(read(&bytes), Err(TarError::Sparse { .. })), "{map:?}");
    }
    let front = [("GNU.sparse.major", "1"), ("GNU.sparse.realsize", "8")];
    for stored in [&b"9\n"[..], b"1\n0\n3", b"99999999999999999\n", b"1\n0\n3\nabc", b"x\n"] {
        assert!(matches!(read(&pax_sparse(&front, stored)), Err(TarError::Sparse { .. })), "{stored:?}");
    }
}
