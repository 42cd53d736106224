use super::*;
use crate::cim::io::MemoryDirectory;
use crate::cim::{Attributes, FileTime, Guid, ImageName, ImagePath, Metadata, Name, Writer, WriterOptions};

fn path(text: &str) -> ImagePath {
    ImagePath::parse(text).unwrap()
}

fn name(text: &str) -> ImageName {
    ImageName::new(text).unwrap()
}

fn put(writer: &mut Writer, at: &str, metadata: &Metadata<'_>, data: &[u8]) {
    let mut stream = writer.create_file(&path(at), metadata, data.len() as u64).unwrap();
    stream.append(data).unwrap();
    stream.finish().unwrap();
}

const SECURITY: &[u8] = &[
    1, 0, 4, 0x80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, // header
    1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0xF4, 1, 0, 0, // owner
    2, 0, 28, 0, 1, 0, 0, 0, 0, 3, 20, 0, 0xA9, 0, 0x12, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, // list
];

/// A private name and a name of the system, with values that begin where the names end.
const EAS: &[u8] = &[
    20, 0, 0, 0, 0, 6, 4, 0, b'S', b'E', b'C', b'R', b'E', b'T', 0, b'p', b'i', b'n', b'g',
    0, // SECRET=ping
    0, 0, 0, 0, 0, 6, 4, 0, b'$', b'L', b'X', b'U', b'I', b'D', 0, 7, 0, 0, 0,
];

/// Returns a directory with an image and its fork, which holds something of every structure.
fn directory() -> MemoryDirectory {
    let directory = std::sync::Arc::new(MemoryDirectory::new());
    let options = |set| WriterOptions {
        sync: false,
        set: Some(Guid::from_content([set; 16])),
        ..WriterOptions::default()
    };
    let plain =
        Metadata { attributes: Attributes::ARCHIVE, ..Metadata::default() }.with_time(FileTime::UNIX_EPOCH);
    let reparse = crate::cim::reparse::build::symlink(b"private/target").unwrap();
    let mut writer = Writer::create(directory.clone(), &name("a.cim"), options(1)).unwrap();
    writer.create_directory(&path("private"), &Metadata::directory()).unwrap();
    put(
        &mut writer,
        "private/secret \u{FC}\u{202E}",
        &Metadata { security: SECURITY, eas: EAS, ..plain },
        b"contents of a file",
    );
    put(&mut writer, "shortcut", &Metadata { reparse: &reparse, ..plain }, b"");
    writer.create_file(&path("sparse"), &plain, 5000).unwrap().finish().unwrap();
    let mut stream =
        writer.create_stream(&path("shortcut"), &Name::new("private stream").unwrap(), 6).unwrap();
    stream.append(b"stream").unwrap();
    stream.finish().unwrap();
    writer.commit().unwrap();
    let mut writer = Writer::fork(directory.clone(), &name("a.cim"), &name("b.cim"), options(2)).unwrap();
    put(&mut writer, "large", &plain, &[7; 100_000]);
    writer.commit().unwrap();
    std::sync::Arc::into_inner(directory).unwrap()
}

fn text(directory: &MemoryDirectory, file: &str, options: AnatomyOptions) -> (String, u64) {
    let mut out = Vec::new();
    let faults = anatomy(directory, file, &mut out, options).unwrap();
    assert!(out.is_ascii(), "the output is ASCII");
    (String::from_utf8(out).unwrap(), faults)
}

/// Returns a copy of a directory with some bytes of one file changed.
fn patched(directory: &MemoryDirectory, file: &str, at: usize, bytes: &[u8]) -> MemoryDirectory {
    let copy = MemoryDirectory::new();
    for name in directory.list().unwrap() {
        let mut contents = directory.open(&name).unwrap().as_slice().to_vec();
        if name == file {
            contents[at..at + bytes.len()].copy_from_slice(bytes);
        }
        copy.create(&name).unwrap().write_at(&contents, 0).unwrap();
    }
    copy
}

