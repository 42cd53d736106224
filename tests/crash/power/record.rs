//! What a process does to the disk, as strace sees it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::call::{Call, bytes, opened, path};
use super::disk::{Change, Disk, Number};
use crate::TOLD;
use crate::strace;

/// All calls that change what is on the disk; those for which there is no [`Change`] as well, since their use must not go
/// unnoticed.
const CALLS: &[&str] = &[
    "chmod",
    "chown",
    "copy_file_range",
    "creat",
    "fallocate",
    "fchmod",
    "fchmodat",
    "fchown",
    "fchownat",
    "fdatasync",
    "fsetxattr",
    "fsync",
    "ftruncate",
    "lchown",
    "link",
    "linkat",
    "lsetxattr",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "open",
    "openat",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "sendfile",
    "setxattr",
    "symlink",
    "symlinkat",
    "truncate",
    "unlink",
    "unlinkat",
    "write",
    "writev",
];

/// The longest string that a process writes.
const LONGEST: &str = "16777216";

/// Everything that a process did.
pub(crate) struct Record {
    pub(crate) changes: Vec<Change>,
    /// How much of it was done before the process said that all is.
    pub(crate) told: usize,
    /// What all of it has made of the disk.
    pub(crate) disk: Disk,
}

/// Runs a program to its end, and writes down what it does below a root, which looks like `disk`.
pub(crate) fn record(program: &mut Command, root: &Path, disk: Disk) -> Record {
    let log = tempfile::NamedTempFile::new().unwrap();
    // All threads, but no programs that are started.
    let options = ["-f", "-b", "execve", "-y", "-xx", "-s", LONGEST, "-o", log.path().to_str().unwrap()];
    let output = strace::traced(program, CALLS, &options).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let root = root.canonicalize().unwrap();
    let mut recorder = Recorder { root, disk, changes: Vec::new(), told: None, positions: HashMap::new() };
    let text = std::fs::read_to_string(log.path()).unwrap();
    whole_lines(&text).iter().filter_map(|line| Call::parse(line)).for_each(|call| recorder.take(&call));
    let Recorder { changes, told, disk, .. } = recorder;
    Record { changes, told: told.unwrap(), disk }
}

/// Returns the calls of all threads, each where it ended: another thread's may stand between its beginning and its end.
fn whole_lines(text: &str) -> Vec<Cow<'_, str>> {
    let mut begun = HashMap::new();
    let mut whole = Vec::new();
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if let Some(front) = call.strip_suffix("<unfinished ...>") {
            assert!(begun.insert(thread, front.trim_end()).is_none(), "{thread} does two things at once");
        } else if let Some((_, rest)) = call.split_once(" resumed>") {
            whole.push(Cow::Owned(format!("{}{rest}", begun.remove(thread).unwrap())));
        } else {
            whole.push(Cow::Borrowed(call));
        }
    }
    whole
}

/// Turns calls into changes.
struct Recorder {
    root: PathBuf,
    disk: Disk,
    changes: Vec<Change>,
    told: Option<usize>,
    /// Where descriptors stand in their files.
    positions: HashMap<String, usize>,
}

impl Recorder {
    fn take(&mut self, call: &Call<'_>) {
        match call.name {
            "open" => self.open(call, call.arguments[1]),
            "openat" => self.open(call, call.arguments[2]),
            "mkdir" => self.make(&call.path(0), Some(call.mode(1))),
            "mkdirat" => self.make(&call.path_in(0), Some(call.mode(2))),
            "rename" => self.rename(&call.path(0), &call.path(1)),
            "renameat" | "renameat2" => self.rename(&call.path_in(0), &call.path_in(2)),
            "unlink" | "rmdir" => self.remove(&call.path(0)),
            "unlinkat" => self.remove(&call.path_in(0)),
            "chmod" => self.mode(self.at(&call.path(0)), call.mode(1)),
            "fchmodat" => self.mode(self.at(&call.path_in(0)), call.mode(2)),
            "fchmod" => self.mode(self.opened(call), call.mode(1)),
            "chown" | "lchown" => assert_eq!(call.arguments[1..], ["0", "0"], "owners are not modelled"),
            "ftruncate" => {
                let len = call.number(1);
                self.change(self.opened(call).map(|number| Change::SetLen { number, len }));
            }
            "pwrite64" => self.write(call, call.number(3)),
            "write" => self.write_on(call),
            "fsync" | "fdatasync" => {
                let names = call.name == "fsync";
                self.change(self.opened(call).map(|number| Change::Sync { number, names }));
            }
            name => assert!(!self.concerns(call), "{name} is not modelled"),
        }
    }

