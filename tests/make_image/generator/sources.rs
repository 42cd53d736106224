//! Where the data of real files comes from.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use super::item::Body;
use super::random::Random;

/// Where tests/setup puts PE files: modules of Wine, and launchers whose sections lie close in the file.
const MODULES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows",
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/images/distlib"),
];
const TEXTS: &str = "/usr/share";
const LONGEST_TEXT: u64 = 256 << 10;

/// Files to be had one after the other, without end.
pub(super) struct Pool {
    files: Vec<(String, Body)>,
    random: Random,
    taken: usize,
    made: fn(&mut Random, u64) -> (String, Body),
}

impl Pool {
    /// PE files of this machine.
    pub(super) fn modules(random: Random) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        for directory in MODULES {
            let found = walk(Path::new(directory));
            let found = found.filter(|found| found.is_file() && has_pe_extension(&found.path));
            files.extend(found.map(Found::into_body));
        }
        anyhow::ensure!(!files.is_empty(), "no PE files in {}: run tests/setup/images.sh", MODULES[0]);
        Ok(Self::shuffled(files, random, made_module))
    }

    /// Short files of this machine.
    pub(super) fn texts(random: Random) -> Self {
        let found = walk(Path::new(TEXTS));
        let found = found.filter(|found| found.is_file() && found.metadata.len() <= LONGEST_TEXT);
        // Windows has rules for names.
        let files = found.map(Found::into_body).filter(|(name, _)| is_plain(name)).collect();
        Self::shuffled(files, random, made_text)
    }

    /// PE files of our own.
    pub(super) fn synthetic_modules(random: Random) -> Self {
        Self::shuffled(Vec::new(), random, made_module)
    }

    /// Texts of our own.
    pub(super) fn synthetic_texts(random: Random) -> Self {
        Self::shuffled(Vec::new(), random, made_text)
    }

    fn shuffled(
        mut files: Vec<(String, Body)>,
        mut random: Random,
        made: fn(&mut Random, u64) -> (String, Body),
    ) -> Self {
        random.shuffle(&mut files);
        Self { files, random, taken: 0, made }
    }

    /// Takes the next file that is not too long. What comes around again is changed; if all are too long, one is made.
    pub(super) fn take(&mut self, max: u64) -> (String, Body) {
        for _ in 0..self.files.len() {
            let round = self.taken / self.files.len();
            let (name, body) = &self.files[self.taken % self.files.len()];
            self.taken += 1;
            if body.len() <= max {
                let body = if round == 0 { body.clone() } else { body.changed(self.random.next()) };
                return (name.clone(), body);
            }
        }
        (self.made)(&mut self.random, max)
    }
}

fn has_pe_extension(path: &Path) -> bool {
    let extensions = ["dll", "exe", "sys", "ocx", "drv", "cpl", "tlb"];
    path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known))
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" .-_+".contains(&byte))
        && !name.starts_with(".wh.")
}

fn made_module(random: &mut Random, max: u64) -> (String, Body) {
    let len = 1024 + random.below(max.clamp(2048, 6 << 10) - 1024);
    (format!("module{:x}.dll", random.below(1 << 32)), Body::Pe { len, seed: random.next() })
}

fn made_text(random: &mut Random, max: u64) -> (String, Body) {
    let len = random.below(max.min(2048));
    (format!("note{:x}.txt", random.below(1 << 32)), Body::Text { len, seed: random.next() })
}

/// A file of this machine.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) metadata: Metadata,
}

impl Found {
    pub(super) fn is_file(&self) -> bool {
        self.metadata.is_file()
    }

    pub(super) fn body(&self) -> Body {
        Body::File { path: self.path.clone(), len: self.metadata.len() }
    }

    fn into_body(self) -> (String, Body) {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        (name, self.body())
    }
}

/// Yields all that is below a directory, in the order of names. What cannot be read is left out, and so is what
/// Python writes when it feels like it.
pub(super) fn walk(root: &Path) -> impl Iterator<Item = Found> {
    let mut pending = vec![root.to_owned()];
    std::iter::from_fn(move || {
        let path = pending.pop()?;
        let metadata = fs::symlink_metadata(&path).ok();
        if metadata.as_ref().is_some_and(Metadata::is_dir) {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
            let mut entries: Vec<_> = entries.filter(|path| !path.ends_with("__pycache__")).collect();
            entries.sort_by(|a, b| b.cmp(a));
            pending.extend(entries);
        }
        Some(metadata.map(|metadata| Found { path, metadata }))
    })
    .flatten()
}
