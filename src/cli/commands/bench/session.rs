//! The namespace and the directory of a bench: made at its begin, gone at its end, however it ends.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::ctr::{self, Ctr};
use super::error::BenchError;

/// What all namespaces of benches begin with. The process follows that a bench belongs to.
const PREFIX: &str = "cimsnap-bench-";

/// How often garbage is collected before what is left is no garbage.
const COLLECTIONS: usize = 5;

/// A namespace of containerd and a directory that nobody else has.
#[derive(Debug)]
pub(super) struct Session {
    /// In the namespace.
    pub(super) ctr: Ctr,
    pub(super) snapshotters: Vec<String>,
    directory: PathBuf,
    closed: bool,
}

impl Session {
    pub(super) fn open(ctr: &Ctr, snapshotters: Vec<String>) -> Result<Self, BenchError> {
        sweep(ctr, &snapshotters)?;
        let name = format!("{PREFIX}{}", std::process::id());
        let directory = directory(&name);
        let session = Self { ctr: ctr.within(&name), snapshotters, directory, closed: false };
        // One that is there already is somebody else's, who could lead us anywhere.
        for path in [session.directory.clone(), session.root(), session.documents()] {
            DirBuilder::new()
                .mode(0o700)
                .create(&path)
                .map_err(|source| BenchError::Directory { path, source })?;
        }
        ctr.ask(&["namespaces", "create", &name])?;
        Ok(session)
    }

    /// Where snapshots are mounted.
    pub(super) fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// Where the documents of the image are.
    pub(super) fn documents(&self) -> PathBuf {
        self.directory.join("documents")
    }

    /// Removes everything.
    pub(super) fn close(&mut self) -> Result<(), BenchError> {
        self.closed = true;
        clear(&self.ctr.shielded(), &self.snapshotters, &self.directory)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Something else has failed already, which is what is told.
        if !self.closed {
            drop(self.close());
        }
    }
}

/// Removes what benches have left that were killed.
fn sweep(ctr: &Ctr, snapshotters: &[String]) -> Result<(), BenchError> {
    for name in ctr.names(&["namespaces", "list", "--quiet"])? {
        let process = name.strip_prefix(PREFIX);
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            clear(&ctr.within(&name).shielded(), snapshotters, &directory(&name))?;
        }
    }
    Ok(())
}

/// Returns whether a namespace is that of a bench.
pub(super) fn is_bench(namespace: &str) -> bool {
    namespace.starts_with(PREFIX)
}

fn directory(name: &str) -> PathBuf {
    std::env::temp_dir().join(name)
}

fn clear(ctr: &Ctr, snapshotters: &[String], directory: &Path) -> Result<(), BenchError> {
    let root = directory.join("root");
    while is_mounted(&root) {
        ctr::run("umount", &["-l", &root.to_string_lossy()])?;
    }
    clear_namespace(ctr, snapshotters)?;
    patiently(ctr, || ctr.ask(&["namespaces", "remove", ctr.namespace()]).map(drop))?;
    // Without those below: should something be mounted after all, nothing of it is removed.
    drop(fs::remove_dir(&root));
    drop(fs::remove_dir_all(directory.join("documents")));
    match fs::remove_dir(directory) {
        Err(source) if directory.exists() => {
            Err(BenchError::Directory { path: directory.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Tries something that has to wait for garbage to be collected.
///
/// containerd answers who waits for a collection when the next one ends, also if that began too early to see the garbage.
pub(super) fn patiently(ctr: &Ctr, tries: impl Fn() -> Result<(), BenchError>) -> Result<(), BenchError> {
    for _ in 1..COLLECTIONS {
        if tries().is_ok() {
            return Ok(());
        }
        // A lease that goes has containerd collect.
        if let Some(lease) = ctr.names(&["leases", "create"])?.first() {
            ctr.ask(&["leases", "delete", "--sync", lease])?;
        }
    }
    tries()
}

/// Removes what is in a namespace. What goes already while this looks is no fault: the namespace is then empty.
fn clear_namespace(ctr: &Ctr, snapshotters: &[String]) -> Result<(), BenchError> {
    for container in ctr.names(&["containers", "list", "--quiet"])? {
        drop(ctr.ask(&["tasks", "delete", "--force", &container]));
        drop(ctr.ask(&["containers", "delete", &container]));
    }
    for snapshotter in snapshotters {
        remove_own_snapshots(ctr, snapshotter);
    }
    for lease in ctr.names(&["leases", "list", "--quiet"])? {
        drop(ctr.ask(&["leases", "delete", &lease]));
    }
    for image in ctr.names(&["images", "list", "--quiet"])? {
        ctr.ask(&["images", "delete", "--sync", &image])?;
    }
    Ok(())
}

/// Removes views and what containers wrote. Layers go with their image.
fn remove_own_snapshots(ctr: &Ctr, snapshotter: &str) {
    let listed = ctr.ask(&["snapshots", "--snapshotter", snapshotter, "list"]).unwrap_or_default();
    for line in listed.lines().filter(|line| !line.trim_end().ends_with("Committed")).skip(1) {
        if let Some(key) = line.split_whitespace().next() {
            drop(ctr.ask(&["snapshots", "--snapshotter", snapshotter, "delete", key]));
        }
    }
}

/// Returns whether something is mounted at a path.
fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let path = path.to_string_lossy();
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(&path))
}
