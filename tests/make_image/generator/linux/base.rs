//! The lowest layer: a sample of a real tree, and what is rare in one.

use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Maker, adorn};
use crate::generator::builder::name;
use crate::generator::item::{Item, Kind};
use crate::generator::sources::{self, Found};

/// A file that a layer may hold is at most this part of it.
const PART: u64 = 16;

impl Maker<'_> {
    pub(super) fn base(&mut self, root: Option<&(PathBuf, &str)>, layers: usize) {
        self.special();
        for index in 1..layers {
            self.builder.room(&format!("var/cache/room {index}"));
        }
        match root {
            Some((root, prefix)) => self.sample(root, prefix),
            None => self.made(),
        }
    }

    /// Takes files and links of a tree at random, until the layer is full.
    fn sample(&mut self, root: &Path, prefix: &str) {
        let mut found: Vec<Found> = sources::walk(root).filter(|found| !found.metadata.is_dir()).collect();
        self.builder.random.shuffle(&mut found);
        let longest = self.builder.left() / PART;
        for found in found {
            if self.builder.left() < 4096 {
                break;
            }
            if found.metadata.len() <= longest.min(self.builder.left()) {
                self.found(root, prefix, &found);
            }
        }
    }

    fn found(&mut self, root: &Path, prefix: &str, found: &Found) {
        let Some(path) = inside(root, prefix, &found.path) else { return };
        if name(&path).starts_with(b".wh.") {
            return;
        }
        self.directories(root, prefix, &found.path);
        if let Ok(target) = fs::read_link(&found.path) {
            let mut item = Item::new(path, Kind::Symlink(target.as_os_str().as_bytes().to_vec()));
            real(&mut item, &found.metadata);
            self.builder.add(item);
        } else if found.is_file() {
            self.real_file(path, found);
        }
    }

    fn real_file(&mut self, path: Vec<u8>, found: &Found) {
        let mut item = Item::new(path.clone(), Kind::File(found.body()));
        real(&mut item, &found.metadata);
        adorn(&mut self.builder.random, &mut item);
        self.builder.add(item);
        // Some are left alone but for a second name.
        if self.builder.random.percent(5) {
            self.builder.link(&[&path[..], b" (linked)"].concat(), &path);
        } else {
            self.builder.offer(&path, found.body());
        }
    }

    /// Adds the directories that lead to a file, as they are, but for the time, which changes with everything in them.
    fn directories(&mut self, root: &Path, prefix: &str, path: &Path) {
        let mut above: Vec<&Path> =
            path.ancestors().skip(1).take_while(|path| path.starts_with(root)).collect();
        above.reverse();
        for directory in above {
            let inside = inside(root, prefix, directory).filter(|path| !self.builder.is_listed(path));
            if let (Some(inside), Ok(metadata)) = (inside, fs::metadata(directory)) {
                let mut item = Item::new(inside, Kind::Directory);
                real(&mut item, &metadata);
                item.modified = (1_600_000_000, 0);
                self.builder.add(item);
            }
        }
    }

    /// Fills the layer with files of our own.
    fn made(&mut self) {
        while self.builder.left() > 2048 {
            let (name, body) = self.texts.take(2048);
            let directory = self.builder.random.below(8);
            let path = self.builder.world.unused(&format!("usr/share/made-{directory}/{name}"));
            self.builder.fair_game(path.as_bytes(), body);
            if self.builder.random.percent(10) {
                self.builder.link(format!("{path}.linked").as_bytes(), path.as_bytes());
            }
        }
    }
}

/// Returns where a file of a tree lies in the image.
fn inside(root: &Path, prefix: &str, path: &Path) -> Option<Vec<u8>> {
    let path = Path::new(prefix).join(path.strip_prefix(root).ok()?);
    // A prefix that nothing is joined to ends in a slash.
    let bytes = path.as_os_str().as_bytes();
    let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
    (!bytes.is_empty()).then(|| bytes.to_vec())
}

fn real(item: &mut Item, metadata: &Metadata) {
    item.mode = metadata.mode() & 0o7777;
    item.owner = (metadata.uid().into(), metadata.gid().into());
    item.modified = (metadata.mtime().try_into().unwrap_or(0), metadata.mtime_nsec().try_into().unwrap_or(0));
}
