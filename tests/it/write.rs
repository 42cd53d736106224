//! What is written reads back: from scratch, over an existing image, and through forks.

use cimsnap::cim::{ErrorKind, Image, Metadata, Writer, WriterOptions};

use crate::support::{cat, file_metadata, image_name, memory, mkdir, name, patched, path, put};

const UNSYNCED: WriterOptions = WriterOptions { sync: false, ..WriterOptions::DEFAULT };

#[test]
fn an_image_from_scratch_reads_back() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), UNSYNCED).unwrap();
    mkdir(&mut writer, "dir");
    put(&mut writer, "dir/small", b"hello");
    let large: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
    put(&mut writer, "dir/large", &large);
    put(&mut writer, "empty", b"");
    writer.commit().unwrap();

    let image = Image::open_in(directory, &image_name("a.cim")).unwrap();
    assert_eq!(cat(&image, "DIR/Small").unwrap(), b"hello");
    assert_eq!(cat(&image, "dir/large").unwrap(), large);
    assert_eq!(cat(&image, "empty").unwrap(), b"");
    assert_eq!(cat(&image, "dir/none"), None);
    let file = image.find(&path("dir/small")).unwrap().unwrap();
    assert_eq!(file.creation_time.raw(), 1);
    assert_eq!(file.last_access_time.raw(), 4);
    assert_eq!(file.parent, Some(image.find(&path("dir")).unwrap().unwrap().id));
}

#[test]
fn a_fork_shares_and_the_parent_stays() {
    let directory = memory();
    let (a, b) = (image_name("a.cim"), image_name("b.cim"));
    let mut writer = Writer::create(directory.clone(), &a, UNSYNCED).unwrap();
    mkdir(&mut writer, "d");
    put(&mut writer, "d/keep", b"keep");
    put(&mut writer, "d/gone", b"gone");
    put(&mut writer, "d/change", b"old");
    writer.commit().unwrap();
    let mut writer = Writer::fork(directory.clone(), &a, &b, UNSYNCED).unwrap();
    writer.delete(&path("d/gone")).unwrap();
    put(&mut writer, "d/change", b"new");
    put(&mut writer, "d/same", b"keep");
    writer.commit().unwrap();

    let (a, b) = (Image::open_in(directory.clone(), &a).unwrap(), Image::open_in(directory, &b).unwrap());
    assert_eq!(cat(&a, "d/gone").unwrap(), b"gone");
    assert_eq!(cat(&a, "d/change").unwrap(), b"old");
    assert_eq!(cat(&b, "d/gone"), None);
    assert_eq!(cat(&b, "d/change").unwrap(), b"new");
    let place = |at: &str| b.find(&path(at)).unwrap().unwrap().data.offset;
    assert_eq!(place("d/same"), place("d/keep"), "the same bytes lie once");
}

#[test]
fn hard_links_count_through_forks() {
    let directory = memory();
    let (a, b) = (image_name("a.cim"), image_name("b.cim"));
    let mut writer = Writer::create(directory.clone(), &a, UNSYNCED).unwrap();
    mkdir(&mut writer, "x");
    mkdir(&mut writer, "y");
    put(&mut writer, "x/one", b"data");
    writer.link(&path("y/two"), &path("x/one")).unwrap();
    writer.link(&path("y/three"), &path("y/two")).unwrap();
    writer.commit().unwrap();
    let image = Image::open_in(directory.clone(), &a).unwrap();
    let id = image.find(&path("x/one")).unwrap().unwrap().id;
    assert_eq!(image.find(&path("y/three")).unwrap().unwrap().id, id);
    assert_eq!(image.links().unwrap().count(id), 3);

    let mut writer = Writer::fork(directory.clone(), &a, &b, UNSYNCED).unwrap();
    writer.delete(&path("x")).unwrap();
    writer.delete(&path("y/two")).unwrap();
    writer.commit().unwrap();
    let image = Image::open_in(directory, &b).unwrap();
    let file = image.find(&path("y/three")).unwrap().unwrap();
    assert_eq!(
        (image.links().unwrap().count(file.id), cat(&image, "y/three").unwrap()),
        (1, b"data".to_vec())
    );
    assert_eq!(file.parent, Some(image.find(&path("y")).unwrap().unwrap().id));
}

