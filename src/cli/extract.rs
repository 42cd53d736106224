//! An image on its way into a directory.
//!
//! The image may mean harm and be broken. The directory is ours alone, so that whatever is there was made by this
//! extraction; everything is made anew, never through what is there, and no link is followed: nothing can be written
//! outside. Paths of any length work, since the walk goes from directory to directory.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::vec::IntoIter;

use anyhow::Context;
use cimsnap::cim::wsl::FileType;
use cimsnap::cim::{FileId, FileTime};
use cimsnap::escape::Escaped;
use cimsnap::mount::view::{Attributes, View};
use rustix::fs::{self as sys, AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};

use super::Result;
use super::failure::Failure;
use super::source::Counts;
use super::ui::Progress;

/// Writes all of an image into a directory, which is made if it is not there and must be empty.
pub(crate) fn extract(view: &View, at: &Path, progress: &Progress) -> Result<Extracted> {
    let cannot_make = || format!("cannot make {}", at.display());
    match fs::create_dir(at) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_dir(at).with_context(cannot_make)?.next().is_some() {
                return Err(Failure::NotEmpty(at.display().to_string()).into());
            }
        }
        made => made.with_context(cannot_make)?,
    }
    let root = enter(sys::CWD, at.as_os_str().as_bytes()).with_context(cannot_make)?;
    let here = root.try_clone()?;
    let extraction = Extraction {
        view,
        progress,
        owner: rustix::process::geteuid().is_root(),
        root,
        here,
        path: Vec::new(),
        first_names: HashMap::new(),
        entered: HashSet::new(),
        done: Extracted::default(),
    };
    extraction.run()
}

/// What came out of an image.
#[derive(Debug, Default)]
pub(crate) struct Extracted {
    pub(crate) counts: Counts,
    /// What this machine does not let anybody make or set: how many, and the first of them.
    pub(crate) left_out: Option<(u64, String)>,
}

struct Extraction<'a> {
    view: &'a View,
    progress: &'a Progress,
    /// Whether owners can be set.
    owner: bool,
    root: OwnedFd,
    /// The directory that the walk is in, and its path from the root.
    here: OwnedFd,
    path: Vec<u8>,
    /// Files with several names, with the path of the first.
    first_names: HashMap<FileId, Vec<u8>>,
    entered: HashSet<FileId>,
    done: Extracted,
}

/// A directory that the walk is in.
struct Level {
    id: FileId,
    /// How long the path was before.
    before: usize,
    names: IntoIter<(Vec<u8>, FileId)>,
    identity: (u64, u64),
}

