//! Snapshots as directories of Linux, which the kernel lays over mounts of images.

use std::path::{Path, PathBuf};

use super::{Mount, Show, SnapshotError, Snapshots};
use crate::layer::digest::Digest;
use crate::mount::view::{View, ViewKind};
use crate::snapshot::cleanup::chain_of;
use crate::snapshot::extraction::is_extraction;
use crate::store::{Kind, Root, SnapshotRow};
use crate::sys;

/// Mode, user and group of the root of a file system that says nothing of them.
const ROOT: (u32, u32, u32) = (0o755, 0, 0);

/// Shows snapshots as overlays and binds.
#[derive(Debug)]
pub(super) struct Overlays;

impl Show for Overlays {
    /// The root of an overlay is that of its upper directory, so this one looks like the root of the image below it. The
    /// work directory comes last: after a power loss it says that all before it is there.
    fn make(&self, all: &Snapshots, id: u64, below: Option<&Digest>) -> Result<(), SnapshotError> {
        let root = all.store.root();
        let upper = root.upper(id);
        make_private(&upper)?;
        let (mode, uid, gid) = below.map_or(Ok(ROOT), |chain| root_of(all, chain))?;
        sys::set_owner(&upper, mode, uid, gid).map_err(SnapshotError::io("set up", &upper))?;
        make_private(&root.work(id))
    }

    fn is_made(&self, root: &Root, id: u64) -> bool {
        root.upper(id).is_dir() && root.work(id).is_dir()
    }

    fn written(&self, root: &Root, id: u64) -> PathBuf {
        root.upper(id)
    }

    fn files(&self, root: &Root, _key: &str, row: &SnapshotRow) -> Result<PathBuf, SnapshotError> {
        Ok(root.upper(row.id))
    }

    fn mount(
        &self,
        all: &Snapshots,
        key: &str,
        row: &SnapshotRow,
        below: Option<&Digest>,
    ) -> Result<Mount, SnapshotError> {
        let root = all.store.root();
        let (upper, work) = (root.upper(row.id), root.work(row.id));
        Ok(match (row.kind, below) {
            // Nobody is to write what is there already; see `NewSnapshot::leaves_out`.
            (Kind::Active, _) if row.layer.is_some() => read_only(overlay(&root.empty(), &upper, &work)),
            // Only through an overlay does containerd write down what a layer deletes of those below it.
            (Kind::Active, None) if is_extraction(key, &row.labels) => overlay(&root.empty(), &upper, &work),
            (Kind::Active, Some(chain)) if is_extraction(key, &row.labels) => {
                overlay(&all.mount_below(key, row.id, chain)?, &upper, &work)
            }
            (Kind::Active, Some(chain)) => overlay(&all.mount_image(chain)?, &upper, &work),
            (Kind::Active, None) => bind(&upper, "rw"),
            (_, Some(chain)) => bind(&all.mount_image(chain)?, "ro"),
            (_, None) => bind(&upper, "ro"),
        })
    }

    /// The kernel makes a directory in the work directory of each overlay that it mounts.
    fn is_still_mounted(&self, root: &Root, id: u64) -> bool {
        let work = root.work(id);
        work.join("work").exists() && is_overlay_mounted(&root.empty(), &root.upper(id), &work)
    }

    fn snapshot_of(&self, root: &Root, mount: &Mount) -> Option<u64> {
        let upper = match mount.kind.as_str() {
            "overlay" => mount.options.iter().find_map(|option| option.strip_prefix("upperdir="))?,
            "bind" => mount.source.as_str(),
            _ => return None,
        };
        let id = upper.strip_prefix(root.snapshots().to_str()?)?.strip_prefix('/')?;
        let id = id.strip_suffix("/fs")?.parse().ok()?;
        (root.upper(id).to_str() == Some(upper)).then_some(id)
    }

    fn image_of(&self, all: &Snapshots, mount: &Mount) -> Result<Option<Digest>, SnapshotError> {
        let name = Path::new(&mount.source).strip_prefix(all.store.root().mounts()).ok();
        let chain = name.and_then(|name| chain_of(name.as_os_str()));
        Ok(chain.filter(|_| mount.kind == "bind"))
    }
}

#[cfg(target_os = "linux")]
use sys::is_overlay_mounted;

/// Only Linux has overlays.
#[cfg(not(target_os = "linux"))]
fn is_overlay_mounted(_lower: &Path, _upper: &Path, _work: &Path) -> bool {
    false
}

/// Makes a directory that only its owner may enter, and those above it.
fn make_private(path: &Path) -> Result<(), SnapshotError> {
    sys::make_private(path).map_err(SnapshotError::io("make", path))
}

/// Returns mode, user and group of the root of an image.
fn root_of(all: &Snapshots, chain: &Digest) -> Result<(u32, u32, u32), SnapshotError> {
    let image = all.open_image(chain)?;
    let root = image.root();
    let view = View::new(image, ViewKind::Linux)?;
    Ok(match view.attributes(root) {
        Ok(attributes) => (attributes.permissions, attributes.uid, attributes.gid),
        Err(_) => ROOT,
    })
}

fn overlay(lower: &Path, upper: &Path, work: &Path) -> Mount {
    let options = [("lowerdir", lower), ("upperdir", upper), ("workdir", work)];
    let mut options: Vec<String> =
        options.iter().map(|(option, path)| format!("{option}={}", path.display())).collect();
    options.push("index=off".to_owned());
    Mount { kind: "overlay".to_owned(), source: "overlay".to_owned(), options }
}

fn read_only(mut mount: Mount) -> Mount {
    mount.options.push("ro".to_owned());
    mount
}

fn bind(source: &Path, mode: &str) -> Mount {
    let options = vec![mode.to_owned(), "rbind".to_owned()];
    Mount { kind: "bind".to_owned(), source: source.display().to_string(), options }
}