#[test]
fn streams_and_sparse_data_read_back() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), UNSYNCED).unwrap();
    put(&mut writer, "f", b"main");
    let mut stream = writer.create_stream(&path("f"), &name("side"), 10).unwrap();
    stream.append(b"short").unwrap();
    stream.finish().unwrap();
    writer.create_file(&path("zeros"), &file_metadata(), 1 << 40).unwrap().finish().unwrap();
    let mut stream = writer.create_file(&path("late"), &file_metadata(), 5 << 20).unwrap();
    stream.append(&vec![0; 3 << 20]).unwrap();
    stream.append(b"x").unwrap();
    stream.finish().unwrap();
    writer.commit().unwrap();

    let image = Image::open_in(directory, &image_name("a.cim")).unwrap();
    let file = image.find(&path("f")).unwrap().unwrap();
    let stream = image.stream(&file, name("SIDE").as_ref()).unwrap().unwrap();
    let mut bytes = [1; 10];
    assert_eq!(image.data(stream).unwrap().read_at(&mut bytes, 0), 10);
    assert_eq!(&bytes, b"short\0\0\0\0\0");
    let zeros = image.find(&path("zeros")).unwrap().unwrap();
    let data = image.data(zeros.data).unwrap();
    assert_eq!((data.len(), data.chunk((1 << 40) - 3, 100).bytes()), (1 << 40, &[0, 0, 0][..]));
    let late = cat(&image, "late").unwrap();
    assert_eq!(late.len(), 5 << 20);
    assert_eq!(late.iter().position(|&byte| byte != 0), Some(3 << 20));
}

#[test]
fn files_and_directories_take_each_others_place() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), UNSYNCED).unwrap();
    mkdir(&mut writer, "a");
    put(&mut writer, "a/b", b"1");
    mkdir(&mut writer, "A");
    assert_eq!(
        writer.kind(&path("a/b")).unwrap(),
        Some(false),
        "a directory over a directory keeps its children"
    );
    put(&mut writer, "a", b"2");
    assert_eq!(writer.kind(&path("a/b")).unwrap(), None);
    mkdir(&mut writer, "a");
    assert_eq!(writer.kind(&path("a/b")).unwrap(), None);
    put(&mut writer, "a/c", b"3");
    writer.commit().unwrap();
    let image = Image::open_in(directory, &image_name("a.cim")).unwrap();
    assert_eq!(cat(&image, "a/c").unwrap(), b"3");
}

#[test]
fn a_dropped_writer_or_stream_leaves_nothing() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), UNSYNCED).unwrap();
    put(&mut writer, "a", &[7; 10_000]);
    let mut stream = writer.create_file(&path("b"), &file_metadata(), 5).unwrap();
    stream.append(b"abc").unwrap();
    drop(stream);
    assert_eq!(writer.kind(&path("b")).unwrap(), None);
    let second = Writer::create(directory.clone(), &image_name("b.cim"), UNSYNCED).unwrap_err();
    assert_eq!(second.kind(), ErrorKind::Conflict);
    drop(writer);
    assert_eq!(directory.list().unwrap(), Vec::<String>::new());
}

#[test]
fn writes_beyond_the_declared_size_write_nothing() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), UNSYNCED).unwrap();
    let mut stream = writer.create_file(&path("a"), &Metadata::default(), 4).unwrap();
    stream.append(b"ab").unwrap();
    assert_eq!(stream.append(b"cde").unwrap_err().kind(), ErrorKind::BeyondEnd);
    stream.append(b"cd").unwrap();
    stream.finish().unwrap();
    writer.commit().unwrap();
    let image = Image::open_in(directory, &image_name("a.cim")).unwrap();
    assert_eq!(cat(&image, "a").unwrap(), b"abcd");
}

#[test]
fn a_parent_with_a_cycle_is_refused() {
    let directory = memory();
    let base = image_name("base.cim");
    let mut writer = Writer::create(directory.clone(), &base, UNSYNCED).unwrap();
    mkdir(&mut writer, "a");
    mkdir(&mut writer, "a/b");
    writer.commit().unwrap();
    let image = Image::open_in(directory.clone(), &base).unwrap();
    let a = image.find(&path("a")).unwrap().unwrap();
    let place = image.regions().place(a.data.offset);
    for id in [a.id, image.root()] {
        // The only value of the directory's table, behind its length and count.
        let lying = patched(&*directory, &place.file, place.offset + 8, &id.raw().to_le_bytes());
        let mut writer = Writer::fork(lying.clone(), &base, &image_name("fork.cim"), UNSYNCED).unwrap();
        assert_eq!(writer.delete(&path("a")).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
