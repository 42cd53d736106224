//! What is mounted, as the kernel says.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::mount::{MountEntry, MountError};

/// The kernel's list of the mounts that this process sees.
pub const PATH: &str = "/proc/self/mountinfo";

/// What tells our mounts from others: the file system type, as the kernel shows it.
pub const FILE_SYSTEM: &str = "fuse.cimsnap";

/// Returns all our mounts in the order in which they were made.
pub fn list() -> Result<Vec<MountEntry>, MountError> {
    let table = fs::read(PATH).map_err(|source| MountError::Table { path: PATH, source })?;
    Ok(parse(&table))
}

/// Symlinks that a path may end with, as in the kernel.
const MAX_LINKS: usize = 40;

/// Returns the uppermost mount on a directory, if it is one of ours. Does not touch the mount, whose server may hang.
pub fn find(at: &Path) -> Result<Option<MountEntry>, MountError> {
    let mut at = resolve(at);
    for _ in 0..MAX_LINKS {
        if let Some(line) = uppermost(&at)? {
            return Ok(line.into_entry());
        }
        // Nothing is mounted there, so that it can be looked at.
        match (at.read_link(), at.parent()) {
            (Ok(target), Some(parent)) => at = resolve(&parent.join(target)),
            _ => break,
        }
    }
    Ok(None)
}

/// Returns a path as the kernel's list has it, except that its last component may be a symlink.
fn resolve(at: &Path) -> PathBuf {
    let absolute = std::path::absolute(at).unwrap_or_else(|_| at.to_owned());
    match (absolute.parent().map(Path::canonicalize), absolute.file_name()) {
        (Some(Ok(parent)), Some(name)) => parent.join(name),
        _ => absolute.canonicalize().unwrap_or(absolute),
    }
}

/// Like [`find`], for a path that is resolved already.
pub(super) fn find_exact(at: &Path) -> Result<Option<MountEntry>, MountError> {
    Ok(uppermost(at)?.and_then(Line::into_entry))
}

fn uppermost(at: &Path) -> Result<Option<Line>, MountError> {
    let table = fs::read(PATH).map_err(|source| MountError::Table { path: PATH, source })?;
    Ok(table.split(|&byte| byte == b'\n').filter_map(Line::parse).rfind(|line| line.at == at))
}

fn parse(table: &[u8]) -> Vec<MountEntry> {
    let lines = table.split(|&byte| byte == b'\n').filter_map(Line::parse);
    lines.filter_map(Line::into_entry).collect()
}

/// What matters of a line of the list: `36 35 0:46 / /mnt ro,nosuid - fuse.cimsnap SOURCE ro,…`, with any number of
/// optional fields before the dash.
struct Line {
    device: String,
    at: PathBuf,
    file_system: Vec<u8>,
    source: PathBuf,
}

impl Line {
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ');
        let device = String::from_utf8(fields.nth(2)?.to_vec()).ok()?;
        let at = path(fields.nth(1)?);
        let mut fields = fields.skip_while(|&field| field != b"-").skip(1);
        let file_system = fields.next()?.to_vec();
        Some(Self { device, at, file_system, source: path(fields.next()?) })
    }

    fn into_entry(self) -> Option<MountEntry> {
        let Self { device, at, source, .. } = self;
        let ours = self.file_system == FILE_SYSTEM.as_bytes();
        ours.then_some(MountEntry { at, image: source, device })
    }
}

/// Undoes the escapes of the list: space, tab, newline and backslash stand as `\` and three octal digits.
fn path(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'\\').then(|| tail.get(..3).and_then(octal)).flatten();
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &tail[3..] } else { tail };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn octal(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_lines_are_found_among_others() {
        let table = b"22 1 0:20 / /proc rw,nosuid shared:5 - proc proc rw\n\
            36 1 0:46 / /mnt/a\\040b ro,nosuid,nodev shared:1 master:2 - fuse.cimsnap /images/x\\134y.cim ro,user_id=0\n\
            37 1 0:47 / /mnt/c ro - fuse.other /images/z.cim ro\n\
            38 1 0:48 / /mnt/d ro - fuse.cimsnap /images/z.cim ro\n";
        let found = parse(table);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].at, Path::new("/mnt/a b"));
        assert_eq!(found[0].image, Path::new("/images/x\\y.cim"));
        assert_eq!(found[0].device, "0:46");
        assert_eq!(found[1].at, Path::new("/mnt/d"));
    }

    #[test]
    fn broken_lines_are_passed_over() {
        for line in [&b""[..], b"1 2", b"1 2 0:1 / /a rw - fuse.cimsnap", b"1 2 0:1 / /a rw fuse.cimsnap x"] {
            assert!(parse(line).is_empty());
        }
        assert_eq!(path(b"a\\04"), Path::new("a\\04"));
        assert_eq!(path(b"\\777"), Path::new("\\777"));
    }

    #[test]
    fn a_path_need_not_exist_and_may_be_a_symlink() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().canonicalize().unwrap();
        assert_eq!(resolve(&directory.path().join("absent")), place.join("absent"));
        assert_eq!(resolve(&directory.path().join("a/..")), resolve(directory.path()).join("a/.."));
        std::os::unix::fs::symlink(place.join("around"), place.join("around")).unwrap();
        assert_eq!(find(&place.join("around")).unwrap(), None);
    }
}
