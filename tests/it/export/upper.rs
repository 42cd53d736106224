//! Upper directories of real overlays. They need root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use cimsnap::cim::Image;
use cimsnap::layer::export::{EntryError, ExportError, ExportSummary, export_upper};
use cimsnap::layer::import::LayerOs;
use rustix::fs::{CWD, FileType, Mode, XattrFlags, lsetxattr, makedev, mknodat};
use tempfile::TempDir;

use super::entries;
use crate::import::Stack;
use crate::import::oracle::{assert_same, fill, in_image, on_disk, tar};
use crate::import::tars::Tar;

/// A directory, an image of it, and room for an overlay on it.
struct Scene {
    root: TempDir,
    stack: Stack,
}

impl Scene {
    fn new(fill: impl FnOnce(&Path)) -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["lower", "upper", "work", "merged"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        fill(&root.path().join("lower"));
        let tar = tar(&["--format=posix", "--xattrs"], &root.path().join("lower"));
        let stack = Stack::of(LayerOs::Linux, [Tar::raw_bytes(tar)]);
        Self { root, stack }
    }

    fn at(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// Mounts an overlay until it is dropped.
    fn mount(&self, options: &str) -> Overlay<'_> {
        let [lower, upper, work] = ["lower", "upper", "work"].map(|name| self.at(name).display().to_string());
        let directories = format!("lowerdir={lower},upperdir={upper},workdir={work},{options}");
        run(Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &directories])
            .arg(self.at("merged")));
        Overlay { scene: self }
    }

    fn export(&self, base: Option<&Image>) -> Result<(Vec<u8>, ExportSummary), ExportError> {
        let mut layer = Vec::new();
        let summary = export_upper(base, &self.at("upper"), &mut layer)?;
        Ok((layer, summary))
    }
}

struct Overlay<'s> {
    scene: &'s Scene,
}

impl Overlay<'_> {
    fn at(&self, below: &str) -> PathBuf {
        self.scene.at("merged").join(below)
    }
}

impl Drop for Overlay<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.scene.at("merged")).status());
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn lower(root: &Path) {
    fill(root);
    let at = |name: &str| root.join(name);
    for directory in ["gone/deep", "anew", "moved/deep", "kept"] {
        fs::create_dir_all(at(directory)).unwrap();
        fs::write(at(directory).join("file"), directory).unwrap();
    }
    symlink("kept", at("to-kept")).unwrap();
    for name in ["renamed", "changed", "removed", "linked", "owned", "to-directory"] {
        fs::write(at(name), name).unwrap();
    }
}

fn edit(overlay: &Overlay<'_>) {
    let at = |name: &str| overlay.at(name);
    fs::remove_dir_all(at("gone")).unwrap();
    fs::remove_dir_all(at("anew")).unwrap();
    fs::create_dir(at("anew")).unwrap();
    fs::write(at("anew/new"), "new").unwrap();
    run(Command::new("mv").arg(at("moved")).arg(at("moved-away")));
    fs::rename(at("renamed"), at("kept/renamed")).unwrap();
    fs::write(at("changed"), "in another way").unwrap();
    fs::remove_file(at("removed")).unwrap();
    fs::hard_link(at("linked"), at("kept/linked")).unwrap();
    chown(at("owned"), Some(3_000_000), Some(5)).unwrap();
    fs::set_permissions(at("owned"), Permissions::from_mode(0o2711)).unwrap();
    // What lies behind the link stays, though the name becomes a directory.
    fs::remove_file(at("to-kept")).unwrap();
    fs::create_dir(at("to-kept")).unwrap();
    fs::write(at("to-kept/own"), "").unwrap();
    fs::remove_file(at("to-directory")).unwrap();
    fs::create_dir(at("to-directory")).unwrap();
    fs::remove_file(at("long-link")).unwrap();
    symlink("elsewhere", at("long-link")).unwrap();
    fs::write(at("dir/new"), vec![b'n'; 3 << 20]).unwrap();
    fs::remove_file(at("case")).unwrap();
    fs::rename(at("Case"), at("CASE")).unwrap();
    mknodat(CWD, at("dir/zero"), FileType::CharacterDevice, Mode::from(0o600), makedev(1, 5)).unwrap();
    mknodat(CWD, at("dir/pipe"), FileType::Fifo, Mode::from(0o640), 0).unwrap();
    lsetxattr(at("changed"), "user.test", b"line\nfeed\0", XattrFlags::empty()).unwrap();
}

