//! Reading what this library does not write by itself, and from many threads.

use std::sync::Arc;

use cimsnap::cim::format::{RawPeImage, RawPeMapping, RawStream, Stream, StreamKind};
use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{ErrorKind, Image, Writer, WriterOptions};
use zerocopy::IntoBytes;

use crate::support::{cat, image_name, memory, mkdir, patched, path, put};

fn options() -> WriterOptions {
    WriterOptions { sync: false, ..WriterOptions::default() }
}

/// An executable of 0x700 bytes, whose sections at 0x400 and 0x600 lie at 0x1000 and 0x2000.
#[test]
fn pe_images_read_as_files() {
    let directory = memory();
    let file: Vec<u8> = (0..0x700u32).map(|i| (i % 251) as u8).collect();
    let mut expanded = vec![0xEE; 0x2100];
    expanded[..0x400].copy_from_slice(&file[..0x400]);
    expanded[0x1000..0x1200].copy_from_slice(&file[0x400..0x600]);
    expanded[0x2000..0x2100].copy_from_slice(&file[0x600..]);
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), options()).unwrap();
    put(&mut writer, "exe", &expanded);
    let mapping =
        |file_offset: u32, delta: u32| RawPeMapping { file_offset: file_offset.into(), delta: delta.into() };
    let object = |data: u64| {
        let head = RawPeImage {
            data: data.into(),
            data_len: (expanded.len() as u64).into(),
            image_len: 0x3000.into(),
            mapping_count: 2.into(),
            flags: 1.into(),
        };
        [head.as_bytes(), mapping(0x400, 0xC00).as_bytes(), mapping(0x600, 0x1A00).as_bytes()].concat()
    };
    put(&mut writer, "object", &object(1));
    writer.commit().unwrap();

    // Turn the plain file into a PE image whose object is what was written as data of the other file.
    let image = Image::open_in(directory.clone(), &image_name("a.cim")).unwrap();
    let exe = image.find(&path("exe")).unwrap().unwrap();
    let place = image.regions().place(image.find(&path("object")).unwrap().unwrap().data.offset);
    let directory = patched(&*directory, &place.file, place.offset, &object(exe.data.offset.raw()));
    let object_offset = image.find(&path("object")).unwrap().unwrap().data.offset;
    let len = cimsnap::cim::StreamLen::new(file.len() as u64).unwrap();
    let stream = RawStream::from(Stream { offset: object_offset, len, kind: StreamKind::PeImage });
    let record = image.regions().place(image.record(exe.id).unwrap().place);
    let directory = patched(&*directory, &record.file, record.offset + 40, stream.as_bytes());

    let image = Image::open_in(directory, &image_name("a.cim")).unwrap();
    assert_eq!(cat(&image, "exe").unwrap(), file);
    let data = image.data(image.find(&path("exe")).unwrap().unwrap().data).unwrap();
    let mut across = [0; 4];
    assert_eq!(data.read_at(&mut across, 0x3FE), 4);
    assert_eq!(across, file[0x3FE..0x402]);
    assert_eq!(data.read_at(&mut across, 0x6FE), 2);
}

#[test]
fn unknown_versions_are_named() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), options()).unwrap();
    put(&mut writer, "f", b"x");
    writer.commit().unwrap();
    for major in [0, 4, 7] {
        let unknown = patched(&*directory, "a.cim", 16, &[major]);
        let error = Image::open_in(unknown.clone(), &image_name("a.cim")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(&format!("a.cim has format version {major}.0")), "{error}");
        let error = Writer::extend(unknown, &image_name("a.cim"), options()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn minor_versions_are_not_compared() {
    let directory = memory();
    let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), options()).unwrap();
    put(&mut writer, "f", b"x");
    writer.commit().unwrap();
    let mut newer = directory.clone();
    for name in directory.list().unwrap().iter().filter(|name| !name.starts_with("links")) {
        newer = patched(&*newer, name, 20, &[9, 1]);
    }
    let image = Image::open_in(newer.clone(), &image_name("a.cim")).unwrap();
    assert_eq!((image.version().to_string().as_str(), cat(&image, "f")), ("2.265", Some(b"x".to_vec())));
    Writer::extend(newer, &image_name("a.cim"), options()).unwrap().commit().unwrap();
}

#[test]
fn many_threads_read_one_image() {
    let directory = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Directory> = Arc::new(DiskDirectory::new(directory.path()));
    let mut writer = Writer::create(disk.clone(), &image_name("a.cim"), options()).unwrap();
    for d in 0..20 {
        mkdir(&mut writer, &format!("d{d}"));
        for f in 0..50 {
            put(&mut writer, &format!("d{d}/f{f}"), format!("{d} {f} ").repeat(f * 30 + 1).as_bytes());
        }
    }
    writer.commit().unwrap();
    let image = Image::open_in(disk, &image_name("a.cim")).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let image = &image;
            scope.spawn(move || {
                for number in 0..1000 {
                    let (d, f) = ((number * 7 + thread) % 20, (number * 13 + thread) % 50);
                    let expected = format!("{d} {f} ").repeat(f * 30 + 1);
                    assert_eq!(cat(image, &format!("D{d}/F{f}")).unwrap(), expected.as_bytes());
                }
            });
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_writer_keeps_other_processes_out() {
    let directory = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Directory> = Arc::new(DiskDirectory::new(directory.path()));
    let writer = Writer::create(disk.clone(), &image_name("a.cim"), options()).unwrap();
    let try_lock = || {
        let mut flock = std::process::Command::new("flock");
        flock.args(["--nonblock", "--exclusive"]).arg(directory.path().join(".cim-writer.lock")).arg("true");
        flock.status().unwrap().success()
    };
    assert!(!try_lock(), "another process got the lock of a writer at work");
    drop(writer);
    assert!(try_lock(), "the lock outlived its writer");
}