const ANONYMOUS: AnatomyOptions = AnatomyOptions { anonymous: true, limit: Some(DEFAULT_LIMIT) };

#[test]
fn every_structure_of_a_sound_image_is_shown_without_faults() {
    let (text, faults) = text(&directory(), "b.cim", AnatomyOptions::default());
    assert_eq!(faults, 0, "{text}");
    for expected in [
        "parent 0: 01010101-0101-8101-8101-010101010101 regions=",
        "magic=cimfile0 header_len=72 type=0 reserved13=0x00 reserved14=0x0000 version=2.0 reserved24=0x0000000000000000",
        "\n  0061-007a-32 ",
        "record 1 at=",
        "created=1970-01-01T00:00:00.0000000Z",
        r#""secret \u{fc}\u{202e}" -> "#,
        "owner=S-1-5-21-1-2-3-500",
        "type=0x00 flags=0x03 size=20 mask=0x001200a9 S-1-1-0",
        r#""SECRET" next=20 flags=0x00 value_len=4 value: not shown"#,
        r#""$LXUID" next=0 flags=0x00 value_len=4 value: 07000000"#,
        "tag=0xa000000c",
        r#""private stream" at="#,
        "data of ",
        "id: BLAKE3",
        "len=5000 stream_type=0 bits=0x01",
        "\nfaults: 0\n",
    ] {
        assert!(text.contains(expected), "{expected} is missing:\n{text}");
    }
    for hidden in ["contents of", "ping"] {
        assert!(!text.contains(hidden), "{hidden} is shown");
    }
    assert!(text.len() < 64 << 10, "{} bytes", text.len());
}

#[test]
fn an_anonymous_dump_has_no_names_and_is_the_same_each_time() {
    let directory = directory();
    let (anonymous, faults) = text(&directory, "b.cim", ANONYMOUS);
    assert_eq!(faults, 0);
    let secrets =
        ["private", "secret", "SECRET", "large", "shortcut", "sparse", "b.cim", "S-1-5-21-1-2-3", "ping"];
    for hidden in secrets {
        assert!(!anonymous.contains(hidden), "{hidden}: {anonymous}");
    }
    assert!(anonymous.contains("$LXUID") && anonymous.contains("S-1-1-0"), "{anonymous}");
    assert_eq!(text(&directory, "b.cim", ANONYMOUS).0, anonymous);
    let hashes = |text: &str| text.matches('<').count();
    assert!(hashes(&anonymous) >= 8, "{anonymous}");
}

#[test]
fn a_name_has_one_hash_in_a_dump_and_another_one_in_that_of_another_image() {
    let first = directory();
    let hash_of_root_entry = |directory: &MemoryDirectory, file| {
        let (text, _) = text(directory, file, ANONYMOUS);
        let entries =
            text.lines().filter(|line| line.trim_start().starts_with('<') && line.contains(":6> -> "));
        let hashes: Vec<String> = entries.map(|line| line.trim_start()[..13].to_owned()).collect();
        assert!(!hashes.is_empty(), "{text}");
        hashes
    };
    let (a, b) = (hash_of_root_entry(&first, "a.cim"), hash_of_root_entry(&first, "b.cim"));
    assert!(b.iter().all(|hash| !a.contains(hash)), "{a:?} {b:?}");
}

#[test]
fn longer_records_and_reserved_fields_are_shown_and_are_no_faults() {
    let directory = directory();
    let changed = patched(&directory, "a.cim", 13, &[2]);
    let changed = patched(&changed, "a.cim", 24, &7_u64.to_le_bytes());
    let changed = patched(&changed, "a.cim", 16, &3_u32.to_le_bytes());
    let (text, faults) = text(&changed, "a.cim", AnatomyOptions::default());
    assert_eq!(faults, 0);
    assert!(
        text.contains("reserved13=0x02 reserved14=0x0000 version=3.0 reserved24=0x0000000000000007"),
        "{text}"
    );
    assert!(text.contains("record 2 at="), "records are read in any version");
}

