//! What the machine must have.

use std::fs;
use std::path::Path;

use super::Symptom;
use crate::cim::error_chain;
use crate::store::Root;
use crate::sys::TrustError;

/// File systems by the numbers that the kernel gives them, with what is wrong with each.
const UNSUITABLE: &[(i64, &str, &str)] = &[
    (0x0102_1994, "tmpfs", "what is kept there is gone after a restart"),
    (0x794c_7630, "overlay", "an overlay cannot lie over another one"),
    (0x6969, "nfs", "its locks and its maps cannot be relied on"),
    (0x6573_5546, "fuse", "its locks and its maps cannot be relied on"),
    (0xff53_4d42, "cifs", "it has no owners and no devices"),
    (0x517b, "smb", "it has no owners and no devices"),
];

/// What is little space: a large image and its blobs need as much.
const LITTLE: u64 = 10 << 30;

/// Exposed files that are listed one by one.
const MOST_EXPOSURES: usize = 5;

/// Looks at what the kernel can mount.
pub(super) fn kernel() -> Vec<Symptom> {
    let fuse = match Path::new("/dev/fuse").exists() {
        true => Symptom::ok("the kernel has FUSE"),
        false => Symptom::error("there is no /dev/fuse", "load the module: modprobe fuse"),
    };
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let overlay = match has(&known, "overlay") {
        true => Symptom::ok("the kernel has overlays"),
        false => Symptom::error("the kernel knows no overlays", "load the module: modprobe overlay"),
    };
    vec![fuse, overlay, erofs(&known, &release)]
}

/// Nothing needs EROFS today, so that it is not there is no fault.
fn erofs(known: &str, release: &str) -> Symptom {
    let mut numbers = release.split(['.', '-']).map(|number| number.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match (has(known, "erofs"), version >= (6, 12)) {
        (true, true) => Symptom::ok("the kernel has EROFS, also of files"),
        (true, false) => Symptom::ok("the kernel has EROFS, of block devices only; nothing needs it today"),
        (false, _) => Symptom::ok("the kernel has not loaded EROFS; nothing needs it today"),
    }
}

fn has(known: &str, name: &str) -> bool {
    known.lines().any(|line| line.split_whitespace().last() == Some(name))
}

/// Looks at the file system of the root, or of where it would be.
pub(super) fn root(root: &Path) -> Vec<Symptom> {
    let Some(there) = root.ancestors().find(|path| path.exists()) else { return Vec::new() };
    match rustix::fs::statfs(there) {
        Ok(found) => {
            let unit = u64::try_from(found.f_bsize).unwrap_or(0);
            let space = space(root, found.f_bavail.saturating_mul(unit));
            [kind(root, found.f_type), space].into_iter().chain(access(root)).collect()
        }
        Err(error) => {
            vec![Symptom::error(format!("{}: {error}", there.display()), "run as root")]
        }
    }
}

/// Looks for files of the root that other users could access or change.
fn access(root: &Path) -> Vec<Symptom> {
    let exposures = Root::exposures(root);
    let total = exposures.len();
    if total == 0 {
        return vec![Symptom::ok(format!("{} is accessible to its owner alone", root.display()))];
    }
    let first = exposures.into_iter().take(MOST_EXPOSURES).map(|error| {
        let advice = match error {
            TrustError::Io { .. } => "run as root",
            _ => "do so, and restart the daemon; `cimsnap fsck --deep` then compares all files with their digests",
        };
        Symptom::error(error_chain(&error), advice)
    });
    let more = total.saturating_sub(MOST_EXPOSURES);
    let rest =
        (more > 0).then(|| Symptom::error(format!("the same holds for {more} more files of the root"), ""));
    first.chain(rest).collect()
}

fn kind(root: &Path, kind: i64) -> Symptom {
    let root = root.display();
    match UNSUITABLE.iter().find(|(number, ..)| *number == kind) {
        Some((_, name, why)) => Symptom::error(
            format!("{root} is on {name}: {why}"),
            "set root to a directory on a disk, with ext4 or xfs for example",
        ),
        None => Symptom::ok(format!("{root} is on a file system that can be used")),
    }
}

fn space(root: &Path, free: u64) -> Symptom {
    let (root, gigabytes) = (root.display(), free >> 30);
    match free < LITTLE {
        true => Symptom::warning(
            format!("{root} has {gigabytes} GiB left"),
            "free some space, or set root to a larger disk; `cimsnap gc` removes what nobody needs",
        ),
        false => Symptom::ok(format!("{root} has {gigabytes} GiB left")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn file_systems_that_lose_things_are_refused() {
        let root = Path::new("/srv");
        assert_eq!(kind(root, 0xef53).health, Health::Ok);
        for unsuitable in [0x0102_1994, 0x794c_7630, 0x6969] {
            assert_eq!(kind(root, unsuitable).health, Health::Error);
        }
        assert_eq!(space(root, 1 << 30).health, Health::Warning);
        assert_eq!(space(root, 100 << 30).health, Health::Ok);
        assert!(erofs("nodev\tproc\n\terofs\n", "6.12.3-1").seen.contains("also of files"));
        assert!(erofs("nodev\tproc\n\terofs\n", "6.1.0").seen.contains("block devices only"));
        assert!(erofs("nodev\tnoterofs\n", "6.12.0").seen.contains("not loaded"));
    }
}