    /// Returns whether a call has to do with something below the root.
    fn concerns(&self, call: &Call<'_>) -> bool {
        let named = |argument: &&str| argument.starts_with('"').then(|| path(argument));
        let paths = call.arguments.iter().filter_map(|argument| named(argument).or_else(|| opened(argument)));
        paths.into_iter().any(|path| self.below(&path).is_some())
    }

    fn change(&mut self, change: Option<Change>) {
        if let Some(change) = change {
            self.disk.apply(&change);
            self.changes.push(change);
        }
    }

    fn below(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.root).ok().map(Path::to_owned)
    }

    fn at(&self, path: &Path) -> Option<Number> {
        self.disk.at(&self.below(path)?)
    }

    fn opened(&self, call: &Call<'_>) -> Option<Number> {
        self.at(&opened(call.arguments[0])?)
    }

    fn parent(&self, path: &Path) -> Number {
        self.disk.at(path.parent().unwrap()).unwrap()
    }

    fn open(&mut self, call: &Call<'_>, flags: &str) {
        let descriptor = call.result.split('<').next().unwrap();
        self.positions.insert(descriptor.to_owned(), 0);
        let path = opened(call.result);
        match path.as_ref().and_then(|path| self.at(path)) {
            Some(number) if flags.contains("O_TRUNC") => self.change(Some(Change::SetLen { number, len: 0 })),
            None if flags.contains("O_CREAT") => self.make(&path.unwrap(), None),
            _ => {}
        }
    }

    fn make(&mut self, path: &Path, mode: Option<u32>) {
        let Some(path) = self.below(path) else { return };
        let (parent, number) = (self.parent(&path), self.disk.unused());
        let mode = mode.map(|mode| mode & !super::UMASK);
        self.change(Some(Change::Make { parent, path, number, mode }));
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let (Some(from), Some(to)) = (self.below(from), self.below(to)) else { return };
        let number = self.disk.at(&from).unwrap();
        let parents = [self.parent(&from), self.parent(&to)];
        self.change(Some(Change::Rename { parents, from, to, number }));
    }

    fn remove(&mut self, path: &Path) {
        let Some(path) = self.below(path) else { return };
        let parent = self.parent(&path);
        self.change(Some(Change::Remove { parent, path }));
    }

    fn mode(&mut self, number: Option<Number>, mode: u32) {
        self.change(number.map(|number| Change::Mode { number, mode }));
    }

    fn write(&mut self, call: &Call<'_>, offset: usize) {
        let Some(number) = self.opened(call) else { return };
        let written = &bytes(call.arguments[1])[..call.result.parse().unwrap()];
        self.change(Some(Change::Write { number, offset, bytes: written.into() }));
    }

    /// Writes where the descriptor stands.
    fn write_on(&mut self, call: &Call<'_>) {
        let descriptor = call.arguments[0].split('<').next().unwrap();
        if descriptor == "1" && bytes(call.arguments[1]).starts_with(TOLD.as_bytes()) {
            self.told = Some(self.changes.len());
        }
        let written: usize = call.result.parse().unwrap();
        let position = self.positions.entry(descriptor.to_owned()).or_default();
        let offset = std::mem::replace(position, *position + written);
        self.write(call, offset);
    }
}
