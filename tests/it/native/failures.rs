//! Libraries that fail or lack something, and layers that are given up.

use std::path::Path;

use cimsnap::cim::{CaseRule, CimError, ErrorKind, Image, Metadata, Writer, WriterOptions};
use cimsnap::engine::native::Cimfs;
use cimsnap::engine::{DataSink, Engine, LayerSink, Native, Probe};
use cimsnap::layer::commit::native;
use cimsnap::layer::import::prepare;
use cimsnap::sys::cimfs::{CimfsError, CreateFlags, MergeFlags, MountFlags, VolumeId, WideString};

use super::stub::{compile, failing};
use super::{files, options, our_library, said, stream, write};
use crate::import::registry::base;
use crate::import::tars::Tar;
use crate::support::{image_name, path};

/// A layer in which every function that a lowest layer needs is called.
fn layer() -> Tar {
    base().file("Files/a", "data").file("Files/a:side", "stream").link("Files/b", "Files/a")
}

fn refused(library: Cimfs, at: &Path) -> String {
    write(library, at, None, &image_name("new.cim"), &layer().bytes()).unwrap_err()
}

#[test]
fn each_call_that_fails_is_named_with_what_it_was_to_do() {
    for (function, says) in [
        ("CimCreateImage", "begin image"),
        ("CimCreateFile", "make /Files"),
        ("CimWriteStream", "write /Files/Windows/System32/config/SYSTEM"),
        ("CimCreateAlternateStream", "make stream side of /Files/a"),
        ("CimCreateHardLink", "link /Files/b to /Files/a"),
        ("CimCommitImage", "commit image"),
    ] {
        let root = tempfile::tempdir().unwrap();
        let error = refused(failing(root.path(), function, 0x8007_0070), root.path());
        let cause = format!("{function}: the disk is full (HRESULT 0x80070070)");
        assert!(error.contains(says) && error.ends_with(&cause), "{error}");
    }
}

#[test]
fn deletions_that_fail_are_named_too() {
    let root = tempfile::tempdir().unwrap();
    let lower = image_name("lower.cim");
    write(our_library(), root.path(), None, &lower, &layer().bytes()).unwrap();
    let library = failing(root.path(), "CimDeletePath", 0x8007_0005);
    let upper = Tar::new().whiteout("Files/.wh.a").bytes();
    let error = write(library, root.path(), Some(&lower), &image_name("upper.cim"), &upper).unwrap_err();
    let says = "cannot delete /Files/a: CimDeletePath: access is denied (HRESULT 0x80070005)";
    assert!(error.ends_with(says), "{error}");
}

#[test]
fn answers_become_kinds_of_errors() {
    for (result, kind) in [
        (0x8007_0002, ErrorKind::ImageNotFound),
        (0x8007_0003, ErrorKind::PathNotFound),
        (0x8007_0005, ErrorKind::AccessDenied),
        (0x8007_0020, ErrorKind::Conflict),
        (0x8007_0026, ErrorKind::BeyondEnd),
        (0x8007_0032, ErrorKind::Unsupported),
        (0x8007_0050, ErrorKind::AlreadyExists),
        (0x8007_0057, ErrorKind::InvalidInput),
        (0x8007_0070, ErrorKind::NoSpace),
        (0x8007_0570, ErrorKind::Corrupt),
        (0x8000_4005, ErrorKind::Io),
    ] {
        let root = tempfile::tempdir().unwrap();
        let library = failing(root.path(), "CimCreateImage", result);
        let error = begin(library, root.path(), CaseRule::Fold).err().unwrap();
        assert_eq!(error.kind(), kind, "{}", said(error));
    }
}

fn begin(library: Cimfs, at: &Path, case: CaseRule) -> Result<impl LayerSink, CimError> {
    Native::new(library, at, None, image_name("new.cim")).begin(case)
}

#[test]
fn a_library_that_lacks_something_says_what() {
    let root = tempfile::tempdir().unwrap();
    let source =
        "#include \"cimfs.h\"\nHRESULT CimDeletePath(CIMFS_IMAGE_HANDLE a, PCWSTR b) { return 0; }\n";
    let path = compile(root.path(), source);
    let library = Cimfs::open(&path).unwrap();
    assert!(library.missing().contains(&"CimMountImage") && !library.missing().contains(&"CimDeletePath"));
    let error = begin(library, root.path(), CaseRule::Fold).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(
        text.contains("has no CimCloseImage, CimCloseStream") && !text.contains("CimDeletePath"),
        "{text}"
    );
    let Probe::Unfit(words) = Probe::take(Some(&path), "linux") else { panic!("it lacks a lot") };
    assert!(words.contains("has no CimCloseImage"), "{words}");
    assert!(matches!(Probe::take(Some(&root.path().join("stub.c")), "linux"), Probe::NotLoaded(_)));
}

#[test]
fn what_only_newer_builds_have_is_asked_for_by_name() {
    let root = tempfile::tempdir().unwrap();
    let library = failing(root.path(), "nothing", 0);
    let (at, name) = (WideString::path(root.path()).unwrap(), WideString::text("x.cim").unwrap());
    let volume = VolumeId { data1: 1, data2: 2, data3: 3, data4: [4; 8] };
    let (flags, hash) = (MountFlags::empty(), [0; 32]);
    let mut image = library.create_image(&at, CreateFlags::empty(), None, Some(&name)).unwrap();
    for (function, result) in [
        ("CimAddFsToMergedImage", image.add(&name, MergeFlags::empty())),
        ("CimAddFsToMergedImage2", image.add(&name, MergeFlags::SINGLE_FILE)),
        ("CimTombstoneFile", image.tombstone(&name)),
        ("CimCreateMergeLink", image.merge_link(&name, &name)),
        ("CimLookupFile", image.has(&name).map(drop)),
        ("CimSealImage", library.seal(&name).map(drop)),
        ("CimGetVerificationInformation", library.verification(&name).map(drop)),
        ("CimMountVerifiedImage", library.mount_verified((&at, &name), flags, volume, &hash)),
        ("CimMergeMountImage", library.mount_merged(&[(&at, &name)], flags, volume)),
        ("CimMergeMountVerifiedImage", library.mount_merged_verified(&[], flags, volume, &hash)),
    ] {
        let error = result.unwrap_err();
        assert!(
            matches!(&error, CimfsError::Missing { function: named, .. } if *named == function),
            "{error}"
        );
        assert!(error.to_string().contains("this build of Windows is too old"), "{error}");
    }
}