impl Extraction<'_> {
    fn run(mut self) -> Result<Extracted> {
        let mut open = vec![self.level(self.view.image().root(), 0)?];
        while let Some(level) = open.last_mut() {
            if let Some((name, id)) = level.names.next() {
                let before = self.path.len();
                self.path.extend([b"/", name.as_slice()].concat());
                let entered = self.make(&name, id, before);
                match entered.with_context(|| format!("cannot extract {}", self.shown()))? {
                    Some(below) => open.push(below),
                    None => self.path.truncate(before),
                }
                continue;
            }
            self.decorate(b".", level.id).with_context(|| format!("cannot extract {}", self.shown()))?;
            self.path.truncate(level.before);
            open.pop();
            if let Some(above) = open.last() {
                self.leave(above.identity)?;
            }
        }
        Ok(self.done)
    }

    fn shown(&self) -> String {
        Escaped(String::from_utf8_lossy(&self.path)).to_string()
    }

    /// Lists the directory that the walk has just come into.
    fn level(&mut self, id: FileId, before: usize) -> Result<Level> {
        anyhow::ensure!(self.entered.insert(id), "{} is a directory within itself", self.shown());
        let mut names = Vec::new();
        self.view.list(id, 0, |entry| {
            if !matches!(entry.name, b"." | b"..") {
                names.push((entry.name.to_vec(), entry.id));
            }
            true
        })?;
        Ok(Level { id, before, names: names.into_iter(), identity: identity(&self.here)? })
    }

    /// Goes up to the directory that the walk came from.
    fn leave(&mut self, identity_above: (u64, u64)) -> Result<()> {
        self.here = enter(&self.here, b"..")?;
        let moved = identity(&self.here)? != identity_above;
        anyhow::ensure!(!moved, "somebody moved a directory while it was filled");
        Ok(())
    }

    /// Makes a file; enters it where it is a directory.
    fn make(&mut self, name: &[u8], id: FileId, before: usize) -> Result<Option<Level>> {
        if let Some(feature) = self.view.image().file(id)?.unknown {
            return self.leave_out(&format!("{feature} is not known to this version")).map(|()| None);
        }
        let attributes = self.view.attributes(id)?;
        let at = OsStr::from_bytes(name);
        if attributes.file_type == FileType::Directory {
            sys::mkdirat(&self.here, at, Mode::RWXU)?;
            self.here = enter(&self.here, name)?;
            self.done.counts.directories += 1;
            return self.level(id, before).map(Some);
        }
        self.done.counts.files += 1;
        if let Some(first) = self.first_names.get(&id) {
            let first = OsStr::from_bytes(&first[1..]);
            sys::linkat(&self.root, first, &self.here, at, AtFlags::empty())?;
            return Ok(None);
        }
        match attributes.file_type {
            FileType::Symlink => sys::symlinkat(self.view.target(id)?.as_slice(), &self.here, at)?,
            FileType::Regular | FileType::Directory => self.make_file(name, id)?,
            special => {
                if !self.make_special(name, special, &attributes)? {
                    return Ok(None);
                }
            }
        }
        if attributes.links > 1 {
            self.first_names.insert(id, self.path.clone());
        }
        self.decorate(name, id)?;
        Ok(None)
    }

    fn make_file(&mut self, name: &[u8], id: FileId) -> Result<()> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = sys::openat(&self.here, OsStr::from_bytes(name), flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(opened);
        let data = self.view.data(id)?;
        self.done.counts.bytes += data.len();
        if self.view.seek(id, 0, true)? == Some(0) {
            file.set_len(data.len())?;
            return Ok(());
        }
        for chunk in data.chunks(1 << 20) {
            file.write_all(chunk.bytes())?;
            self.progress.advance(u64::try_from(chunk.bytes().len())?);
        }
        Ok(())
    }

    /// Makes a device, pipe or socket; `false` where only root may.
    fn make_special(&mut self, name: &[u8], kind: FileType, attributes: &Attributes) -> Result<bool> {
        let made = match kind {
            FileType::Fifo => sys::FileType::Fifo,
            FileType::Socket => sys::FileType::Socket,
            FileType::BlockDevice => sys::FileType::BlockDevice,
            _ => sys::FileType::CharacterDevice,
        };
        let device = sys::makedev(attributes.device.major, attributes.device.minor);
        match sys::mknodat(&self.here, OsStr::from_bytes(name), made, Mode::RUSR | Mode::WUSR, device) {
            Err(rustix::io::Errno::PERM) => self.leave_out("only root makes devices").map(|()| false),
            made => Ok(made.map(|()| true)?),
        }
    }

    /// Sets owner, mode, xattrs and times, in an order in which none undoes another.
    fn decorate(&mut self, name: &[u8], id: FileId) -> Result<()> {
        let attributes = self.view.attributes(id)?;
        let at = OsStr::from_bytes(name);
        let nofollow = AtFlags::SYMLINK_NOFOLLOW;
        if self.owner {
            let (uid, gid) = (Uid::from_raw(attributes.uid), Gid::from_raw(attributes.gid));
            sys::chownat(&self.here, at, Some(uid), Some(gid), nofollow)?;
        }
        if attributes.file_type != FileType::Symlink {
            let mode = Mode::from_raw_mode(attributes.permissions);
            sys::chmodat(&self.here, at, mode, AtFlags::empty())?;
        }
        self.set_xattrs(name, id)?;
        let times = Timestamps {
            last_access: timespec(attributes.accessed)?,
            last_modification: timespec(attributes.modified)?,
        };
        Ok(sys::utimensat(&self.here, at, &times, nofollow)?)
    }

    fn set_xattrs(&mut self, name: &[u8], id: FileId) -> Result<()> {
        let list = self.view.xattr_names(id)?;
        for xattr in list.split(|&byte| byte == 0).filter(|xattr| !xattr.is_empty()) {
            let value = self.view.xattr(id, xattr)?;
            // No call sets an xattr of a name in a directory that is open.
            let path = [format!("/proc/self/fd/{}/", self.here.as_raw_fd()).as_bytes(), name].concat();
            match sys::lsetxattr(path.as_slice(), xattr, &value, XattrFlags::empty()) {
                Err(rustix::io::Errno::PERM | rustix::io::Errno::NOTSUP | rustix::io::Errno::NOSPC) => {
                    self.leave_out(&format!(
                        "xattr {} cannot be set",
                        Escaped(String::from_utf8_lossy(xattr))
                    ))?;
                }
                set => set.with_context(|| format!("cannot set {:?}", String::from_utf8_lossy(xattr)))?,
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, why: &str) -> Result<()> {
        let first = || (0, format!("{}: {why}", Escaped(String::from_utf8_lossy(&self.path))));
        self.done.left_out.get_or_insert_with(first).0 += 1;
        Ok(())
    }
}

fn enter(directory: impl AsFd, name: &[u8]) -> Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC;
    Ok(sys::openat(directory, OsStr::from_bytes(name), flags, Mode::empty())?)
}

/// Tells a directory from others.
fn identity(directory: &OwnedFd) -> Result<(u64, u64)> {
    let stat = sys::fstat(directory)?;
    Ok((stat.st_dev, stat.st_ino))
}

fn timespec(time: FileTime) -> Result<Timespec> {
    let nanos = time.unix_nanos();
    let (seconds, rest) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
    Ok(Timespec { tv_sec: i64::try_from(seconds)?, tv_nsec: i64::try_from(rest)? })
}
