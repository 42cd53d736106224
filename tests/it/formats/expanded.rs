//! Executables that are stored with their sections page-aligned.

use cimsnap::cim::check::CheckOptions;
use cimsnap::cim::ea::EaList;
use cimsnap::cim::format::{RegionType, StreamKind};
use cimsnap::cim::{
    Guid, Image, LayerSet, LayerSetWriter, Metadata, ObjectLayout, Writer, WriterOptions, check,
};

use crate::support::{cat, file_metadata, image_name, memory, name, path};

const EXPANDING: WriterOptions = WriterOptions {
    sync: false,
    layout: ObjectLayout { expand_pe: true, ..WriterOptions::DEFAULT.layout },
    ..WriterOptions::DEFAULT
};

/// A file with the headers of an executable, its sections by raw offset and length, and so many bytes of certificates at
/// its end.
pub(crate) fn executable(sections: &[(u32, u32)], certificates: u32, len: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..len).map(|at| (at % 239) as u8 + 1).collect();
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"MZ");
    put(60, &[0x80, 0, 0, 0]);
    put(0x80, b"PE\0\0");
    put(0x86, &(sections.len() as u16).to_le_bytes());
    put(0x94, &240u16.to_le_bytes());
    put(0x98, &0x20Bu16.to_le_bytes());
    put(0x98 + 32, &0x1000u32.to_le_bytes());
    put(0x98 + 56, &0x8000u32.to_le_bytes());
    put(0x98 + 108, &16u32.to_le_bytes());
    let start = if certificates == 0 { 0 } else { len as u32 - certificates };
    put(0x98 + 112 + 32, &start.to_le_bytes());
    put(0x98 + 112 + 36, &certificates.to_le_bytes());
    for (index, (at, len)) in sections.iter().enumerate() {
        put(0x188 + 40 * index + 16, &len.to_le_bytes());
        put(0x188 + 40 * index + 20, &at.to_le_bytes());
    }
    bytes
}

fn usual() -> Vec<u8> {
    executable(&[(0x400, 0x1600), (0x1A00, 0x200)], 0x123, 0x1D23)
}

fn put_in(writer: &mut Writer, at: &str, bytes: &[u8], piece: usize) {
    let mut stream = writer.create_file(&path(at), &file_metadata(), bytes.len() as u64).unwrap();
    bytes.chunks(piece).for_each(|piece| stream.append(piece).unwrap());
    stream.finish().unwrap();
}

fn assert_sound(image: &Image) {
    let report = check::check(image, CheckOptions { deep: true, max_findings: 10 });
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}

#[test]
fn pieces_of_any_size_give_the_same_image() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), EXPANDING).unwrap();
    let sizes = [1, 2, 3, 63, 64, 65, 1000, 4096, 100_000];
    for size in sizes {
        put_in(&mut writer, &format!("by {size}"), &usual(), size);
    }
    writer.commit().unwrap();
    let image = Image::open_in(directory, &image_name("a.cim")).unwrap();
    let streams = sizes.map(|size| {
        let at = format!("by {size}");
        assert!(cat(&image, &at).unwrap() == usual(), "{at}");
        image.find(&path(&at)).unwrap().unwrap().data
    });
    assert!(streams.iter().all(|stream| *stream == streams[0] && stream.kind == StreamKind::PeImage));
    assert_sound(&image);
}

#[test]
fn what_is_no_sound_executable_is_stored_plain() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), EXPANDING).unwrap();
    let files: [(&str, Vec<u8>); 7] = [
        ("text", b"MZ is how it begins".to_vec()),
        ("one byte", b"M".to_vec()),
        ("magic", b"MZ".to_vec()),
        ("cut", usual()[..0x600].to_vec()),
        ("overlapping", executable(&[(0x400, 0x1600), (0x600, 0x200)], 0, 0x1D00)),
        ("zeros", vec![0; 5000]),
        ("zeros first", [vec![0; 5000], usual()].concat()),
    ];
    for (at, bytes) in &files {
        put_in(&mut writer, at, bytes, 50);
    }
    let mut stream = writer.create_stream(&path("text"), &name("exe"), usual().len() as u64).unwrap();
    stream.append(&usual()).unwrap();
    stream.finish().unwrap();
    writer.commit().unwrap();
    let image = Image::open_in(directory, &image_name("a.cim")).unwrap();
    for (at, bytes) in &files {
        let file = image.find(&path(at)).unwrap().unwrap();
        assert_ne!(file.data.kind, StreamKind::PeImage, "{at}");
        assert_eq!((cat(&image, at).as_ref(), file.ea_len), (Some(bytes), 0), "{at}");
    }
    let text = image.find(&path("text")).unwrap().unwrap();
    let (_, stream) = image.list_streams(&text).unwrap().next().unwrap().unwrap();
    assert_eq!(stream.kind, StreamKind::Data, "a stream has no place for digests");
    assert_sound(&image);
}

