//! Two images of one tree are the same, and each thing that is changed is told, and nothing else.

use std::sync::Arc;

use super::{Changes, Difference, diff};
use crate::cim::io::{Directory, MemoryDirectory};
use crate::cim::{
    Attributes, CaseRule, ErrorKind, FileTime, Guid, Image, ImageName, ImagePath, Metadata, Name, Writer,
    WriterOptions,
};

const OPTIONS: WriterOptions =
    WriterOptions { case: CaseRule::Distinguish, sync: false, ..WriterOptions::DEFAULT };

fn path(text: &str) -> ImagePath {
    ImagePath::parse(text).unwrap()
}

fn image_name(text: &str) -> ImageName {
    ImageName::new(text).unwrap()
}

fn put(writer: &mut Writer, at: &str, metadata: &Metadata<'_>, data: &[u8]) {
    let mut stream = writer.create_file(&path(at), metadata, data.len() as u64).unwrap();
    stream.append(data).unwrap();
    stream.finish().unwrap();
}

fn plain() -> Metadata<'static> {
    Metadata::default().with_time(FileTime::from_raw(7))
}

fn tree(writer: &mut Writer) {
    for at in ["a", "b", "b/deep"] {
        writer.create_directory(&path(at), &Metadata::directory()).unwrap();
    }
    put(writer, "a/one", &plain(), b"one");
    put(writer, "a/big", &plain(), &[5; 40_000]);
    put(writer, "b/deep/two", &plain(), b"two");
    writer.link(&path("b/link"), &path("a/one")).unwrap();
    let mut stream = writer.create_stream(&path("a/big"), &Name::new("side").unwrap(), 4).unwrap();
    stream.append(b"side").unwrap();
    stream.finish().unwrap();
}

/// A tree and a fork of it, in one directory.
fn fork(edit: impl FnOnce(&mut Writer)) -> (Image, Image) {
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
    let (a, b) = (image_name("a.cim"), image_name("b.cim"));
    let mut writer = Writer::create(directory.clone(), &a, OPTIONS).unwrap();
    tree(&mut writer);
    writer.commit().unwrap();
    let mut writer = Writer::fork(directory.clone(), &a, &b, OPTIONS).unwrap();
    edit(&mut writer);
    writer.commit().unwrap();
    (Image::open_in(directory.clone(), &a).unwrap(), Image::open_in(directory, &b).unwrap())
}

fn differences(left: &Image, right: &Image) -> Vec<(String, Difference)> {
    let mut found = Vec::new();
    diff(left, right, |path, difference| {
        found.push((path.to_string(), difference));
        Ok::<_, crate::cim::CimError>(())
    })
    .unwrap();
    found
}

fn edited(edit: impl FnOnce(&mut Writer)) -> Vec<(String, Difference)> {
    let (left, right) = fork(edit);
    differences(&left, &right)
}

#[test]
fn the_same_tree_in_other_places_is_the_same() {
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
    let mut writer = Writer::create(directory.clone(), &image_name("c.cim"), OPTIONS).unwrap();
    // Other ids, other offsets.
    put(&mut writer, "first", &plain(), &[1; 100]);
    tree(&mut writer);
    writer.delete(&path("first")).unwrap();
    writer.commit().unwrap();
    let other = Image::open_in(directory, &image_name("c.cim")).unwrap();
    let (left, right) = fork(|_| {});
    assert_eq!(differences(&left, &right), []);
    assert_eq!(differences(&left, &other), []);
    assert_eq!(differences(&other, &right), []);
}

#[test]
fn what_comes_and_goes_is_told_with_all_below() {
    let found = edited(|writer| {
        writer.delete(&path("b/deep")).unwrap();
        writer.create_directory(&path("new"), &Metadata::directory()).unwrap();
        put(writer, "new/file", &plain(), b"");
        put(writer, "A", &plain(), b"");
    });
    let expected = [
        ("/A", Difference::Added { directory: false }),
        ("/b/deep", Difference::Removed { directory: true }),
        ("/b/deep/two", Difference::Removed { directory: false }),
        ("/new", Difference::Added { directory: true }),
        ("/new/file", Difference::Added { directory: false }),
    ];
    assert_eq!(found, expected.map(|(path, difference)| (path.to_owned(), difference)));
}

