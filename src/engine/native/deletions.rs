//! What a layer takes away. Its whiteouts act on the parent alone, wherever they stand; the library knows no such thing.

use super::error::{Refusal, failed};
use super::layer::NativeLayer;
use super::lower::{is_absent, wide};
use super::overlay::{Found, Node, Owner, path_key};
use crate::cim::{CimError, ImagePath};
use crate::engine::LayerSink;

impl NativeLayer {
    /// Takes away what the parent has at a path, with all below it.
    pub(super) fn remove(&mut self, path: &ImagePath) -> Result<(), CimError> {
        let deleted = wide(path).and_then(|path| self.image.delete(&path));
        match deleted {
            Err(error) if is_absent(&error) => {}
            deleted => deleted.map_err(failed("delete", path))?,
        }
        Ok(self.overlay.put(path, Node::Gone)?)
    }

    /// Takes away what the parent has in a directory, also where the layer has brought something before.
    pub(super) fn hide(&mut self, directory: &ImagePath) -> Result<(), CimError> {
        let mut ahead = vec![directory.clone()];
        while let Some(path) = ahead.pop() {
            let Some(known) = self.overlay.directory(&path) else { continue };
            if !std::mem::take(&mut known.merged) {
                continue;
            }
            let Some(names) = self.lower.children(&path)? else {
                self.make_anew(&path)?;
                continue;
            };
            for name in names {
                let child = path.join(name.as_ref())?;
                // What stays is a directory that the layer wants: of what is in it, the parent's goes too.
                if self.take_away(&child)? {
                    ahead.push(child);
                }
            }
        }
        Ok(())
    }

    /// Takes a name of the parent away; returns whether the layer has a directory there, which stays.
    pub(super) fn take_away(&mut self, path: &ImagePath) -> Result<bool, CimError> {
        self.accept_in_place_of_links(path);
        // Below a directory whose names of the parent no longer show, those that were not noted are still there.
        let Some(known) = self.overlay.directory(path) else {
            if !matches!(self.overlay.find(path), Found::Changed(_)) {
                self.remove(path)?;
            }
            return Ok(false);
        };
        match std::mem::replace(&mut known.owner, Owner::Layer) {
            Owner::Layer => Ok(true),
            Owner::Parent => self.remove(path).map(|()| false),
            Owner::Needed(needed) => {
                let (path, metadata) = *needed;
                self.write_directory(&path, &metadata.as_metadata()).map(|()| true)
            }
        }
    }

    /// Accepts what the layer made in the place of the parent's links at a path and below it, because a whiteout deletes
    /// those links.
    pub(super) fn accept_in_place_of_links(&mut self, path: &ImagePath) {
        let mut key = path_key(path).into_vec();
        self.in_place_of_links.remove(key.as_slice());
        key.push(u16::from(b'\\'));
        let below = self.in_place_of_links.range(key.clone().into_boxed_slice()..);
        let below: Vec<_> = below.map(|(at, _)| at).take_while(|at| at.starts_with(&key)).cloned().collect();
        for at in below {
            self.in_place_of_links.remove(&at);
        }
    }

    /// Empties a directory whose names cannot be listed: it goes, and comes again. That will do while the layer has
    /// brought nothing but the directory, or has yet to bring it.
    pub(super) fn make_anew(&mut self, path: &ImagePath) -> Result<(), CimError> {
        if self.described.contains(&path_key(path)) {
            return self.remove(path);
        }
        let latest = self.latest.take().filter(|(latest, _)| latest == path);
        let (_, metadata) = latest.ok_or_else(|| Refusal::NoListing(path.clone()))?;
        self.remove(path)?;
        self.create_directory(path, &metadata.as_metadata())
    }
}
