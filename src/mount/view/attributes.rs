//! What `stat` and `statfs` say.

use super::{Node, View, ViewError};
use crate::cim::format::RecordFlags;
use crate::cim::reader::File;
use crate::cim::wsl::{Device, FileType};
use crate::cim::{CimError, FileId, FileTime, Image};

/// What `stat` says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// The file.
    pub id: FileId,
    /// What it is.
    pub file_type: FileType,
    /// Permissions, with set-id and sticky bits.
    pub permissions: u32,
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Number of names. 1 for every directory: the customary count, 2 and one for each subdirectory, would cost a
    /// look at all of them, and 1 is what programs take for "not counted".
    pub links: u32,
    /// Bytes of data, of a link's target, or of a directory's table.
    pub size: u64,
    /// Units of 512 bytes that the data takes; none for sparse streams.
    pub blocks: u64,
    /// The device that a device file stands for.
    pub device: Device,
    /// When the file was last read, as the image says: a mount does not change it.
    pub accessed: FileTime,
    /// When the data was last written.
    pub modified: FileTime,
    /// When anything was last changed.
    pub changed: FileTime,
}

/// What `statfs` says of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Bytes of all region files.
    pub bytes: u64,
    /// Number of file records.
    pub files: u64,
}

impl Totals {
    pub(super) fn of(image: &Image) -> Result<Self, CimError> {
        let len = |bytes: &[u8]| u64::try_from(bytes.len()).expect("a usize fits a u64");
        let bytes = image.regions().iter().map(|region| len(region.bytes())).sum();
        let mut files = 0;
        for index in 0..image.tables().len() {
            files += image.table(index)?.map_or(0, |(table, _)| u64::from(table.count));
        }
        Ok(Self { bytes, files })
    }
}

impl View {
    /// Returns what `stat` says of a file.
    pub fn attributes(&self, id: FileId) -> Result<Attributes, ViewError> {
        let node = self.node(id)?;
        let file = &node.file;
        let file_type = node.file_type();
        let linux = node.linux.unwrap_or_default();
        let device = match file_type {
            FileType::CharDevice | FileType::BlockDevice => linux.device.unwrap_or_default(),
            _ => Device::default(),
        };
        let links = if file.is_directory() { 1 } else { self.link_count(id) };
        Ok(Attributes {
            id,
            file_type,
            permissions: node.permissions(file_type),
            uid: linux.uid.unwrap_or(0),
            gid: linux.gid.unwrap_or(0),
            links,
            size: self.size(&node, file_type),
            blocks: blocks(file, file_type),
            device,
            accessed: file.last_access_time,
            modified: file.last_write_time,
            changed: file.change_time,
        })
    }

    /// Returns the length that `stat` shows. A link that leads nowhere has length 0; reading it says why.
    fn size(&self, node: &Node, file_type: FileType) -> u64 {
        match file_type {
            FileType::Regular | FileType::Directory => node.file.data.len.get(),
            FileType::Symlink => self.target_len(node).unwrap_or(0),
            FileType::Fifo | FileType::Socket | FileType::CharDevice | FileType::BlockDevice => 0,
        }
    }
}

impl Node {
    pub(super) fn permissions(&self, file_type: FileType) -> u32 {
        // A link is what its target is, and Linux shows it so.
        if file_type == FileType::Symlink {
            return 0o777;
        }
        if let Some(permissions) = self.linux.and_then(|linux| linux.permissions(file_type)) {
            return permissions;
        }
        let read_only = self.linux.is_none() && self.file.flags.contains(RecordFlags::READ_ONLY);
        match file_type {
            FileType::Directory => 0o755,
            _ if read_only => 0o444,
            _ => 0o644,
        }
    }
}

fn blocks(file: &File, file_type: FileType) -> u64 {
    let stored = matches!(file_type, FileType::Regular | FileType::Directory) && !file.data.offset.is_null();
    if stored { file.data.len.get().div_ceil(512) } else { 0 }
}
