//! Layers as a mounted image, and overlays.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{Guid, Image, LayerSet, WriterOptions};
use cimsnap::engine::Portable;
use cimsnap::layer::import::{ImportError, ImportOptions, LayerOs, Report, import};
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::mount::fuse::FuseMounter;
use cimsnap::mount::{MountOptions, Mounter, Unmount};
use rustix::fs::{lgetxattr, llistxattr};
use tempfile::TempDir;

use crate::support::image_name;

pub(super) fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A directory with images, mounts and overlays, which end with it.
pub(super) struct Scene {
    overlays: Vec<PathBuf>,
    mounts: Vec<PathBuf>,
    layers: u8,
    /// Dropped last.
    root: TempDir,
}

impl Scene {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        // Other users look into it.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let scene = Self { overlays: Vec::new(), mounts: Vec::new(), layers: 0, root };
        scene.make("cim");
        scene
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Makes a directory.
    pub(super) fn make(&self, name: &str) -> PathBuf {
        fs::create_dir(self.at(name)).unwrap();
        self.at(name)
    }

    pub(super) fn directory(&self) -> Arc<dyn Directory> {
        Arc::new(DiskDirectory::new(self.at("cim")))
    }

    /// Imports a layer over those before it.
    pub(super) fn import(&mut self, tar: Vec<u8>) -> Result<Report, ImportError> {
        let number = self.layers + 1;
        let guid = Guid::from_content([number; 16]);
        let stream = LayerStream::open(Cursor::new(tar), StreamOptions::default())?;
        let engine = Portable::new(self.directory(), guid, false);
        let options = ImportOptions { os: Some(LayerOs::Linux), ..ImportOptions::default() };
        let report = import(stream, engine, &options)?.report;
        let parent = (self.layers > 0).then(|| image_name(&format!("{}.cim", self.layers)));
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        let set = LayerSet::open(self.directory(), guid)?;
        set.commit(parent.as_ref(), &image_name(&format!("{number}.cim")), options)?;
        self.layers = number;
        Ok(report)
    }

    /// Returns the image of the last layer.
    pub(super) fn image(&self) -> Image {
        Image::open_in(self.directory(), &image_name(&format!("{}.cim", self.layers))).unwrap()
    }

    /// Mounts the image of the last layer.
    pub(super) fn mount(&mut self, name: &str) -> PathBuf {
        self.mount_image(name, &format!("{}.cim", self.layers))
    }

    pub(super) fn mount_image(&mut self, name: &str, image: &str) -> PathBuf {
        let at = self.make(name);
        let image = self.at("cim").join(image);
        mounter().mount(&image, &at, &MountOptions::default()).unwrap();
        self.mounts.push(at.clone());
        at
    }

    /// Mounts an overlay over a directory, with more options.
    pub(super) fn overlay(&mut self, name: &str, lower: &Path, options: &str) -> PathBuf {
        let (upper, work) = (self.make(&format!("{name}-upper")), self.make(&format!("{name}-work")));
        fs::set_permissions(&upper, fs::metadata(lower).unwrap().permissions()).unwrap();
        let (lower, upper, work) = (lower.display(), upper.display(), work.display());
        self.overlay_with(name, &format!("lowerdir={lower},upperdir={upper},workdir={work}{options}"))
    }

    /// Mounts a read-only overlay of two directories.
    pub(super) fn merge(&mut self, name: &str, upper: &Path, lower: &Path) -> PathBuf {
        self.overlay_with(name, &format!("lowerdir={}:{}", upper.display(), lower.display()))
    }

    fn overlay_with(&mut self, name: &str, options: &str) -> PathBuf {
        let at = self.make(name);
        run(Command::new("mount").args(["-t", "overlay", "overlay", "-o", options]).arg(&at));
        self.overlays.push(at.clone());
        at
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for at in self.overlays.iter().rev() {
            drop(Command::new("umount").arg("--lazy").arg(at).status());
        }
        for at in &self.mounts {
            drop(mounter().unmount(at, Unmount::Detach));
        }
    }
}

fn mounter() -> FuseMounter {
    FuseMounter::new(env!("CARGO_BIN_EXE_cimsnap"))
}

/// Makes a tar of a directory, with all extended attributes.
pub(super) fn tar(directory: &Path) -> Vec<u8> {
    let at = directory.with_extension("tar");
    run(Command::new("tar")
        .args(["--create", "--format=pax", "--xattrs", "--xattrs-include=*", "--numeric-owner", "--file"])
        .arg(&at)
        .arg("-C")
        .args([directory, Path::new(".")]));
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut File::open(&at).unwrap(), &mut bytes).unwrap();
    bytes
}

/// Returns the extended attributes of a file, not of what it leads to.
pub(super) fn xattrs(at: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut names = vec![0; 65_536];
    let len = llistxattr(at, &mut names[..]).unwrap();
    names.truncate(len);
    let value = |name: &[u8]| {
        let mut value = vec![0; 65_536];
        let len = lgetxattr(at, name, &mut value[..]).unwrap();
        value.truncate(len);
        value
    };
    let names = names.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names.map(|name| (name.to_vec(), value(name))).collect()
}