#[test]
fn a_file_that_becomes_a_directory_is_changed() {
    let found = edited(|writer| {
        writer.delete(&path("b/deep")).unwrap();
        put(writer, "b/deep", &plain(), b"");
    });
    let expected = [
        ("/b/deep".to_owned(), Difference::Changed(Changes::KIND)),
        ("/b/deep/two".to_owned(), Difference::Removed { directory: false }),
    ];
    assert_eq!(found, expected);
}

#[test]
fn each_change_is_told_apart() {
    let security = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let eas = [0, 0, 0, 0, 0, 1, 1, 0, b'N', 0, b'V'];
    let reparse = [&0xA000_001Du32.to_le_bytes()[..], &[8, 0, 0, 0], &[2, 0, 0, 0], b"file"].concat();
    let later = FileTime::from_raw(8);
    let cases: [(Metadata<'_>, &[u8], Changes); 6] = [
        (Metadata { attributes: Attributes::HIDDEN, ..plain() }, b"two", Changes::ATTRIBUTES),
        (Metadata { change_time: later, ..plain() }, b"two", Changes::TIMES),
        (plain(), b"2wo", Changes::DATA),
        (Metadata { security: &security, ..plain() }, b"two", Changes::SECURITY),
        (Metadata { eas: &eas, ..plain() }, b"two", Changes::EAS),
        (Metadata { reparse: &reparse, ..plain() }, b"two", Changes::REPARSE | Changes::ATTRIBUTES),
    ];
    for (metadata, data, changes) in cases {
        let found = edited(|writer| put(writer, "b/deep/two", &metadata, data));
        assert_eq!(found, [("/b/deep/two".to_owned(), Difference::Changed(changes))]);
    }
}

#[test]
fn streams_and_links_are_compared() {
    let side = Name::new("side").unwrap();
    let found = edited(|writer| writer.delete_stream(&path("a/big"), &side).unwrap());
    assert_eq!(found, [("/a/big".to_owned(), Difference::Changed(Changes::STREAMS))]);
    // A copy in place of a link: each of the two has one name now.
    let found = edited(|writer| {
        writer.delete(&path("b/link")).unwrap();
        put(writer, "b/link", &plain(), b"one");
    });
    let links = Difference::Changed(Changes::LINKS);
    assert_eq!(found, [("/a/one".to_owned(), links), ("/b/link".to_owned(), links)]);
}

#[test]
fn data_is_the_same_wherever_it_lies() {
    let images = [7, 0].map(|byte| {
        let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
        let options = WriterOptions { set: Some(Guid::from_content([1; 16])), ..OPTIONS };
        let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), options).unwrap();
        put(&mut writer, "f", &plain(), &[7; 40_000]);
        writer.create_file(&path("zeros"), &plain(), 40_000).unwrap().finish().unwrap();
        writer.commit().unwrap();
        // Data of zeros that is stored all the same, as another writer may do.
        let patched = MemoryDirectory::new();
        for name in directory.list().unwrap() {
            let mut bytes = directory.open(&name).unwrap().as_slice().to_vec();
            if name.ends_with("_0") && name.starts_with("region") {
                bytes.iter_mut().skip(4096).take(40_000).for_each(|at| *at = byte);
            }
            patched.create(&name).unwrap().write_at(&bytes, 0).unwrap();
        }
        Image::open_in(Arc::new(patched), &image_name("a.cim")).unwrap()
    });
    let data = Difference::Changed(Changes::DATA);
    assert_eq!(differences(&images[0], &images[1]), [("/f".to_owned(), data)]);
    let file = |image: &Image, at: &str| image.find(&path(at)).unwrap().unwrap().data;
    let mut comparer = super::Comparer::new(&images[1], &images[1]).unwrap();
    let (stored, sparse) = (file(&images[1], "f"), file(&images[1], "zeros"));
    assert_ne!(stored.kind, sparse.kind);
    assert!(comparer.same_data(stored, sparse).unwrap() && comparer.same_data(sparse, stored).unwrap());
    let mut comparer = super::Comparer::new(&images[0], &images[1]).unwrap();
    assert!(!comparer.same_data(stored, sparse).unwrap());
}

#[test]
fn directories_that_lead_back_are_an_error() {
    let (image, _) = fork(|_| {});
    let mut side = super::walk::Side::new(&image);
    let root = image.file(image.root()).unwrap();
    assert_eq!(side.names(Some(root), super::walk::disk_order).unwrap().count(), 2);
    assert_eq!(side.names(Some(root), super::walk::disk_order).unwrap_err().kind(), ErrorKind::Corrupt);
}
