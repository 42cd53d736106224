//! Symbolic links of Linux on the way of a path, followed within the tree.
//!
//! A layer may write to `lib/x` where the parent's `lib` is a link to `usr/lib`. Whoever unpacks layers follows such
//! links, so a replay does too; a link at the end of a path is what the path means and stays.

use zerocopy::little_endian::U16;

use super::tree::Tree;
use crate::cim::error::{CimError, InvalidInput};
use crate::cim::names::{ImagePath, Name, NameRef};
use crate::cim::reader::{File, Regions};
use crate::cim::reparse::{Reparse, Tag};
use crate::cim::units::FileId;
use crate::cim::wsl::{self, LinuxLink};

/// The most links that one path may lead through.
const MAX_LINKS: usize = 255;

/// Leads paths through a tree.
///
/// It remembers the directory where the last edit was, as the next one is mostly there or below. That stays right
/// while edits come one by one, because none of them changes what is above it.
pub(super) struct Follower<'r> {
    /// Where the targets of links lie.
    regions: &'r Regions,
    written: ImagePath,
    walk: Walk,
}

impl<'r> Follower<'r> {
    pub(super) fn new(regions: &'r Regions, tree: &Tree) -> Self {
        Self { regions, written: ImagePath::ROOT, walk: Walk::new(tree.root()) }
    }

    /// Returns where a path leads when links on its way are followed, but not one at its end.
    pub(super) fn parent(&mut self, tree: &Tree, path: &ImagePath) -> Result<ImagePath, CimError> {
        let Some((_, name)) = path.split_last() else { return Ok(ImagePath::ROOT) };
        self.remember(tree, path)?;
        self.walk.path.join(name)
    }

    /// Returns where a path leads when all links are followed. What does not exist is no link.
    pub(super) fn whole(&mut self, tree: &Tree, path: &ImagePath) -> Result<ImagePath, CimError> {
        let Some((_, name)) = path.split_last() else { return Ok(ImagePath::ROOT) };
        self.remember(tree, path)?;
        let mut walk = self.walk.clone();
        self.go(tree, &mut walk, vec![Step::Into(name.to_owned())])?;
        Ok(walk.path)
    }

    /// Walks to the directory of a path.
    fn remember(&mut self, tree: &Tree, path: &ImagePath) -> Result<(), CimError> {
        let parent = path.parent().unwrap_or_default();
        if parent == self.written {
            return Ok(());
        }
        let (mut walk, known) = match parent.starts_with(&self.written) {
            true => (self.walk.clone(), self.written.components().count()),
            false => (Walk::new(tree.root()), 0),
        };
        let ahead = parent.components().skip(known).map(|name| Step::Into(name.to_owned()));
        let mut ahead: Vec<Step> = ahead.collect();
        ahead.reverse();
        self.go(tree, &mut walk, ahead)?;
        (self.written, self.walk) = (parent, walk);
        Ok(())
    }

    /// Takes steps, the last one first.
    fn go(&self, tree: &Tree, walk: &mut Walk, mut ahead: Vec<Step>) -> Result<(), CimError> {
        let mut links = 0;
        while let Some(step) = ahead.pop() {
            let Step::Into(name) = step else {
                walk.up();
                continue;
            };
            let directory = walk.here();
            let file =
                directory.map(|directory| tree.find_child(directory, name.as_ref())).transpose()?.flatten();
            match file.map(|file| self.target(&file)).transpose()?.flatten() {
                None => walk.enter(name.as_ref(), file.map(|file| file.id))?,
                Some(target) => {
                    links += 1;
                    if links > MAX_LINKS {
                        let path = walk.path.join(name.as_ref())?;
                        return Err(InvalidInput::TooManyLinks(path.to_string()).into());
                    }
                    if target.starts_with(b"/") {
                        walk.go_to_root();
                    }
                    ahead.extend(steps(target)?.into_iter().rev());
                }
            }
        }
        Ok(())
    }

    /// Returns where a file leads if it is a link.
    fn target(&self, file: &File) -> Result<Option<&'r [u8]>, CimError> {
        if Tag(file.reparse_tag) != Tag::LX_SYMLINK {
            return Ok(None);
        }
        let Some(bytes) = self.regions.counted("reparse data", file.reparse)? else { return Ok(None) };
        let reparse = Reparse::parse(bytes);
        let reparse = reparse.map_err(|error| self.regions.corrupt(file.reparse, error.into()))?;
        Ok(match wsl::linux_link(reparse) {
            Some(LinuxLink::Target(target)) => Some(target),
            Some(LinuxLink::InData) | None => None,
        })
    }
}

/// Where a walk through the tree stands.
#[derive(Clone)]
struct Walk {
    /// The root and the directories below it, as far as they exist.
    at: Vec<Option<FileId>>,
    path: ImagePath,
    /// How long the path was before each of its names.
    ends: Vec<usize>,
}

impl Walk {
    fn new(root: FileId) -> Self {
        Self { at: vec![Some(root)], path: ImagePath::ROOT, ends: Vec::new() }
    }

    fn here(&self) -> Option<FileId> {
        self.at.last().copied().flatten()
    }

    fn enter(&mut self, name: NameRef<'_>, id: Option<FileId>) -> Result<(), CimError> {
        self.ends.push(self.path.push(name)?);
        self.at.push(id);
        Ok(())
    }

    /// Goes up, but not past the root.
    fn up(&mut self) {
        if let Some(end) = self.ends.pop() {
            self.path.truncate(end);
            self.at.pop();
        }
    }

    fn go_to_root(&mut self) {
        while !self.ends.is_empty() {
            self.up();
        }
    }
}

enum Step {
    Into(Name),
    Up,
}

/// Splits the target of a link into steps, with its names as an image has them.
fn steps(target: &[u8]) -> Result<Vec<Step>, CimError> {
    let names = target.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    names.map(|name| if name == b".." { Ok(Step::Up) } else { self::name(name).map(Step::Into) }).collect()
}

fn name(bytes: &[u8]) -> Result<Name, CimError> {
    let units: Vec<U16> = wsl::name_units(bytes).map(U16::new).collect();
    Name::from_ref(NameRef::from_units(&units))
}
