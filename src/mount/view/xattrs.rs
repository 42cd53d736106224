//! Extended attributes.
//!
//! | name | value |
//! |---|---|
//! | of an attribute of Linux ([`crate::cim::wsl`]) | its value |
//! | `user.NAME` | the bytes of alternate stream NAME, up to the 64 KiB that Linux hands out |
//! | `system.posix_acl_access`, `system.posix_acl_default` | the ACL, as `setxattr` and then `chmod` would leave it |
//! | `system.ntfs_attrib` | attributes of Windows, u32 |
//! | `system.ntfs_acl` | security descriptor |
//! | `system.ntfs_ea` | list of EAs |
//! | `system.ntfs_reparse_data` | reparse buffer, tag included |
//! | `system.ntfs_times` | creation, last write, last access, change: u64 each, 100 ns since 1601 |
//! | `system.ntfs_crtime` | creation: u64 |
//!
//! Numbers are little-endian. Names and layouts are those of ntfs-3g, and so is what is listed: the
//! `system.ntfs_` ones are there for programs that ask, but not listed, so that copying programs do not stumble over them.

use std::borrow::Cow;

use super::{Node, View, ViewError};
use crate::cim::ea::EaList;
use crate::cim::posix_acl::{AclError, AclKind, PosixAcl};
use crate::cim::reader::{Data, File};
use crate::cim::wsl::{FileType, Namespace};
use crate::cim::{Fault, FileId, Name, names, wsl};

/// The longest value that Linux hands out.
const MAX_VALUE: u64 = 65_536;

/// The longest name that Linux asks for.
const MAX_NAME: usize = 255;

const STREAM_PREFIX: &[u8] = b"user.";

