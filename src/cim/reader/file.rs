//! A checked file record.

use super::{Feature, Image};
use crate::cim::error::{CimError, Unsupported};
use crate::cim::format::{Attributes, RawFileRecord, RawStream, RecordFlags, Stream, StreamKind};
use crate::cim::units::{FileId, FileTime, RegionOffset};

/// Everything about a file but its names and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// The file's number.
    pub id: FileId,
    /// The attributes that lie in the record.
    pub flags: RecordFlags,
    /// When the file was created.
    pub creation_time: FileTime,
    /// When the data was last written.
    pub last_write_time: FileTime,
    /// When anything was last changed.
    pub change_time: FileTime,
    /// When the file was last read.
    pub last_access_time: FileTime,
    /// File data, or a directory's names.
    pub data: Stream,
    /// Where the security descriptor lies; may be null.
    pub security: RegionOffset,
    /// Where the EAs lie; may be null.
    pub eas: RegionOffset,
    /// Length of the EAs.
    pub ea_len: u16,
    /// Where the reparse data lies; null for all but reparse points.
    pub reparse: RegionOffset,
    /// The kind of reparse point.
    pub reparse_tag: u32,
    /// Where the table of alternate streams lies; may be null.
    pub streams: RegionOffset,
    /// The directory of the first name; `None` where the record does not state it. See [`Image::parent`].
    pub parent: Option<FileId>,
    /// The first region that was new when the file was added.
    pub base_region: u16,
    /// What keeps the file from being read; only in images of version 3.
    pub unknown: Option<Feature>,
}

impl File {
    pub(in crate::cim) fn new(id: FileId, raw: &RawFileRecord) -> Self {
        Self {
            id,
            flags: RecordFlags::from_bits_retain(raw.flags.get()),
            creation_time: FileTime::from_raw(raw.creation_time.get()),
            last_write_time: FileTime::from_raw(raw.last_write_time.get()),
            change_time: FileTime::from_raw(raw.change_time.get()),
            last_access_time: FileTime::from_raw(raw.last_access_time.get()),
            data: raw.data.into(),
            security: RegionOffset::from_raw(raw.security.get()),
            eas: RegionOffset::from_raw(raw.eas.get()),
            ea_len: raw.ea_len.get(),
            reparse: RegionOffset::from_raw(raw.reparse.get()),
            reparse_tag: raw.reparse_tag.get(),
            streams: RegionOffset::from_raw(raw.streams.get()),
            parent: FileId::from_raw(raw.parent.get()),
            base_region: raw.base_region.get(),
            unknown: None,
        }
    }

    /// Marks the file as unreadable, its data included.
    pub(super) fn with_unknown(self, feature: Feature) -> Self {
        let kind = match self.data.kind {
            StreamKind::LinkTable => StreamKind::LinkTable,
            _ => StreamKind::Unknown(RawStream::from(self.data).kind()),
        };
        Self { data: Stream { kind, ..self.data }, unknown: Some(feature), ..self }
    }

    /// Returns whether the file is a directory.
    pub fn is_directory(&self) -> bool {
        self.data.is_directory()
    }

    /// Returns whether the file is a reparse point.
    pub fn is_reparse_point(&self) -> bool {
        !self.reparse.is_null()
    }

    /// Returns the length of the data; 0 for directories.
    pub fn size(&self) -> u64 {
        if self.is_directory() { 0 } else { self.data.len.get() }
    }

    /// Returns the attributes as Windows shows them.
    pub fn attributes(&self) -> Attributes {
        self.flags.attributes(self.is_directory(), self.is_reparse_point())
    }
}

impl Image {
    /// Returns a file's security descriptor, self-relative; `None` where it has none.
    pub fn security(&self, file: &File) -> Result<Option<&[u8]>, CimError> {
        self.require_known(file)?;
        self.regions.counted("a security descriptor", file.security)
    }

    /// Returns a reparse point's whole buffer, tag included; `None` for other files.
    pub fn reparse(&self, file: &File) -> Result<Option<&[u8]>, CimError> {
        self.require_known(file)?;
        self.regions.counted("reparse data", file.reparse)
    }

    /// Returns a file's extended attributes as they lie on disk; empty where it has none.
    pub fn eas(&self, file: &File) -> Result<&[u8], CimError> {
        self.require_known(file)?;
        self.regions.object("extended attributes", file.eas, u64::from(file.ea_len))
    }

    /// Refuses a file with a part that this library does not know.
    pub(super) fn require_known(&self, file: &File) -> Result<(), CimError> {
        let Some(feature) = file.unknown else { return Ok(()) };
        let file = format!("file {} of {}", file.id, self.name());
        Err(Unsupported::Feature { file, feature }.into())
    }
}