#[test]
fn a_layer_of_an_upper_directory_is_what_the_overlay_shows() {
    let mut scene = Scene::new(lower);
    let overlay = scene.mount("redirect_dir=off,metacopy=off,index=off");
    edit(&overlay);
    let shown = on_disk(&scene.at("merged"));
    drop(overlay);
    let base = scene.stack.image();
    let (layer, summary) = scene.export(Some(&base)).unwrap();
    assert!(summary.whiteouts > 5 && summary.links == 1 && summary.sockets == 0, "{summary:?}");
    assert!(scene.export(Some(&base)).unwrap().0 == layer);
    let names = entries(&layer);
    for name in ["0 .wh.gone", "5 anew/", "0 anew/.wh..wh..opq", "0 .wh.moved", "1 linked -> kept/linked"] {
        assert!(names.contains(&name.to_owned()), "{name} is not in {names:#?}");
    }
    assert!(!names.contains(&"0 to-kept/.wh..wh..opq".to_owned()), "it would empty what the link led to");
    scene.stack.import_bytes(layer).unwrap();
    scene.stack.commit().unwrap();
    assert_same(&in_image(&scene.stack.view()), &shown);
}

#[test]
fn an_overlay_whose_directories_lie_elsewhere_is_refused() {
    let scene = Scene::new(lower);
    let overlay = scene.mount("redirect_dir=on,index=off");
    fs::rename(overlay.at("moved"), overlay.at("moved-away")).unwrap();
    drop(overlay);
    match scene.export(None).unwrap_err() {
        ExportError::Entry { path, source: EntryError::Redirect } => assert_eq!(path, "moved-away/"),
        other => panic!("{other}"),
    }
}

#[test]
fn whiteouts_have_three_forms_and_notes_are_left_out() {
    let scene = Scene::new(|_| {});
    let at = |name: &str| scene.at("upper").join(name);
    fs::create_dir(at("d")).unwrap();
    fs::create_dir(at("e")).unwrap();
    ["d/trusted", "d/user", "d/plain"].into_iter().for_each(|name| fs::write(at(name), "").unwrap());
    mknodat(CWD, at("d/device"), FileType::CharacterDevice, Mode::empty(), makedev(0, 0)).unwrap();
    let set =
        |at: PathBuf, name: &str, value: &[u8]| lsetxattr(at, name, value, XattrFlags::empty()).unwrap();
    set(at("d"), "trusted.overlay.opaque", b"x");
    set(at("d/trusted"), "trusted.overlay.whiteout", b"y");
    set(at("d/user"), "user.overlay.whiteout", b"");
    set(at("d/plain"), "trusted.overlay.origin", b"somewhere");
    set(at("d/plain"), "trusted.overlay.overlay.opaque", b"y");
    set(at("d/plain"), "trusted.mine", b"mine");
    set(at("d/plain"), "user.kept", b"kept");
    set(at("e"), "user.overlay.opaque", b"y");
    let (layer, _) = scene.export(None).unwrap();
    let expected = [
        "5 ./",
        "5 d/",
        "0 d/.wh.device",
        "0 d/.wh.trusted",
        "0 d/.wh.user",
        "0 d/plain",
        "5 e/",
        "0 e/.wh..wh..opq",
    ];
    assert_eq!(entries(&layer), expected);
    let text = String::from_utf8_lossy(&layer);
    assert!(text.contains("SCHILY.xattr.user.kept=kept"));
    assert!(
        !text.contains("trusted.") && !text.contains("origin"),
        "nothing of the administrator's leaves the host"
    );
    // Below a directory that is not there, nothing needs to be hidden.
    let (layer, _) = scene.export(Some(&scene.stack.image())).unwrap();
    assert_eq!(entries(&layer), ["5 ./", "5 d/", "0 d/plain", "5 e/"]);
}

#[test]
fn what_a_layer_cannot_say_is_named() {
    let refusal = |fill: &dyn Fn(&Path)| {
        let scene = Scene::new(|_| {});
        fill(&scene.at("upper"));
        scene.export(None).unwrap_err()
    };
    let error = refusal(&|upper| fs::write(upper.join(".wh.a"), "").unwrap());
    assert!(matches!(error, ExportError::Entry { source: EntryError::WhiteoutName, .. }), "{error}");
    let error = refusal(&|upper| {
        fs::write(upper.join("a"), "").unwrap();
        lsetxattr(upper.join("a"), "trusted.overlay.metacopy", b"", XattrFlags::empty()).unwrap();
    });
    assert!(matches!(error, ExportError::Entry { source: EntryError::Metacopy, .. }), "{error}");
    let error = export_upper(None, Path::new("/nowhere/at/all"), Vec::new()).unwrap_err();
    assert!(matches!(error, ExportError::Read { .. }), "{error}");
}

#[test]
fn sockets_are_left_out_but_hide_what_was_there() {
    let scene = Scene::new(|lower| fs::write(lower.join("a"), "").unwrap());
    let bind =
        |name: &str| drop(std::os::unix::net::UnixListener::bind(scene.at("upper").join(name)).unwrap());
    ["a", "b"].into_iter().for_each(bind);
    let (layer, summary) = scene.export(Some(&scene.stack.image())).unwrap();
    assert_eq!((entries(&layer), summary.sockets), (vec!["5 ./".to_owned(), "0 .wh.a".to_owned()], 2));
}
