//! What a listing says of a path.

use std::fmt;

use serde::Serialize;

use super::text::timestamp;
use crate::cim::reader::File;

/// Everything about a path that does not depend on how the image lies on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DumpEntry {
    /// From the root, with `/` between the names. Control characters and lone surrogates stand as `\u{...}`.
    pub path: String,
    /// File or directory.
    pub kind: DumpKind,
    /// File attributes as Windows shows them.
    pub attributes: u32,
    /// The four times, if they were asked for.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub times: Option<DumpTimes>,
    /// Length of the data in bytes.
    pub size: u64,
    /// Digest of the data, if it was asked for and there is any: the first 12 bytes of BLAKE3, or `zeros`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// Digest of the security descriptor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security: Option<String>,
    /// Digest of the extended attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eas: Option<String>,
    /// What kind of reparse point it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reparse: Option<DumpReparse>,
    /// Alternate streams in name order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<DumpStream>,
    /// For a file with several names, which they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<DumpLinks>,
    /// What keeps the file from being read; only in images of version 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DumpKind {
    /// A file.
    File,
    /// A directory.
    Directory,
}

/// The times of a file, to 100 ns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DumpTimes {
    /// When the file was created.
    pub created: String,
    /// When the data was last written.
    pub written: String,
    /// When anything was last changed.
    pub changed: String,
    /// When the file was last read.
    pub accessed: String,
}

impl DumpTimes {
    pub(super) fn of(file: &File) -> Self {
        Self {
            created: timestamp(file.creation_time),
            written: timestamp(file.last_write_time),
            changed: timestamp(file.change_time),
            accessed: timestamp(file.last_access_time),
        }
    }
}

/// A reparse point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DumpReparse {
    /// Its tag.
    pub tag: u32,
    /// Digest of the whole buffer.
    pub digest: String,
}

/// An alternate stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DumpStream {
    /// Its name.
    pub name: String,
    /// Length in bytes.
    pub size: u64,
    /// Digest of the data, as of a file's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
}

/// The names of a file that has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DumpLinks {
    /// How many names it has.
    pub count: u32,
    /// The first of them in the listing; `None` for that one itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
}

impl fmt::Display for DumpEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            DumpKind::File => "file",
            DumpKind::Directory => "dir",
        };
        // A valid name holds no quotation mark.
        write!(f, "\"{}\" {kind} attributes={:#x}", self.path, self.attributes)?;
        if let Some(times) = &self.times {
            write!(f, " created={} written={}", times.created, times.written)?;
            write!(f, " changed={} accessed={}", times.changed, times.accessed)?;
        }
        write!(f, " size={}", self.size)?;
        for (field, digest) in [("data", &self.data), ("security", &self.security), ("eas", &self.eas)] {
            if let Some(digest) = digest {
                write!(f, " {field}={digest}")?;
            }
        }
        if let Some(DumpReparse { tag, digest }) = &self.reparse {
            write!(f, " reparse={tag:#010x}:{digest}")?;
        }
        for DumpStream { name, size, data } in &self.streams {
            write!(f, " stream=\"{name}\":{size}")?;
            if let Some(digest) = data {
                write!(f, ":{digest}")?;
            }
        }
        if let Some(DumpLinks { count, first }) = &self.links {
            write!(f, " links={count}")?;
            if let Some(first) = first {
                write!(f, " link=\"{first}\"")?;
            }
        }
        if let Some(unknown) = &self.unknown {
            write!(f, " unknown=\"{unknown}\"")?;
        }
        Ok(())
    }
}
