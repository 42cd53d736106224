//! Images of a version that only the library itself can read.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use cimsnap::cim::{ErrorKind, Image, ImageName};
use cimsnap::engine::native::Cimfs;

use super::stub::compile;
use super::{Twins, listing, replay, write};
use crate::import::registry::{base, delta};
use crate::import::tars::Tar;
use crate::support::{built_library, image_name};

pub(crate) fn newer(directory: &Path, more: &str) -> Cimfs {
    let define = format!("#define LIBRARY \"{}\"\n{more}\n", built_library().display());
    Cimfs::open(&compile(directory, &(define + include_str!("newer.c")))).unwrap()
}

/// Writes layers over each other, and returns what the last one became or why it did not.
fn written(root: &Path, layers: &[Tar]) -> Result<Vec<String>, String> {
    let library = newer(root, "");
    let mut parent = None;
    for (number, layer) in layers.iter().enumerate() {
        let new = image_name(&format!("{number}.cim"));
        write(library.clone(), root, parent.as_ref(), &new, &layer.clone().bytes())?;
        let unknown = Image::open(&root.join(new.as_str())).unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::Unsupported);
        parent = Some(new);
    }
    Ok(listing(&older(root, &parent.unwrap())))
}

/// Does the same, of layer sets.
fn replayed(root: &Path, layers: &[Tar]) -> Result<Vec<String>, String> {
    let (library, sets) = (newer(root, ""), Twins::new());
    let mut parent = None;
    for (number, layer) in layers.iter().enumerate() {
        let new = image_name(&format!("{number}.cim"));
        let layer = sets.convert(&layer.clone().bytes())?;
        replay(library.clone(), &layer, root, parent.as_ref(), &new)?;
        parent = Some(new);
    }
    Ok(listing(&older(root, &parent.unwrap())))
}

/// Opens an image as if it were of the version that we read.
pub(crate) fn older(root: &Path, name: &ImageName) -> Image {
    let path = root.join(name.as_str());
    fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(&[2], 16).unwrap();
    Image::open(&path).unwrap()
}

fn assert_same(layers: &[Tar]) {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(written(root.path(), layers).unwrap(), portably(layers));
    assert_same_of_sets(layers);
}

fn assert_same_of_sets(layers: &[Tar]) {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(replayed(root.path(), layers).unwrap(), portably(layers));
}

fn portably(layers: &[Tar]) -> Vec<String> {
    let mut twins = Twins::new();
    layers.iter().for_each(|layer| twins.add(&layer.clone().bytes()).unwrap());
    listing(&twins.image("portable"))
}

#[test]
fn layers_lie_over_images_that_only_the_library_reads() {
    let lower = base().dir("Files/d").file("Files/d/a", "a").file("Files/d/b", "b").file("Files/f", "f");
    for upper in [
        delta("SAM", "one", "1").whiteout("Files/d/.wh.a").whiteout("Files/.wh.absent"),
        Tar::new().file("Files/d/c", "no entry for d").whiteout("Files/.wh.f").symlink("Files/l", "d"),
        Tar::new().whiteout("Files/.wh.d").file("Files/d/b", "anew").link("Files/g", "Files/f"),
        Tar::new().dir("Files/d").whiteout("Files/d/.wh..wh..opq").file("Files/d/b", "anew"),
    ] {
        assert_same(&[lower.clone(), upper, delta("SAM", "two", "2").file("Files/f", "again")]);
    }
}

#[test]
fn what_takes_a_listing_of_the_parent_is_refused() {
    let lower = base().dir("Files/d").file("Files/d/a", "a");
    let refused = |result: Result<Vec<String>, String>| {
        let error = result.unwrap_err();
        assert!(error.contains("what the layer deletes in /Files/d cannot be told"), "{error}");
    };
    for (upper, set_can) in [
        (Tar::new().whiteout("Files/d/.wh..wh..opq"), false),
        (Tar::new().dir("Files/d").file("Files/d/b", "b").whiteout("Files/.wh.d"), true),
        (Tar::new().file("Files/d/b", "b").dir("Files/d").whiteout("Files/d/.wh..wh..opq"), true),
        (Tar::new().file("Files/d/b", "b").whiteout("Files/d/.wh..wh..opq"), false),
    ] {
        let root = tempfile::tempdir().unwrap();
        let layers = [lower.clone(), upper];
        refused(written(root.path(), &layers));
        match set_can {
            true => assert_same_of_sets(&layers),
            false => refused(replayed(tempfile::tempdir().unwrap().path(), &layers)),
        }
    }
}

#[test]
fn a_library_that_cannot_read_either_is_found_out_at_once() {
    let root = tempfile::tempdir().unwrap();
    let library = newer(root.path(), "#define CANNOT_READ");
    let lower = image_name("0.cim");
    write(library.clone(), root.path(), None, &lower, &base().bytes()).unwrap();
    let upper = Tar::new().file("Files/x", "").bytes();
    let error = write(library, root.path(), Some(&lower), &image_name("1.cim"), &upper).unwrap_err();
    assert!(
        error.contains("has no CimGetFileStatBasicInformation: this build of Windows is too old"),
        "{error}"
    );
}