#[test]
fn regions_that_are_missing_are_faults_and_the_rest_is_shown() {
    let directory = directory();
    let small = crate::cim::files::region(Guid::from_content([1; 16]), 0);
    directory.remove(&small).unwrap();
    let (text, faults) = text(&directory, "b.cim", AnatomyOptions::default());
    assert!(faults > 0 && text.contains(&format!("! region 0 {small} parent's: ")), "{text}");
    assert!(text.contains("filesystem object]") && text.contains("record 1 at="), "{text}");
}

#[test]
fn sections_are_cut_and_say_how_much_is_missing() {
    let (cut, _) =
        text(&directory(), "b.cim", AnatomyOptions { limit: Some(3), ..AnatomyOptions::default() });
    let sections: Vec<&str> = cut.split("\n[").skip(1).collect();
    assert!(sections.len() > 10);
    for section in sections {
        let lines = section.lines().skip(1).take_while(|line| !line.is_empty() && !line.starts_with("..."));
        assert!(lines.count() <= 3, "{section}");
    }
    assert!(cut.contains(" more lines, which --all shows"), "{cut}");
    let (all, _) = text(&directory(), "b.cim", AnatomyOptions { limit: None, ..AnatomyOptions::default() });
    assert!(!all.contains("--all"));
    assert_eq!(all, text(&directory(), "b.cim", AnatomyOptions::default()).0, "a small image needs no cut");
}

#[test]
fn a_file_that_holds_more_than_a_header_is_searched_for_headers() {
    let directory = MemoryDirectory::new();
    let mut bytes = vec![0; 40_000];
    bytes[..10].copy_from_slice(b"secret \0\x01\x02");
    bytes[4096..4104].copy_from_slice(headers::MAGIC);
    bytes[4096 + 12] = 1;
    bytes[4096 + 34] = 2;
    directory.create("x.bcim").unwrap().write_at(&bytes, 0).unwrap();
    let (plain, faults) = text(&directory, "x.bcim", AnatomyOptions::default());
    assert_eq!(faults, 2, "no header at the front, no filesystem object: {plain}");
    assert!(plain.contains("0x0000 73656372657420000102"), "{plain}");
    assert!(plain.contains("header at 0x1000: magic=cimfile0") && plain.contains("region_type=2"), "{plain}");
    assert!(plain.contains("\n0-1 data\n2-9 zeros\n"), "{plain}");
    let (anonymous, _) = text(&directory, "x.bcim", ANONYMOUS);
    assert!(anonymous.contains("0x0000 00000000000000000102"), "{anonymous}");
}

#[test]
fn short_objects_are_not_shown_by_their_ids() {
    let directory = directory();
    let files = directory.list().unwrap().into_iter().filter(|name| name.starts_with("objectid_01"));
    let entry = |name: String| {
        let bytes = directory.open(&name).unwrap();
        let lens = (48..).step_by(40).zip(bytes.as_slice()[48..].chunks_exact(40));
        let short = lens.filter_map(|(at, entry)| (entry[..8] == 18_u64.to_le_bytes()).then_some(at));
        short.collect::<Vec<_>>().first().map(|&at| (name.clone(), at))
    };
    let (file, entry) = files.filter_map(entry).next().expect("the file of 18 bytes has an id");
    let changed = patched(&directory, &file, entry + 8, b"ids of short objects hol");
    let (text, _) = text(&changed, "a.cim", AnatomyOptions::default());
    assert!(text.contains("id: unknown\n") && !text.contains("6964732"), "{text}");
}

#[test]
fn a_dump_that_cannot_be_written_is_an_error() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = anatomy(&directory(), "a.cim", &mut Full, AnatomyOptions::default()).unwrap_err();
    assert_eq!(error.kind(), crate::cim::ErrorKind::NoSpace);
}
