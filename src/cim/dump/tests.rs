//! What a listing says, and what it does not.

use std::sync::Arc;

use super::{DumpOptions, dump, dump_json};
use crate::cim::io::{Directory, MemoryDirectory};
use crate::cim::{Attributes, FileTime, Image, ImageName, ImagePath, Metadata, Name, Writer, WriterOptions};

fn path(text: &str) -> ImagePath {
    ImagePath::parse(text).unwrap()
}

fn put(writer: &mut Writer, at: &str, metadata: &Metadata<'_>, data: &[u8]) {
    let mut stream = writer.create_file(&path(at), metadata, data.len() as u64).unwrap();
    stream.append(data).unwrap();
    stream.finish().unwrap();
}

fn image(edit: impl FnOnce(&mut Writer)) -> Image {
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
    let name = ImageName::new("a.cim").unwrap();
    let options = WriterOptions { sync: false, ..WriterOptions::default() };
    let mut writer = Writer::create(directory.clone(), &name, options).unwrap();
    edit(&mut writer);
    writer.commit().unwrap();
    Image::open_in(directory, &name).unwrap()
}

fn text(image: &Image, options: DumpOptions) -> String {
    let mut out = Vec::new();
    dump(image, &mut out, options).unwrap();
    String::from_utf8(out).unwrap()
}

fn sample(writer: &mut Writer) {
    let reparse = [&0xA000_001Du32.to_le_bytes()[..], &[8, 0, 0, 0], &[2, 0, 0, 0], b"file"].concat();
    let eas = [0, 0, 0, 0, 0, 1, 1, 0, b'N', 0, b'V'];
    let security = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let plain = Metadata::default().with_time(FileTime::UNIX_EPOCH);
    writer
        .create_directory(&path("dir"), &Metadata { security: &security, ..Metadata::directory() })
        .unwrap();
    put(writer, "dir/file", &Metadata { attributes: Attributes::ARCHIVE, ..plain }, b"hello");
    writer.link(&path("same"), &path("dir/file")).unwrap();
    put(writer, "link", &Metadata { reparse: &reparse, ..plain }, b"");
    put(writer, "eas", &Metadata { eas: &eas, ..plain }, b"");
    put(writer, "late", &Metadata { last_write_time: FileTime::from_raw(1), ..plain }, b"hello");
    writer.create_file(&path("zeros"), &plain, 5000).unwrap().finish().unwrap();
    let mut stream = writer.create_stream(&path("late"), &Name::new("side").unwrap(), 5).unwrap();
    stream.append(b"hello").unwrap();
    stream.finish().unwrap();
}

/// The front of the BLAKE3 hash of `hello`.
const HELLO: &str = "ea8f163db38682925e4491c5";

#[test]
fn a_listing_says_everything_in_name_order() {
    let options = DumpOptions { data: true, times: false };
    let text = text(&image(sample), options);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[0], "\"/\" dir attributes=0x10 size=0");
    assert!(lines[1].starts_with("\"/dir\" dir attributes=0x10 size=0 security="));
    assert_eq!(lines[2], format!("\"/dir/file\" file attributes=0x20 size=5 data={HELLO} links=2"));
    assert!(lines[3].starts_with("\"/eas\" file attributes=0x80 size=0 eas="));
    let late = format!("\"/late\" file attributes=0x80 size=5 data={HELLO} stream=\"side\":5:{HELLO}");
    assert_eq!(lines[4], late);
    assert!(lines[5].starts_with("\"/link\" file attributes=0x400 size=0 reparse=0xa000001d:"));
    let same = format!("\"/same\" file attributes=0x20 size=5 data={HELLO} links=2 link=\"/dir/file\"");
    assert_eq!(lines[6], same);
    assert_eq!(lines[7], "\"/zeros\" file attributes=0x80 size=5000 data=zeros");
}

#[test]
fn times_and_data_are_shown_on_request() {
    let image = image(sample);
    let line = |options| text(&image, options).lines().nth(4).unwrap().to_owned();
    let (epoch, first) = ("1970-01-01T00:00:00.0000000Z", "1601-01-01T00:00:00.0000001Z");
    assert_eq!(
        line(DumpOptions { data: false, times: true }),
        format!(
            "\"/late\" file attributes=0x80 created={epoch} written={first} changed={epoch} accessed={epoch} \
             size=5 stream=\"side\":5"
        )
    );
    assert_eq!(
        line(DumpOptions { data: false, times: false }),
        "\"/late\" file attributes=0x80 size=5 stream=\"side\":5"
    );
}

#[test]
fn ids_and_offsets_do_not_show() {
    let plain = image(sample);
    let shuffled = image(|writer| {
        put(writer, "first", &Metadata::default(), &[1; 100]);
        put(writer, "zeros", &Metadata::default(), &[1; 9000]);
        sample(writer);
        writer.delete(&path("first")).unwrap();
    });
    let options = DumpOptions::default();
    assert_eq!(text(&plain, options), text(&shuffled, options));
    let place = |image: &Image| image.find(&path("late")).unwrap().unwrap();
    assert_ne!(place(&plain), place(&shuffled));
}

#[test]
fn each_line_of_json_is_an_entry() {
    let mut out = Vec::new();
    dump_json(&image(sample), &mut out, DumpOptions::default()).unwrap();
    let lines = out.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let entries: Vec<serde_json::Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(entries.len(), 8);
    assert_eq!(entries[0]["path"], "/");
    assert_eq!(entries[1]["kind"], "directory");
    assert_eq!(entries[4]["written"], "1601-01-01T00:00:00.0000001Z");
    assert_eq!(entries[4]["streams"][0]["data"], HELLO);
    assert_eq!(entries[5]["reparse"]["tag"], 0xA000_001Du32);
    assert_eq!(entries[6]["links"]["first"], "/dir/file");
    assert_eq!(entries[2]["links"].get("first"), None);
}

#[test]
fn a_listing_that_cannot_be_written_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _bytes: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let error = dump(&image(sample), &mut Full, DumpOptions::default()).unwrap_err();
    assert_eq!(error.kind(), crate::cim::ErrorKind::NoSpace);
    assert_eq!(error.to_string(), "cannot write the listing");
}
