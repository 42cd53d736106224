//! Data: in pieces, by many at once, sparse, in executables.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};

use cimsnap::cim::format::{RawPeImage, RawPeMapping, RawStream, Stream, StreamKind};
use cimsnap::cim::{Image, RegionOffset, StreamLen};
use rustix::fs::SeekFrom;
use zerocopy::IntoBytes;

use super::Scene;
use crate::support::{path, put};

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at ^ (at >> 8) ^ (at >> 16)) & 0xFF).unwrap()).collect()
}

#[test]
fn any_range_reads() {
    let data = pattern(2_500_003);
    let scene = Scene::new(|writer| put(writer, "file", &data));
    let mount = scene.mount();
    let file = File::open(mount.path("file")).unwrap();
    for (offset, len) in [
        (2_499_999, 10),
        (0, 1),
        (1, 4095),
        (4095, 2),
        (131_071, 131_074),
        (1_000_001, 1_048_577),
        (2_500_003, 5),
    ] {
        let mut buffer = vec![0; len];
        let read = file.read_at(&mut buffer, offset).unwrap();
        let start = usize::try_from(offset).unwrap();
        assert_eq!(buffer[..read], data[start..(start + len).min(data.len())], "{offset}+{len}");
    }
    assert_eq!(file.read_at(&mut [0; 8], 1 << 40).unwrap(), 0);
}

#[test]
fn many_readers_see_the_same() {
    let data = pattern(8 << 20);
    let scene = Scene::new(|writer| {
        for number in 0..4 {
            put(writer, &format!("file{number}"), &data[number..]);
        }
    });
    let mount = scene.mount();
    std::thread::scope(|scope| {
        for reader in 0..16usize {
            let (data, mount) = (&data, &mount);
            scope.spawn(move || {
                let number = reader % 4;
                let file = File::open(mount.path(&format!("file{number}"))).unwrap();
                let mut buffer = vec![0; 70_001];
                for step in 0..100 {
                    let at = (reader * 977 + step * 83_003) % (data.len() - 100_000);
                    file.read_exact_at(&mut buffer, u64::try_from(at).unwrap()).unwrap();
                    assert!(buffer == data[number + at..][..buffer.len()]);
                }
            });
        }
    });
}

#[test]
fn what_was_not_written_is_zero() {
    let scene = Scene::new(|writer| {
        let metadata = crate::support::file_metadata();
        let mut stream = writer.create_file(&path("short"), &metadata, 5_000_000).unwrap();
        stream.append(b"begin").unwrap();
        stream.finish().unwrap();
    });
    let mount = scene.mount();
    let short = fs::read(mount.path("short")).unwrap();
    assert_eq!(short.len(), 5_000_000);
    assert!(short.starts_with(b"begin") && short[5..].iter().all(|&byte| byte == 0));
}

#[test]
fn a_sparse_file_is_one_hole() {
    let scene = Scene::new(|writer| put(writer, "file", b"data"));
    patch_stream(&scene.image(), "file", |_| Stream {
        offset: RegionOffset::NULL,
        len: StreamLen::new(3 << 30).unwrap(),
        kind: StreamKind::Sparse,
    });
    let mount = scene.mount();
    let file = File::open(mount.path("file")).unwrap();
    let stat = file.metadata().unwrap();
    assert_eq!((stat.len(), stat.blocks()), (3 << 30, 0));
    let mut buffer = vec![1; 3_000_000];
    file.read_exact_at(&mut buffer, (2 << 30) + 1).unwrap();
    assert!(buffer.iter().all(|&byte| byte == 0));
    assert!(rustix::fs::seek(&file, SeekFrom::Data(0)).is_err());
    assert_eq!(rustix::fs::seek(&file, SeekFrom::Hole(7)).unwrap(), 7);
}

#[test]
fn an_executable_reads_as_it_was_before_it_was_spread() {
    // The file: 0x400 of headers, then two sections. On disk each section lies a page further.
    let (headers, first, second) = (pattern(0x400), vec![1; 0x600], vec![2; 0x1234]);
    let spread = [headers.clone(), vec![9; 0xC00], first.clone(), vec![9; 0xA00], second.clone()].concat();
    let plain = [headers, first, second].concat();
    let mapping =
        |file_offset: u32, delta: u32| RawPeMapping { file_offset: file_offset.into(), delta: delta.into() };
    let mappings = [mapping(0x400, 0xC00), mapping(0xA00, 0x1600)];
    let object_len = size_of::<RawPeImage>() + size_of_val(&mappings);
    let scene = Scene::new(|writer| {
        put(writer, "exe", &spread);
        put(writer, "object", &vec![0xEE; object_len]);
    });
    let image = scene.image();
    let object = image.find(&path("object")).unwrap().unwrap().data.offset;
    let len = u64::try_from(plain.len()).unwrap();
    patch_stream(&image, "exe", |stream| {
        let raw = RawPeImage {
            data: stream.offset.raw().into(),
            data_len: u64::try_from(spread.len()).unwrap().into(),
            image_len: 0.into(),
            mapping_count: 2.into(),
            flags: 1.into(),
        };
        let bytes = [raw.as_bytes(), mappings.as_bytes()].concat();
        patch(&image, object, &bytes);
        Stream { offset: object, len: StreamLen::new(len).unwrap(), kind: StreamKind::PeImage }
    });
    let mount = scene.mount();
    assert_eq!(fs::read(mount.path("exe")).unwrap(), plain);
    let file = File::open(mount.path("exe")).unwrap();
    let mut buffer = [0; 0x700];
    file.read_exact_at(&mut buffer, 0x3FF).unwrap();
    assert_eq!(buffer, plain[0x3FF..0xAFF]);
}

/// Overwrites bytes of an image on disk.
pub(super) fn patch(image: &Image, at: RegionOffset, bytes: &[u8]) {
    let region = image.regions().region("the patch", at).unwrap();
    let path = image.containing_directory().path().join(region.name());
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(bytes, at.byte()).unwrap();
}

/// Exchanges the data stream in a file's record.
pub(super) fn patch_stream(image: &Image, name: &str, change: impl FnOnce(Stream) -> Stream) {
    let file = image.find(&path(name)).unwrap().unwrap();
    let record = image.record(file.id).unwrap().place;
    let at = RegionOffset::new(record.region(), record.byte() + 40).unwrap();
    patch(image, at, RawStream::from(change(file.data)).as_bytes());
}
