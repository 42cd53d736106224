//! Symbolic links: where they lead, as a path that Linux can follow.
//!
//! | target | shown as |
//! |---|---|
//! | of a Linux link | as it is |
//! | `..\x` of a Windows link | `../x` |
//! | `\x` of a Windows link, `\??\C:\x` | from the link up to the root of the container and down again: `../../Files/x` |
//! | other drives, shares, volumes | as they are, backslashes included: a name that is not there |
//!
//! The root of the container is the directory `Files` of the image where it has one, else the image's root. So links
//! stay within the mount wherever that is. A link with several names counts from the first one.

use zerocopy::little_endian::U16;

use super::{Node, View, ViewError};
use crate::cim::names;
use crate::cim::reparse::{self, WindowsLink};
use crate::cim::wsl::{self, FileType, LinuxLink};
use crate::cim::{Fault, FileId};

/// The longest path that Linux follows, without its NUL.
const MAX_TARGET: usize = 4095;

/// How far a link is followed up to the root: a longer path could not be followed down again.
const MAX_DEPTH: usize = MAX_TARGET / 2;

const SEPARATOR: u16 = 0x5C;

impl View {
    /// Returns where a symbolic link leads.
    pub fn target(&self, id: FileId) -> Result<Vec<u8>, ViewError> {
        let node = self.node(id)?;
        if node.file_type() != FileType::Symlink {
            return Err(ViewError::NotALink);
        }
        let target = self.raw_target(&node)?;
        if target.is_empty() {
            return Err(ViewError::BadTarget("is empty"));
        }
        if target.len() > MAX_TARGET {
            return Err(ViewError::BadTarget("is longer than 4095 bytes"));
        }
        if target.contains(&0) {
            return Err(ViewError::BadTarget("holds a NUL"));
        }
        Ok(target)
    }

    /// Returns the length of a link's target, without making it where it need not be made.
    pub(super) fn target_len(&self, node: &Node) -> Option<u64> {
        let buffer = self.image.reparse(&node.file).ok()??;
        let len = match wsl::linux_link(buffer).ok()? {
            Some(LinuxLink::Target(target)) => target.len(),
            Some(LinuxLink::InData) => return Some(node.file.data.len.get()),
            None => self.raw_target(node).ok()?.len(),
        };
        u64::try_from(len).ok()
    }

    fn raw_target(&self, node: &Node) -> Result<Vec<u8>, ViewError> {
        let corrupt = |fault: Fault| self.image.regions().corrupt(node.file.reparse, fault);
        let Some(buffer) = self.image.reparse(&node.file)? else { return Err(ViewError::NotALink) };
        match wsl::linux_link(buffer).map_err(corrupt)? {
            Some(LinuxLink::Target(target)) => return Ok(target.to_vec()),
            Some(LinuxLink::InData) => {
                let data = self.image.data(node.file.data)?;
                let mut target = vec![0; MAX_TARGET + 1];
                let len = data.read_at(&mut target, 0);
                target.truncate(len);
                return Ok(target);
            }
            None => {}
        }
        match reparse::windows_link(buffer).map_err(corrupt)? {
            Some(link) => self.windows_target(node, link),
            None => Err(ViewError::NotALink),
        }
    }

    fn windows_target(&self, node: &Node, link: WindowsLink<'_>) -> Result<Vec<u8>, ViewError> {
        let units: Vec<u16> = link.target.iter().map(|unit| unit.get()).collect();
        let linux = node.linux.is_some();
        let from_root = match (link.relative, units.as_slice()) {
            (true, [SEPARATOR, rest @ ..]) => Some(rest),
            (true, _) => return Ok(relative(&units, linux)),
            (false, units) => below_drive(units),
        };
        match from_root {
            Some(rest) => self.path_by_root(node.file.id, rest, linux),
            None => {
                let mut shown = Vec::with_capacity(units.len());
                names::append_wtf8(units.iter().copied(), &mut shown);
                Ok(shown)
            }
        }
    }

    /// Leads from a link up to the root and down a path below the container's root, which `..` does not leave.
    fn path_by_root(&self, link: FileId, path: &[u16], linux: bool) -> Result<Vec<u8>, ViewError> {
        let mut components: Vec<&[u16]> = Vec::new();
        for component in path.split(|&unit| is_separator(unit)) {
            match text(component).as_slice() {
                b"" | b"." => {}
                b".." => drop(components.pop()),
                _ => components.push(component),
            }
        }
        let mut target = b"../".repeat(self.depth(link)?);
        if let Some(drive) = &self.drive {
            names::append_wtf8(drive.as_ref().units().iter().map(|unit: &U16| unit.get()), &mut target);
            target.push(b'/');
        }
        for component in components {
            names::append_wtf8(component.iter().map(|&unit| shown(unit, linux)), &mut target);
            target.push(b'/');
        }
        target.pop();
        Ok(if target.is_empty() { b".".to_vec() } else { target })
    }

    /// Returns how many directories lie between a link and the root.
    fn depth(&self, link: FileId) -> Result<usize, ViewError> {
        let mut at = self.image.file(link)?;
        for depth in 0..MAX_DEPTH {
            let parent = at.parent.unwrap_or_else(|| self.image.root());
            if parent == self.image.root() {
                return Ok(depth);
            }
            at = self.image.file(parent)?;
        }
        Err(ViewError::BadTarget("lies too deep"))
    }
}

/// Returns what stands below the root of drive C: in an NT path; `None` for other places.
fn below_drive(units: &[u16]) -> Option<&[u16]> {
    let path = match units {
        [SEPARATOR, 0x3F, 0x3F, SEPARATOR, path @ ..] => path,
        path => path,
    };
    match path {
        [drive, colon, rest @ ..] if drive | 0x20 == u16::from(b'c') && *colon == u16::from(b':') => {
            rest.first().is_none_or(|&unit| is_separator(unit)).then_some(rest)
        }
        _ => None,
    }
}

fn relative(units: &[u16], linux: bool) -> Vec<u8> {
    let mut target = Vec::with_capacity(units.len());
    let slashed =
        units.iter().map(|&unit| if is_separator(unit) { u16::from(b'/') } else { shown(unit, linux) });
    names::append_wtf8(slashed, &mut target);
    target
}

fn is_separator(unit: u16) -> bool {
    unit == SEPARATOR || unit == u16::from(b'/')
}

fn shown(unit: u16, linux: bool) -> u16 {
    if linux { wsl::unescape(unit) } else { unit }
}

fn text(units: &[u16]) -> Vec<u8> {
    let mut text = Vec::with_capacity(units.len());
    names::append_wtf8(units.iter().copied(), &mut text);
    text
}
