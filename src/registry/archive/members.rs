//! What lies where in a tar.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::layer::tar::{TarError, TarReader};
use crate::registry::error::{RegistryError, quoted};

/// Most members that an archive may have. An image has at most a few for each layer.
const MAX_MEMBERS: usize = 1 << 16;

/// How many links may lead to a member.
const MAX_LINKS: usize = 8;

/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;

/// Why an archive cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The archive is no tar, or a broken one.
    #[error("{} is no archive that can be read", .path.display())]
    Tar {
        /// The archive.
        path: PathBuf,
        /// Why.
        source: TarError,
    },
    /// The archive is compressed.
    #[error("{} is compressed", .0.display())]
    Compressed(PathBuf),
    /// A member is not there.
    #[error("{} has no member {name:?}", .path.display())]
    NoMember {
        /// The archive.
        path: PathBuf,
        /// The member.
        name: String,
    },
    /// The archive has more members than any honest one.
    #[error("{} has more than {MAX_MEMBERS} members", .0.display())]
    TooMany(PathBuf),
}

/// Where the data of a member is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) at: u64,
    pub(super) size: u64,
}

/// All members by their names.
pub(super) struct Members(HashMap<String, Found>);

enum Found {
    File(Member),
    /// Where a link leads, from the root.
    Link(String),
}

impl Members {
    pub(super) fn read(path: &Path) -> Result<Self, RegistryError> {
        let failed = |source: io::Error| RegistryError::Io { path: path.to_owned(), source };
        if !path.metadata().map_err(failed)?.is_file() {
            return Err(RegistryError::NotAFile(path.to_owned()));
        }
        let mut file = BufReader::with_capacity(BUFFER, File::open(path).map_err(failed)?);
        let start = file.fill_buf().map_err(failed)?;
        if start.starts_with(&[0x1f, 0x8b]) || start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            return Err(ArchiveError::Compressed(path.to_owned()).into());
        }
        let mut tar = TarReader::new(file);
        let mut members = HashMap::new();
        let broken = |source| ArchiveError::Tar { path: path.to_owned(), source };
        while let Some(entry) = tar.next_entry().map_err(broken)? {
            let name = text(&entry.path);
            let found = match entry.header.as_old().linkflag[0] {
                b'0' | 0 | b'7' => Found::File(Member { at: tar.position(), size: entry.size }),
                b'1' => Found::Link(inside("", &text(&entry.link))),
                b'2' => Found::Link(inside(parent(&name), &text(&entry.link))),
                _ => continue,
            };
            members.insert(inside("", &name), found);
            if members.len() > MAX_MEMBERS {
                return Err(ArchiveError::TooMany(path.to_owned()).into());
            }
        }
        Ok(Self(members))
    }

    /// Finds a file, through links. Returns its own name too.
    pub(super) fn find<'m>(
        &'m self,
        archive: &Path,
        name: &'m str,
    ) -> Result<(&'m str, Member), ArchiveError> {
        let mut at = name;
        for _ in 0..MAX_LINKS {
            match self.0.get(at) {
                Some(Found::File(member)) => return Ok((at, *member)),
                Some(Found::Link(target)) => at = target,
                None => break,
            }
        }
        Err(ArchiveError::NoMember { path: archive.to_owned(), name: quoted(name) })
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Returns where a path leads from a directory, without dots.
fn inside(directory: &str, path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in directory.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_their_directory() {
        assert_eq!(inside("", "./a//b"), "a/b");
        assert_eq!(inside("a", "../b/layer.tar"), "b/layer.tar");
        assert_eq!(inside("a", "../../../b"), "b");
    }

    #[test]
    fn links_in_a_circle_end() {
        let link = |to: &str| Found::Link(to.to_owned());
        let members = Members(HashMap::from([("a".to_owned(), link("b")), ("b".to_owned(), link("a"))]));
        let error = members.find(Path::new("x"), "a").unwrap_err();
        assert_eq!(error.to_string(), "x has no member \"a\"");
    }
}