#[test]
fn what_is_not_written_of_an_executable_reads_as_zeros() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), EXPANDING).unwrap();
    let whole = usual();
    for written in [0, 1, 70, 0x1000, 0x1A00, 0x1B00, 0x1D23] {
        let mut zeroed = whole.clone();
        zeroed[written..].fill(0);
        for (at, bytes) in [("short", &whole[..written]), ("whole", &zeroed)] {
            let at = path(&format!("{at} {written}"));
            let mut stream = writer.create_file(&at, &file_metadata(), whole.len() as u64).unwrap();
            stream.append(bytes).unwrap();
            stream.finish().unwrap();
        }
    }
    writer.commit().unwrap();
    let image = Image::open_in(directory, &image_name("a.cim")).unwrap();
    for written in [0, 1, 70, 0x1000, 0x1A00, 0x1B00, 0x1D23] {
        let file = |at| image.find(&path(&format!("{at} {written}"))).unwrap().unwrap();
        let bytes = |at| cat(&image, &format!("{at} {written}")).unwrap();
        assert!(bytes("short") == bytes("whole"), "{written}");
        assert_eq!(image.eas(&file("short")).unwrap(), image.eas(&file("whole")).unwrap(), "{written}");
    }
    assert_sound(&image);
}

#[test]
fn digests_take_the_place_of_older_ones() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), EXPANDING).unwrap();
    let mut old = cimsnap::cim::ea::EaBuilder::new();
    old.push(0, b"$KERNEL.PURGE.ImageHash.SHA256", b"stale").unwrap();
    old.push(0, b"KEPT", b"value").unwrap();
    let old = old.in_order();
    let metadata = Metadata { eas: &old, ..file_metadata() };
    for (at, bytes) in [("exe", usual()), ("text", b"text".to_vec())] {
        let mut stream = writer.create_file(&path(at), &metadata, bytes.len() as u64).unwrap();
        stream.append(&bytes).unwrap();
        stream.finish().unwrap();
    }
    writer.commit().unwrap();
    let image = Image::open_in(directory, &image_name("a.cim")).unwrap();
    let eas = |at| image.eas(&image.find(&path(at)).unwrap().unwrap()).unwrap();
    let names: Vec<_> =
        EaList::parse(eas("exe")).unwrap().iter().map(|ea| (ea.name, ea.value.len())).collect();
    assert_eq!(names, [(&b"KEPT"[..], 5), (b"$KERNEL.PURGE.IMAGEHASH.SHA256", 32)]);
    assert_eq!(eas("text"), old);
}

#[test]
fn an_executable_that_is_replaced_or_deleted_leaves_nothing_behind() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), EXPANDING).unwrap();
    for at in ["gone", "replaced", "renamed", "kept"] {
        put_in(&mut writer, at, &usual(), 4096);
    }
    writer.delete(&path("gone")).unwrap();
    put_in(&mut writer, "replaced", b"text", 4096);
    writer.link(&path("other"), &path("renamed")).unwrap();
    writer.delete(&path("renamed")).unwrap();
    put_in(&mut writer, "reused", b"more text", 4096);
    writer.commit().unwrap();
    let image = Image::open_in(directory, &image_name("a.cim")).unwrap();
    assert_eq!(cat(&image, "gone"), None);
    assert_eq!(
        (cat(&image, "replaced").unwrap(), cat(&image, "reused").unwrap()),
        (b"text".into(), b"more text".into())
    );
    assert!(cat(&image, "other").unwrap() == usual() && cat(&image, "kept").unwrap() == usual());
    assert_sound(&image);
}

#[test]
fn layer_sets_are_the_same_wherever_they_are_made() {
    let made = |piece: usize| {
        let directory = memory();
        let guid = Guid::from_content([5; 16]);
        let mut layer = LayerSetWriter::create(directory.clone(), guid, EXPANDING).unwrap();
        layer.ensure_directory(&path(""), &Metadata::directory()).unwrap();
        for at in ["one", "two"] {
            let mut stream = layer.create_file(&path(at), &file_metadata(), usual().len() as u64).unwrap();
            usual().chunks(piece).for_each(|piece| stream.append(piece).unwrap());
            stream.finish().unwrap();
        }
        layer.finish().unwrap();
        let names = directory.list().unwrap().into_iter().filter(|name| !name.starts_with(".cim"));
        let files: Vec<_> =
            names.map(|name| (name.clone(), directory.open(&name).unwrap().as_slice().to_vec())).collect();
        let layer = LayerSet::open(directory.clone(), guid).unwrap();
        let contents = layer.contents().unwrap();
        for edit in contents.edits() {
            if let cimsnap::cim::writer::Change::File(_, data) = edit.unwrap().change {
                let mut bytes = vec![0; data.len() as usize];
                data.read_at(&mut bytes, 0);
                assert!(bytes == usual(), "what is replayed by another engine is the file");
            }
        }
        let new = image_name("a.cim");
        layer.commit(None, &new, EXPANDING).unwrap();
        let image = Image::open_in(directory, &new).unwrap();
        assert!(cat(&image, "one").unwrap() == usual());
        let regions = image.regions();
        let data = image.find(&path("one")).unwrap().unwrap().data;
        assert_eq!(regions.region("it", data.offset).unwrap().kind(), RegionType::METADATA);
        assert_sound(&image);
        files
    };
    assert!(made(100) == made(4096));
}