#[test]
fn our_library_supports_no_other_kinds_of_images() {
    let root = tempfile::tempdir().unwrap();
    let library = our_library();
    assert_eq!(library.missing(), [""; 0]);
    let (at, name) = (WideString::path(root.path()).unwrap(), WideString::text("x.cim").unwrap());
    let flags = CreateFlags::SINGLE_FILE | CreateFlags::VERIFIED;
    let error = library.create_image(&at, flags, None, Some(&name)).unwrap_err();
    assert_eq!(error.to_string(), "CimCreateImage2: the library does not support it (HRESULT 0x80070032)");
    let plain = CreateFlags::DO_NOT_EXPAND_PE_IMAGES;
    library.create_image(&at, plain, None, Some(&name)).unwrap().commit().unwrap();
    assert!(root.path().join("x.cim").exists());
}

#[test]
fn what_newer_builds_have_gets_its_arguments() {
    let root = tempfile::tempdir().unwrap();
    let library = Cimfs::open(&compile(root.path(), include_str!("newer_functions.c"))).unwrap();
    let image = WideString::text("ab").unwrap();
    let sealed = library.seal(&image).unwrap();
    assert_eq!((sealed[0], sealed[31]), (b'a', b'b'));
    let found = library.verification(&image).unwrap();
    assert!(found.sealed && found.root == sealed);
    let volume = VolumeId { data1: 7, data2: 0, data3: 0, data4: [0; 8] };
    let (flags, other) = (MountFlags::SINGLE_FILE, WideString::text("cd").unwrap());
    library.mount_verified((&image, &other), flags, volume, &sealed).unwrap();
    library.mount_merged(&[(&image, &other), (&other, &image)], flags, volume).unwrap();
    library.mount_merged_verified(&[(&image, &other), (&other, &image)], flags, volume, &sealed).unwrap();
    let wrong = library.mount_verified((&other, &image), flags, volume, &sealed);
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "CimMountVerifiedImage: an argument is invalid (HRESULT 0x80070057)"
    );
    let short = library.seal(&other).unwrap_err();
    assert_eq!(short.to_string(), "CimSealImage: the digest has 31 bytes");
}

#[test]
fn layers_of_linux_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let error = begin(our_library(), root.path(), CaseRule::Distinguish).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("names apart that differ in case"), "{error}");
}

#[test]
fn a_layer_that_is_given_up_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let engine = || native(our_library(), root.path(), None, image_name("new.cim")).unwrap();
    let imported = prepare(stream(&layer().bytes()), engine(), &options()).unwrap();
    assert!(!files(root.path()).is_empty(), "something is written");
    drop(imported);
    assert_eq!(files(root.path()), [""; 0]);

    let mut half = engine().begin(CaseRule::Fold).unwrap();
    let mut data = half.create_file(&path("f"), &Metadata::default(), 10).unwrap();
    data.append(b"half").unwrap();
    drop(data);
    let error = half.finish().unwrap_err();
    assert!(error.to_string().contains("was begun and not finished"), "{error}");
    assert_eq!(files(root.path()), [""; 0]);
}

#[test]
fn what_is_not_written_reads_as_zeros() {
    let root = tempfile::tempdir().unwrap();
    let engine = native(our_library(), root.path(), None, image_name("new.cim")).unwrap();
    let mut layer = engine.begin(CaseRule::Fold).unwrap();
    let mut data = layer.create_file(&path("f"), &Metadata::default(), 6).unwrap();
    data.append(b"ab").unwrap();
    let beyond = data.append(b"too much").unwrap_err();
    assert_eq!(beyond.kind(), ErrorKind::BeyondEnd);
    data.finish().unwrap();
    layer.finish().unwrap();
    let image = Image::open(&root.path().join("new.cim")).unwrap();
    assert_eq!(crate::support::cat(&image, "f").unwrap(), b"ab\0\0\0\0");
}

#[test]
fn images_that_are_there_or_missing_are_found_out() {
    let root = tempfile::tempdir().unwrap();
    let new = image_name("new.cim");
    write(our_library(), root.path(), None, &new, &layer().bytes()).unwrap();
    let error = refused(our_library(), root.path());
    assert!(error.contains("CimCreateImage: it exists already"), "{error}");
    let absent = image_name("absent.cim");
    let error =
        write(our_library(), root.path(), Some(&absent), &image_name("x.cim"), &[0; 1024]).unwrap_err();
    assert!(error.contains("absent.cim does not exist"), "{error}");
    let error = refused(our_library(), &root.path().join("nowhere"));
    assert!(error.contains("CimCreateImage: it, or a directory above it, does not exist"), "{error}");
    let site = std::sync::Arc::new(cimsnap::cim::io::DiskDirectory::new(root.path()));
    let _writer = Writer::create(site, &image_name("other.cim"), WriterOptions::default()).unwrap();
    let error = write(our_library(), root.path(), Some(&new), &image_name("x.cim"), &[0; 1024]).unwrap_err();
    assert!(error.contains("CimCreateImage: somebody else has it"), "{error}");
}
