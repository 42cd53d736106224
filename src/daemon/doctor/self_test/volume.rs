//! An image that is mounted for as long as it is looked at.

use std::path::{Path, PathBuf};

use super::platform;
use super::report::Trouble;
use crate::cim::Guid;
use crate::sys::cimfs::{Cimfs, MountFlags, VolumeId, WideString};

/// A mounted volume. It is dismounted when this is dropped.
pub(super) struct Volume<'l> {
    library: &'l Cimfs,
    id: VolumeId,
    root: PathBuf,
    is_mounted: bool,
}

impl<'l> Volume<'l> {
    /// Mounts an image by the library.
    pub(super) fn mount(
        library: &'l Cimfs,
        directory: &Path,
        image: &str,
    ) -> Result<(Self, String), Trouble> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| Trouble::new(error.to_string()))?;
        let guid = Guid::from_random(bytes);
        let (directory, image) = (WideString::path(directory)?, WideString::text(image)?);
        let mounted = library.mount((&directory, &image), MountFlags::CACHE_FILES, volume_id(guid));
        mounted.map_err(|error| match platform::is_wine() {
            true => Trouble::from(error).at("Wine has no CimFS driver").skip(),
            false => Trouble::from(error),
        })?;
        let root = platform::volume_root(guid);
        let shown = root.display().to_string();
        Ok((Self { library, id: volume_id(guid), root, is_mounted: true }, shown))
    }

    /// Returns the directory that shows the image.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Dismounts the volume.
    pub(super) fn dismount(mut self) -> Result<(), Trouble> {
        self.is_mounted = false;
        Ok(self.library.dismount(self.id)?)
    }
}

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        if self.is_mounted {
            // Only a panic leads here, which is what gets reported.
            drop(self.library.dismount(self.id));
        }
    }
}

fn volume_id(guid: Guid) -> VolumeId {
    let [a, b, c, d, e, f, g, h, data4 @ ..] = guid.to_windows_bytes();
    VolumeId {
        data1: u32::from_le_bytes([a, b, c, d]),
        data2: u16::from_le_bytes([e, f]),
        data3: u16::from_le_bytes([g, h]),
        data4,
    }
}
