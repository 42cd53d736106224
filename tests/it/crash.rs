//! Power losses and full disks at every step of a commit: the old state or the new one, and nothing left over.

use std::collections::BTreeSet;
use std::sync::Arc;

use cimsnap::cim::io::{Directory, MemoryDirectory};
use cimsnap::cim::{
    CimError, ErrorKind, Guid, Image, LayerSet, LayerSetWriter, Lease, Metadata, Writer, WriterOptions,
};

use crate::support::{cat, file_metadata, image_name, mkdir, path, put};

const LAYER: [u8; 16] = [9; 16];

fn options() -> WriterOptions {
    WriterOptions::default()
}

/// A base image, durable before anything else happens.
fn prepare(directory: &Arc<dyn Directory>) {
    let mut writer = Writer::create(directory.clone(), &image_name("base.cim"), options()).unwrap();
    mkdir(&mut writer, "d");
    put(&mut writer, "d/old", b"old");
    writer.link(&path("d/link"), &path("d/old")).unwrap();
    writer.commit().unwrap();
}

fn fork(directory: &Arc<dyn Directory>) -> Result<(), CimError> {
    let mut writer =
        Writer::fork(directory.clone(), &image_name("base.cim"), &image_name("new.cim"), options())?;
    let mut stream = writer.create_file(&path("d/new"), &file_metadata(), 6000)?;
    stream.append(&[7; 6000])?;
    stream.finish()?;
    writer.delete(&path("d/old"))?;
    writer.commit().map(drop)
}

fn extend(directory: &Arc<dyn Directory>) -> Result<(), CimError> {
    let mut writer = Writer::extend(directory.clone(), &image_name("base.cim"), options())?;
    let mut stream = writer.create_file(&path("d/new"), &file_metadata(), 3)?;
    stream.append(b"new")?;
    stream.finish()?;
    writer.commit().map(drop)
}

fn layer(directory: &Arc<dyn Directory>) -> Result<(), CimError> {
    let guid = Guid::from_content(LAYER);
    let mut layer = LayerSetWriter::create(directory.clone(), guid, options())?;
    layer.ensure_directory(&path("d"), &Metadata::directory())?;
    let mut stream = layer.create_file(&path("d/new"), &file_metadata(), 6000)?;
    stream.append(&[7; 6000])?;
    stream.finish()?;
    layer.delete(&path("d/old"))?;
    layer.finish()?;
    let layer = LayerSet::open(directory.clone(), guid)?;
    layer.commit(Some(&image_name("base.cim")), &image_name("new.cim"), options()).map(drop)
}

/// Two layers side by side, one of which gets its id at the end, and an image while the other one is written.
fn layers(directory: &Arc<dyn Directory>) -> Result<(), CimError> {
    let lease = Lease::take(directory.clone())?;
    let [one, two] = [LAYER, [8; 16]].map(Guid::from_content);
    let mut first = LayerSetWriter::unnamed(&lease, options())?;
    let mut second = LayerSetWriter::create(&lease, two, options())?;
    for layer in [&mut first, &mut second] {
        layer.ensure_directory(&path("d"), &Metadata::directory())?;
        let mut stream = layer.create_file(&path("d/new"), &file_metadata(), 6000)?;
        stream.append(&[7; 6000])?;
        stream.finish()?;
        layer.delete(&path("d/old"))?;
    }
    first.finish_as(one)?;
    let layer = LayerSet::open(&lease, one)?;
    layer.commit(Some(&image_name("base.cim")), &image_name("new.cim"), options())?;
    second.finish()?;
    let layer = LayerSet::open(&lease, two)?;
    layer.commit(Some(&image_name("new.cim")), &image_name("newer.cim"), options()).map(drop)
}

/// Files that no image lists and no journal leads to.
fn strays(directory: &dyn Directory) -> Vec<String> {
    let names = directory.list().unwrap();
    let mut known = BTreeSet::new();
    for name in names.iter().filter(|name| name.ends_with(".cim")) {
        let header = cimsnap::cim::reader::read_header(directory, &image_name(name)).unwrap();
        known.extend(header.sets().map(|set| set.guid));
    }
    known.extend(names.iter().filter_map(|name| name.strip_prefix("journal_")?.parse::<Guid>().ok()));
    let stray = |name: &&String| {
        !name.ends_with(".cim")
            && !cimsnap::cim::files::set_of(name)
                .is_some_and(|set| known.contains(&set) && !name.ends_with(".part"))
    };
    names.iter().filter(stray).cloned().collect()
}

/// The base reads as before, or, where it was extended, as after.
fn check_base(directory: &Arc<dyn Directory>) {
    let base = Image::open_in(directory.clone(), &image_name("base.cim")).unwrap();
    assert_eq!(cat(&base, "d/old").unwrap(), b"old");
    let old = base.find(&path("d/old")).unwrap().unwrap();
    assert_eq!(base.links().unwrap().count(old.id), 2);
    if let Some(new) = cat(&base, "d/new") {
        assert_eq!(new, b"new");
    }
}

