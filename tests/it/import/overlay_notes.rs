//! Images that hold what an overlay takes for a note of its own. The overlay never sees it.

use std::fs;
use std::path::Path;

use cimsnap::cim::ea::EaBuilder;
use cimsnap::cim::reparse::build;
use cimsnap::cim::{CaseRule, Metadata, Writer, WriterOptions};
use rustix::fs::lgetxattr;
use rustix::io::Errno;
use tar::EntryType;

use super::mounted::{Scene, run, xattrs};
use super::tars::Tar;
use crate::support::{image_name, path};

/// Makes the EAs of a file as earlier versions stored them.
fn eas(mode: u32, xattrs: &[(&str, &[u8])]) -> Vec<u8> {
    let mut eas = EaBuilder::new();
    eas.push(0, b"$LXMOD", &mode.to_le_bytes()).unwrap();
    for (name, value) in xattrs {
        let name = format!("LX.{}", name.to_ascii_uppercase());
        eas.push(0, name.as_bytes(), &[b"aexl", *value].concat()).unwrap();
    }
    eas.in_order()
}

/// Every note that overlays have, for root and for users.
fn notes() -> Vec<(String, Vec<u8>)> {
    let notes: [(&str, &[u8]); 9] = [
        ("opaque", b"y"),
        ("opaque", b"x"),
        ("redirect", b"/secret"),
        ("metacopy", b""),
        ("whiteout", b"y"),
        ("origin", b"\0\xFB\x1D\0\x01"),
        ("impure", b"y"),
        ("protattr", b"i"),
        ("overlay.opaque", b"y"),
    ];
    let prefixes = ["trusted.overlay.", "user.overlay."];
    let all = prefixes
        .iter()
        .flat_map(|prefix| notes.map(|(note, value)| (format!("{prefix}{note}"), value.to_vec())));
    all.collect()
}

/// Writes an image with every note on a directory, on a file in it, and on an empty file.
fn hostile(scene: &Scene) {
    let options = WriterOptions { case: CaseRule::Distinguish, sync: false, ..WriterOptions::default() };
    let mut writer = Writer::create(scene.directory(), &image_name("hostile.cim"), options).unwrap();
    let root = eas(0o040_755, &[]);
    writer.create_directory(&path(""), &Metadata { eas: &root, ..Metadata::directory() }).unwrap();
    writer.create_directory(&path("secret"), &Metadata { eas: &root, ..Metadata::directory() }).unwrap();
    for (number, (name, value)) in notes().into_iter().enumerate() {
        let xattrs = [(name.as_str(), value.as_slice()), ("user.kept", b"kept")];
        let of_directory = eas(0o040_755, &xattrs);
        let of_file = eas(0o100_644, &xattrs);
        let at = format!("{number}");
        writer
            .create_directory(&path(&at), &Metadata { eas: &of_directory, ..Metadata::directory() })
            .unwrap();
        for (name, data) in [("file", &b"data"[..]), ("empty", b"")] {
            let metadata = Metadata { eas: &of_file, ..Metadata::default() };
            let mut file =
                writer.create_file(&path(&format!("{at}/{name}")), &metadata, data.len() as u64).unwrap();
            file.append(data).unwrap();
            file.finish().unwrap();
        }
    }
    writer.commit().unwrap();
}

fn listed(at: &Path) -> Vec<String> {
    let names = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn notes_in_an_image_do_not_reach_an_overlay() {
    let mut scene = Scene::new();
    hostile(&scene);
    let mounted = scene.mount_image("mounted", "hostile.cim");
    let of_root = scene.overlay("of-root", &mounted, ",redirect_dir=on,metacopy=on");
    let of_user = scene.overlay("of-user", &mounted, ",userxattr");
    for at in [&mounted, &of_root, &of_user] {
        for (number, (note, _)) in notes().into_iter().enumerate() {
            let directory = at.join(number.to_string());
            assert_eq!(listed(&directory), ["empty", "file"], "{note}");
            assert_eq!(fs::read(directory.join("file")).unwrap(), b"data", "{note}");
            assert_eq!(fs::read(directory.join("empty")).unwrap(), b"", "{note}");
            for file in [directory.clone(), directory.join("file"), directory.join("empty")] {
                assert_eq!(xattrs(&file).into_keys().collect::<Vec<_>>(), [b"user.kept"], "{note}");
                assert_eq!(lgetxattr(&file, note.as_str(), &mut [0u8; 64][..]), Err(Errno::NODATA), "{note}");
            }
        }
    }
    // Nor do they get into the upper directory.
    for at in [&of_root, &of_user] {
        for number in 0..notes().len() {
            fs::write(at.join(number.to_string()).join("file"), "changed").unwrap();
        }
        assert_eq!(listed(&at.join("2")), ["empty", "file"]);
        assert_eq!(fs::read(at.join("3/file")).unwrap(), b"changed");
    }
}

#[test]
fn devices_that_are_whiteouts_are_not_there() {
    let mut scene = Scene::new();
    scene
        .import(Tar::new().dir("d").file("d/gone", "").file("d/high", "").file("d/kept", "").bytes())
        .unwrap();
    let device = |tar: Tar, path: &str, kind, major, minor| {
        tar.raw(kind, path.as_bytes(), b"", b"", |header| {
            header.set_device_major(major).unwrap();
            header.set_device_minor(minor).unwrap();
        })
    };
    let mut layer = device(Tar::new(), "d/gone", EntryType::Char, 0, 0);
    // The kernel has no room for these bits.
    layer = device(layer, "d/high", EntryType::Char, 0x1000, 0x10_0000);
    layer = device(layer, "d/one", EntryType::Char, 0, 1);
    layer = device(layer, "d/block", EntryType::Block, 0, 0);
    scene.import(layer.bytes()).unwrap();
    let mounted = scene.mount("mounted");
    let overlay = scene.overlay("overlay", &mounted, "");
    for at in [&mounted, &overlay] {
        assert_eq!(listed(&at.join("d")), ["block", "kept", "one"]);
        for name in ["d/gone", "d/high"] {
            let absent = fs::symlink_metadata(at.join(name)).unwrap_err();
            assert_eq!(absent.kind(), std::io::ErrorKind::NotFound, "{name}");
        }
    }
    fs::write(overlay.join("d/gone"), "new").unwrap();
    run(std::process::Command::new("rm").args(["-r", "d"]).current_dir(&overlay));
    assert_eq!(listed(&overlay), [""; 0]);
}

#[test]
fn a_reparse_point_without_a_device_number_is_a_whiteout_too() {
    let mut scene = Scene::new();
    let options = WriterOptions { case: CaseRule::Distinguish, sync: false, ..WriterOptions::default() };
    let mut writer = Writer::create(scene.directory(), &image_name("hostile.cim"), options).unwrap();
    let root = eas(0o040_755, &[]);
    writer.create_directory(&path(""), &Metadata { eas: &root, ..Metadata::directory() }).unwrap();
    let (eas, reparse) = (eas(0o020_644, &[]), build::lx_chr());
    let metadata = Metadata { eas: &eas, reparse: &reparse, ..Metadata::default() };
    writer.create_file(&path("device"), &metadata, 0).unwrap().finish().unwrap();
    writer.commit().unwrap();
    assert_eq!(listed(&scene.mount_image("mounted", "hostile.cim")), [""; 0]);
}
