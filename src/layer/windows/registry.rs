//! Where an image of Windows has its registry.

use crate::cim::{CimError, ImagePath};

/// Where Windows keeps its hives.
const CONFIG: &str = "Files/Windows/System32/config";

/// Where a container finds its registry, and where a layer has its changes.
pub const DIRECTORY: &str = "Hives";

/// A hive, by its name in Windows and by its name in `Hives`.
#[derive(Clone, Copy, Debug)]
pub struct Hive {
    live: &'static str,
    stem: &'static str,
}

/// The hives of a container.
pub const HIVES: [Hive; 5] = [
    Hive { live: "SYSTEM", stem: "SYSTEM" },
    Hive { live: "SOFTWARE", stem: "SOFTWARE" },
    Hive { live: "SAM", stem: "SAM" },
    Hive { live: "SECURITY", stem: "SECURITY" },
    Hive { live: "DEFAULT", stem: "DEFAULTUSER" },
];

impl Hive {
    /// Names the hive as Windows has it.
    pub fn live(&self) -> Result<ImagePath, CimError> {
        ImagePath::parse(format!("{CONFIG}/{}", self.live))
    }

    /// Names one of the two logs of the hive in Windows.
    pub fn log(&self, number: u8) -> Result<ImagePath, CimError> {
        ImagePath::parse(format!("{CONFIG}/{}.LOG{number}", self.live))
    }

    /// Names the hive that a container gets.
    pub fn base(&self) -> Result<ImagePath, CimError> {
        ImagePath::parse(format!("{DIRECTORY}/{}_BASE", self.stem))
    }

    /// Names what a layer changes.
    pub fn delta(&self) -> Result<ImagePath, CimError> {
        ImagePath::parse(format!("{DIRECTORY}/{}_DELTA", self.stem))
    }
}