impl View {
    /// Returns the value of an extended attribute.
    pub fn xattr(&self, id: FileId, name: &[u8]) -> Result<Cow<'_, [u8]>, ViewError> {
        let node = self.node(id)?;
        if let Some(value) = self.system_xattr(&node.file, name)? {
            return Ok(value);
        }
        if let Some(kind) = AclKind::of_xattr(name) {
            return self.acl(&node, kind)?.map(Cow::Owned).ok_or(ViewError::NoXattr);
        }
        if !is_shown(name, node.file_type()) {
            return Err(ViewError::NoXattr);
        }
        if node.linux.is_some()
            && let Some(value) = self.linux_xattr(&node.file, name)?
        {
            return Ok(Cow::Borrowed(value));
        }
        let stream = name.strip_prefix(STREAM_PREFIX).and_then(|name| Name::new(name).ok());
        match stream {
            Some(name) => self.stream_value(&node.file, &name),
            None => Err(ViewError::NoXattr),
        }
    }

    /// Returns the names of a file's extended attributes, each ended by NUL.
    pub fn xattr_names(&self, id: FileId) -> Result<Vec<u8>, ViewError> {
        let node = self.node(id)?;
        let file_type = node.file_type();
        let mut list = Vec::new();
        if node.linux.is_some() {
            for ea in self.ea_list(&node.file)?.iter() {
                let Some((name, _)) = wsl::xattr(&ea) else { continue };
                let is_listed = match AclKind::of_xattr(&name) {
                    // Asking for a malformed one returns the error.
                    Some(kind) => !matches!(self.acl(&node, kind), Ok(None)),
                    None => is_shown(&name, file_type),
                };
                if is_listed {
                    list.extend_from_slice(&name);
                    list.push(0);
                }
            }
        }
        for stream in self.image.list_streams(&node.file)? {
            let (name, _) = stream?;
            let start = list.len();
            list.extend_from_slice(STREAM_PREFIX);
            names::append_wtf8(name.units().iter().map(|unit| unit.get()), &mut list);
            let name = &list[start..];
            // A longer name cannot be asked for, and one with NUL would look like two.
            if name.len() > MAX_NAME || name.contains(&0) || !is_shown(name, file_type) {
                list.truncate(start);
                continue;
            }
            list.push(0);
        }
        Ok(list)
    }

    /// Returns a POSIX ACL as the file system of a container that was unpacked has it: the layer's mode counts, so
    /// that the ACL's entries for owner, mask and others are those of the mode, and an ACL that says no more is none.
    fn acl(&self, node: &Node, kind: AclKind) -> Result<Option<Vec<u8>>, ViewError> {
        let file_type = node.file_type();
        let may_have = match kind {
            AclKind::Access => file_type != FileType::Symlink,
            AclKind::Default => file_type == FileType::Directory,
        };
        if node.linux.is_none() || !may_have {
            return Ok(None);
        }
        let Some(value) = self.linux_xattr(&node.file, kind.xattr())? else { return Ok(None) };
        let malformed = |error: AclError| {
            let fault = Fault::Malformed { what: "a POSIX ACL", reason: error.to_string() };
            self.image.regions().corrupt(node.file.eas, fault)
        };
        let acl = match PosixAcl::parse(value) {
            Err(AclError::Version(_)) => return Ok(None),
            acl => acl.map_err(malformed)?,
        };
        let Some(mut acl) = acl else { return Ok(None) };
        acl.check().map_err(malformed)?;
        if kind == AclKind::Access {
            acl.set_mode(node.permissions(file_type));
            if acl.is_mode() {
                return Ok(None);
            }
        }
        Ok(Some(acl.to_xattr()))
    }

    fn ea_list(&self, file: &File) -> Result<EaList<'_>, ViewError> {
        let list = EaList::parse(self.image.eas(file)?);
        Ok(list.map_err(|error| self.image.regions().corrupt(file.eas, error.into()))?)
    }

    fn linux_xattr(&self, file: &File, wanted: &[u8]) -> Result<Option<&[u8]>, ViewError> {
        for ea in self.ea_list(file)?.iter() {
            match wsl::xattr(&ea) {
                Some((name, value)) if *name == *wanted => return Ok(Some(value)),
                _ => {}
            }
        }
        Ok(None)
    }

    fn stream_value(&self, file: &File, name: &Name) -> Result<Cow<'_, [u8]>, ViewError> {
        let stream = self.image.stream(file, name.as_ref())?.ok_or(ViewError::NoXattr)?;
        value_of(self.image.data(stream)?)
    }

    fn system_xattr(&self, file: &File, name: &[u8]) -> Result<Option<Cow<'_, [u8]>>, ViewError> {
        let Some(name) = name.strip_prefix(b"system.ntfs_") else { return Ok(None) };
        let times = [file.creation_time, file.last_write_time, file.last_access_time, file.change_time];
        let value = match name {
            b"attrib" => Some(Cow::Owned(file.attributes().bits().to_le_bytes().to_vec())),
            b"times" => Some(times.iter().flat_map(|time| time.raw().to_le_bytes()).collect()),
            b"crtime" => Some(Cow::Owned(file.creation_time.raw().to_le_bytes().to_vec())),
            b"acl" => self.image.security(file)?.map(Cow::Borrowed),
            b"reparse_data" => self.image.reparse(file)?.map(Cow::Borrowed),
            b"ea" => Some(self.image.eas(file)?).filter(|list| !list.is_empty()).map(Cow::Borrowed),
            _ => None,
        };
        value.map(Some).ok_or(ViewError::NoXattr)
    }
}

/// Returns whether an extended attribute other than an ACL is shown: those that a file system of Linux could have, but
/// none of the host's administrator, and none that an overlay obeys.
fn is_shown(name: &[u8], file_type: FileType) -> bool {
    match Namespace::of(name) {
        Namespace::Trusted => false,
        namespace => namespace.is_of(file_type) && !wsl::is_overlay_note(name),
    }
}

/// Returns all bytes of a stream, without a copy where they lie in one piece.
fn value_of(data: Data<'_>) -> Result<Cow<'_, [u8]>, ViewError> {
    if data.len() > MAX_VALUE {
        return Err(ViewError::XattrTooLong(data.len()));
    }
    let len = usize::try_from(data.len()).expect("64 KiB fit a usize");
    let first = data.chunk(0, len).bytes();
    if first.len() == len {
        return Ok(Cow::Borrowed(first));
    }
    let mut bytes = vec![0; len];
    data.read_at(&mut bytes, 0);
    Ok(Cow::Owned(bytes))
}