/// The new image is not there, or it is whole. Returns which.
fn check_new(directory: &Arc<dyn Directory>) -> bool {
    match Image::open_in(directory.clone(), &image_name("new.cim")) {
        Ok(new) => {
            assert_eq!(cat(&new, "d/new").unwrap(), [7; 6000]);
            assert_eq!(cat(&new, "d/old"), None);
            assert_eq!(cat(&new, "d/link").unwrap(), b"old");
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ImageNotFound, "{error}");
            false
        }
    }
}

/// Whoever takes the directory next removes what is left over, and can do the work again.
fn check_recovery(directory: &Arc<dyn Directory>) {
    let next = Writer::create(directory.clone(), &image_name("next.cim"), options()).unwrap();
    assert_eq!(strays(&**directory), Vec::<String>::new());
    drop(next);
    check_base(directory);
    check_new(directory);
}

fn every_power_loss(work: fn(&Arc<dyn Directory>) -> Result<(), CimError>) {
    let memory = MemoryDirectory::new();
    let directory: Arc<dyn Directory> = Arc::new(memory.clone());
    prepare(&directory);
    let from = memory.steps();
    work(&directory).unwrap();
    let all = memory.steps();
    for steps in from..=all {
        for seed in 0..10usize {
            // None, all, and eight mixtures of what was not synced.
            let keep = |step: usize| match seed {
                0 => false,
                1 => true,
                _ => (step * 2_654_435_761 + seed * 40_503) >> 7 & 1 == 1,
            };
            let after: Arc<dyn Directory> = Arc::new(memory.after_power_loss(steps, keep));
            check_base(&after);
            let there = check_new(&after);
            check_recovery(&after);
            assert_eq!(check_new(&after), there, "recovery changes nothing that was published");
        }
    }
    let after: Arc<dyn Directory> = Arc::new(memory.after_power_loss(all, |_| false));
    let published = after.exists("new.cim").unwrap()
        || cat(&Image::open_in(after, &image_name("base.cim")).unwrap(), "d/new").is_some();
    assert!(published, "what was committed survives");
}

fn every_full_disk(work: fn(&Arc<dyn Directory>) -> Result<(), CimError>) {
    let count = {
        let memory = MemoryDirectory::new();
        let directory: Arc<dyn Directory> = Arc::new(memory.clone());
        prepare(&directory);
        let from = memory.steps();
        work(&directory).unwrap();
        memory.steps() - from
    };
    for step in 0..count {
        let memory = MemoryDirectory::new();
        let directory: Arc<dyn Directory> = Arc::new(memory.clone());
        prepare(&directory);
        memory.fail_at(memory.steps() + step);
        let error = work(&directory).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSpace, "{error}");
        assert_eq!(strays(&*directory), Vec::<String>::new(), "step {step}");
        check_base(&directory);
        check_new(&directory);
    }
}

#[test]
fn power_loss_during_a_fork() {
    every_power_loss(fork);
}

#[test]
fn power_loss_while_extending() {
    every_power_loss(extend);
}

#[test]
fn power_loss_during_a_layer() {
    every_power_loss(layer);
}

#[test]
fn power_loss_during_layers_side_by_side() {
    every_power_loss(layers);
}

#[test]
fn one_wait_does_for_a_layer_and_its_image() {
    let memory = MemoryDirectory::new();
    let directory: Arc<dyn Directory> = Arc::new(memory.clone());
    prepare(&directory);
    let (lease, guid) = (Lease::take(directory).unwrap(), Guid::from_content(LAYER));
    let mut layer = LayerSetWriter::unnamed(&lease, options()).unwrap();
    let mut stream = layer.create_file(&path("d/new"), &file_metadata(), 6000).unwrap();
    stream.append(&[7; 6000]).unwrap();
    stream.finish().unwrap();
    layer.delete(&path("d/old")).unwrap();
    let (_, layer) = layer.finish_unsynced_as(guid).unwrap();
    let image = LayerSet::open(&lease, guid).unwrap();
    let image = image.fork(Some(&image_name("base.cim")), &image_name("new.cim"), options()).unwrap();
    let (_, image) = image.commit_unsynced().unwrap();

    let without = |steps| -> Arc<dyn Directory> { Arc::new(memory.after_power_loss(steps, |_| false)) };
    let lost = without(memory.steps());
    assert!(!check_new(&lost), "nobody has waited yet");
    check_recovery(&lost);
    layer.and(image).sync().unwrap();
    assert!(check_new(&without(memory.steps())));
}

#[test]
fn full_disk_during_a_fork() {
    every_full_disk(fork);
}

#[test]
fn full_disk_while_extending() {
    every_full_disk(extend);
}

#[test]
fn full_disk_during_a_layer() {
    every_full_disk(layer);
}

#[test]
fn full_disk_during_layers_side_by_side() {
    every_full_disk(layers);
}

#[test]
fn held_images_cannot_be_replaced() {
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
    prepare(&directory);
    let held = directory.hold("base.cim").unwrap();
    let error = extend(&directory).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    drop(held);
    extend(&directory).unwrap();
}
