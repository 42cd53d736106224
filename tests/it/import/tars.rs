//! Tars as tests need them, with names that no builder would accept.

use cimsnap::layer::pax;
use tar::{EntryType, Header};

/// A tar under construction.
#[derive(Clone, Default)]
pub(crate) struct Tar {
    bytes: Vec<u8>,
}

impl Tar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes a tar that is made already.
    #[cfg(target_os = "linux")]
    pub(crate) fn raw_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    pub(crate) fn bytes(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&[0; 1024]);
        self.bytes
    }

    pub(crate) fn dir(self, path: &str) -> Self {
        self.entry(EntryType::Directory, path, "", b"")
    }

    pub(crate) fn file(self, path: &str, data: &str) -> Self {
        self.entry(EntryType::Regular, path, "", data.as_bytes())
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Link, path, target, b"")
    }

    pub(crate) fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, path, target, b"")
    }

    pub(crate) fn whiteout(self, path: &str) -> Self {
        self.file(path, "")
    }

    pub(crate) fn entry(self, kind: EntryType, path: &str, link: &str, data: &[u8]) -> Self {
        self.raw(kind, path.as_bytes(), link.as_bytes(), data, |_| {})
    }

    /// Adds an entry, with records for a path or link that is too long.
    pub(crate) fn raw(
        mut self,
        kind: EntryType,
        path: &[u8],
        link: &[u8],
        data: &[u8],
        change: impl FnOnce(&mut Header),
    ) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(1_700_000_000);
        header.set_size(data.len() as u64);
        let old = header.as_old_mut();
        for (field, text, key) in
            [(&mut old.name, path, &b"path"[..]), (&mut old.linkname, link, b"linkpath")]
        {
            match field.get_mut(..text.len()) {
                Some(front) => front.copy_from_slice(text),
                None => self = self.records(&[(key, text)]),
            }
        }
        change(&mut header);
        header.set_cksum();
        self.block(header.as_bytes());
        self.block(data);
        self
    }

    /// Adds records for the next entry.
    pub(crate) fn records(mut self, records: &[(&[u8], &[u8])]) -> Self {
        let mut block = Vec::new();
        records.iter().for_each(|(key, value)| pax::append(&mut block, key, value).unwrap());
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::XHeader);
        header.set_size(block.len() as u64);
        header.set_cksum();
        self.block(header.as_bytes());
        self.block(&block);
        self
    }

    fn block(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
    }
}
