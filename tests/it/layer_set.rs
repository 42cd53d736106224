//! Layer sets: the same bytes each time, shared by many images, and checked before they are believed.

use std::sync::Arc;

use cimsnap::cim::check::{CheckOptions, check};
use cimsnap::cim::io::Directory;
use cimsnap::cim::{
    CimError, ErrorKind, FileTime, Guid, Image, ImageName, LayerSet, LayerSetWriter, Lease, Metadata, Writer,
    WriterOptions,
};

use crate::support::{cat, file_metadata, image_name, memory, mkdir, name, patched, path, put};

fn options() -> WriterOptions {
    WriterOptions { sync: false, ..WriterOptions::default() }
}

fn guid() -> Guid {
    Guid::from_content([5; 16])
}

fn write_layer(directory: &Arc<dyn Directory>) {
    let mut layer = LayerSetWriter::create(directory.clone(), guid(), options()).unwrap();
    fill(&mut layer);
    layer.finish().unwrap();
}

fn fill(layer: &mut LayerSetWriter) {
    layer.ensure_directory(&path("shared"), &Metadata::directory().with_time(FileTime::from_raw(9))).unwrap();
    for (at, data) in [("shared/large", vec![3; 100_000]), ("shared/small", b"small".to_vec())] {
        let mut stream = layer.create_file(&path(at), &file_metadata(), data.len() as u64).unwrap();
        stream.append(&data).unwrap();
        stream.finish().unwrap();
    }
    let mut stream = layer.create_stream(&path("shared/small"), &name("side"), 4).unwrap();
    stream.append(b"side").unwrap();
    stream.finish().unwrap();
    layer.link(&path("shared/again"), &path("shared/small")).unwrap();
    layer.delete(&path("gone")).unwrap();
}

fn base(directory: &Arc<dyn Directory>, name: &ImageName, time: u64) {
    let mut writer = Writer::create(directory.clone(), name, options()).unwrap();
    let metadata = Metadata::directory().with_time(FileTime::from_raw(time));
    writer.create_directory(&path("shared"), &metadata).unwrap();
    mkdir(&mut writer, "gone");
    put(&mut writer, "gone/file", name.as_str().as_bytes());
    writer.commit().unwrap();
}

fn set_bytes(directory: &dyn Directory) -> Vec<(String, Vec<u8>)> {
    let of_set = |name: &String| cimsnap::cim::files::set_of(name) == Some(guid());
    let names = directory.list().unwrap().into_iter().filter(of_set);
    names.map(|name| (name.clone(), directory.open(&name).unwrap().as_slice().to_vec())).collect()
}

#[test]
fn the_same_layer_gives_the_same_bytes() {
    let (one, two) = (memory(), memory());
    write_layer(&one);
    // Other images in the directory change nothing.
    base(&two, &image_name("base.cim"), 1);
    write_layer(&two);
    let bytes = set_bytes(&*one);
    assert_eq!(bytes, set_bytes(&*two));
    let kinds: Vec<_> = bytes.iter().map(|(name, _)| name.split('_').next().unwrap()).collect();
    assert_eq!(kinds, ["journal", "objectid", "objectid", "region", "region"]);
}

#[test]
fn images_share_the_files_of_a_layer() {
    let directory = memory();
    write_layer(&directory);
    let layer = LayerSet::open(directory.clone(), guid()).unwrap();
    let before = set_bytes(&*directory);
    for number in 0..3u8 {
        let (parent, new) = (image_name(&format!("base{number}.cim")), image_name(&format!("{number}.cim")));
        base(&directory, &parent, number.into());
        let header = layer.commit(Some(&parent), &new, options()).unwrap();
        assert!(header.parents.contains(&layer.set()));
        let image = Image::open_in(directory.clone(), &new).unwrap();
        let large = image.find(&path("shared/large")).unwrap().unwrap();
        let region = image.regions().region("data", large.data.offset).unwrap();
        assert_eq!(
            cimsnap::cim::files::set_of(region.name()),
            Some(guid()),
            "the data lies in the layer's set"
        );
        assert_eq!(cat(&image, "shared/again").unwrap(), b"small");
        assert_eq!(cat(&image, "gone/file"), None);
        let shared = image.find(&path("shared")).unwrap().unwrap();
        assert_eq!(
            shared.creation_time.raw(),
            u64::from(number),
            "a directory that is there keeps its metadata"
        );
        assert_eq!(large.base_region, large.data.offset.region());
    }
    assert_eq!(set_bytes(&*directory), before);
}

#[test]
fn a_layer_needs_no_parent() {
    let directory = memory();
    write_layer(&directory);
    let layer = LayerSet::open(directory.clone(), guid()).unwrap();
    layer.commit(None, &image_name("alone.cim"), options()).unwrap();
    let image = Image::open_in(directory, &image_name("alone.cim")).unwrap();
    let shared = image.find(&path("shared")).unwrap().unwrap();
    assert_eq!(shared.creation_time.raw(), 9);
}

#[test]
fn a_second_layer_of_the_same_id_is_refused() {
    let directory = memory();
    write_layer(&directory);
    let before = set_bytes(&*directory);
    let error = LayerSetWriter::create(directory.clone(), guid(), options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(set_bytes(&*directory), before);
}

#[test]
fn an_id_may_come_last() {
    let (one, two) = (memory(), memory());
    write_layer(&one);
    let mut layer = LayerSetWriter::unnamed(two.clone(), options()).unwrap();
    fill(&mut layer);
    layer.finish_as(guid()).unwrap();
    assert_eq!(set_bytes(&*one), set_bytes(&*two));
    assert_eq!(two.list().unwrap(), one.list().unwrap());

    let mut again = LayerSetWriter::unnamed(two.clone(), options()).unwrap();
    fill(&mut again);
    let error = again.finish_as(guid()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(two.list().unwrap(), one.list().unwrap());
    LayerSet::open(two, guid()).unwrap();
}

#[test]
fn layers_are_written_side_by_side_under_a_lease() {
    let directory = memory();
    let lease = Lease::take(directory.clone()).unwrap();
    let ids: Vec<Guid> = (0..4u8).map(|number| Guid::from_content([number; 16])).collect();
    std::thread::scope(|scope| {
        for id in &ids {
            let lease = &lease;
            scope.spawn(move || {
                let mut layer = LayerSetWriter::create(lease, *id, options()).unwrap();
                fill(&mut layer);
                layer.finish().unwrap();
            });
        }
    });
    for (id, number) in ids.iter().zip(0..) {
        let name = image_name(&format!("{number}.cim"));
        LayerSet::open(&lease, *id).unwrap().commit(None, &name, options()).unwrap();
        assert_eq!(
            cat(&Image::open_in(directory.clone(), &name).unwrap(), "shared/small").unwrap(),
            b"small"
        );
    }
}

#[test]
fn a_lease_gives_each_name_to_one_writer() {
    let directory = memory();
    let lease = Lease::take(directory.clone()).unwrap();
    let kind = |result: Result<LayerSetWriter, _>| result.map(drop).map_err(|error: CimError| error.kind());
    let first = LayerSetWriter::create(&lease, guid(), options()).unwrap();
    assert_eq!(kind(LayerSetWriter::create(&lease, guid(), options())), Err(ErrorKind::Conflict));
    assert_eq!(kind(LayerSetWriter::unnamed(directory.clone(), options())), Err(ErrorKind::Conflict));
    let image = Writer::create(&lease, &image_name("a.cim"), options()).unwrap();
    let error = Writer::create(&lease, &image_name("a.cim"), options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    drop((first, image));
    drop(LayerSetWriter::create(&lease, guid(), options()).unwrap());
    assert_eq!(kind(LayerSetWriter::create(directory.clone(), guid(), options())), Err(ErrorKind::Conflict));
    drop(lease);
    drop(LayerSetWriter::create(directory.clone(), guid(), options()).unwrap());
    assert_eq!(directory.list().unwrap(), Vec::<String>::new());
}

#[test]
fn a_layer_that_does_not_fit_its_parent_leaves_nothing() {
    let directory = memory();
    let mut layer = LayerSetWriter::create(directory.clone(), guid(), options()).unwrap();
    layer.link(&path("new"), &path("not/there")).unwrap();
    layer.finish().unwrap();
    let before = directory.list().unwrap();
    let layer = LayerSet::open(directory.clone(), guid()).unwrap();
    let error = layer.commit(None, &image_name("a.cim"), options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PathNotFound);
    assert!(error.to_string().contains("/not/there"), "{error}");
    assert_eq!(directory.list().unwrap(), before);
}

#[test]
fn every_flipped_bit_of_a_journal_is_found() {
    let directory = memory();
    write_layer(&directory);
    let journal = format!("journal_{}", guid());
    let bytes = directory.open(&journal).unwrap();
    for (offset, &byte) in bytes.as_slice().iter().enumerate() {
        let lying = patched(&*directory, &journal, offset as u64, &[byte ^ 0x10]);
        let error = LayerSet::open(lying, guid()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "offset {offset}");
    }
}

#[test]
fn a_layer_lies_over_itself() {
    let directory = memory();
    write_layer(&directory);
    let layer = LayerSet::open(directory.clone(), guid()).unwrap();
    let names = ["1.cim", "2.cim", "3.cim"].map(image_name);
    base(&directory, &names[0], 1);
    for (parent, new) in [(&names[0], &names[1]), (&names[1], &names[2])] {
        layer.commit(Some(parent), new, options()).unwrap();
    }
    let image = Image::open_in(directory.clone(), &names[2]).unwrap();
    let listed = image.header().sets().filter(|set| set.guid == guid()).count();
    assert_eq!(listed, 1, "its files are listed once");
    assert_eq!(cat(&image, "shared/large").unwrap(), vec![3; 100_000]);
    assert_eq!(cat(&image, "shared/again").unwrap(), b"small");
    let report = check(&image, CheckOptions { deep: true, ..CheckOptions::default() });
    assert!(report.is_sound(), "{:#?}", report.findings);
}

#[test]
fn an_empty_layer_lists_nothing() {
    let directory = memory();
    LayerSetWriter::create(directory.clone(), guid(), options()).unwrap().finish().unwrap();
    let layer = LayerSet::open(directory.clone(), guid()).unwrap();
    let (parent, new) = (image_name("1.cim"), image_name("2.cim"));
    base(&directory, &parent, 1);
    let header = layer.commit(Some(&parent), &new, options()).unwrap();
    assert!(header.sets().all(|set| set.guid != guid()));
    let image = Image::open_in(directory.clone(), &new).unwrap();
    assert_eq!(cat(&image, "gone/file").unwrap(), b"1.cim");
    let report = check(&image, CheckOptions::default());
    assert!(report.is_sound(), "{:#?}", report.findings);
}

/// A process that is being started has all files of this one, until its own program begins.
#[cfg(unix)]
#[test]
fn a_lock_that_is_given_back_is_free_whoever_is_started_meanwhile() {
    use cimsnap::cim::io::DiskDirectory;
    use std::process::Command;

    let place = tempfile::tempdir().unwrap();
    let directory = DiskDirectory::new(place.path());
    directory.create("held").unwrap();
    std::thread::scope(|scope| {
        let starting = [(); 3].map(|()| {
            scope.spawn(|| (0..200).for_each(|_| assert!(Command::new("true").status().unwrap().success())))
        });
        while !starting.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            assert!(directory.lock().unwrap().is_some(), "nobody else has the lock");
            drop(directory.hold("held").unwrap());
            assert!(!directory.is_held("held").unwrap(), "nobody holds it");
        }
    });
}
