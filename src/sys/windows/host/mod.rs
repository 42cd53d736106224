//! What Windows has for those who run containers: disks, and what is attached to them. The functions are looked for while
//! the program runs, since builds of Windows differ in which of them they have.

mod disk;
mod error;
mod exports;
mod layer;

use std::path::Path;

pub use disk::Disk;
pub use error::HostError;
use exports::Exports;

use super::Library;

/// The libraries of a host of containers. They stay loaded as long as the program runs.
#[derive(Clone, Debug)]
pub struct ContainerHost {
    exports: Exports,
}

impl ContainerHost {
    /// Takes the libraries of this system.
    pub fn of_system() -> Self {
        Self { exports: Exports::probe(Library::of_system) }
    }

    /// Takes libraries of the same names from a directory.
    pub fn open(directory: &Path) -> Self {
        Self { exports: Exports::probe(|name| Library::open(&directory.join(name))) }
    }

    /// Names what it takes to make a disk and is not there.
    pub fn lacks_for_disks(&self) -> Option<&'static str> {
        let Exports { CreateVirtualDisk, HcsFormatWritableLayerVhd, HcsGrantVmGroupAccess, .. } =
            &self.exports;
        let needed = [
            ("CreateVirtualDisk", CreateVirtualDisk.is_some()),
            ("HcsFormatWritableLayerVhd", HcsFormatWritableLayerVhd.is_some()),
            ("HcsGrantVmGroupAccess", HcsGrantVmGroupAccess.is_some()),
        ];
        needed.into_iter().find(|(_, found)| !found).map(|(name, _)| name)
    }
}

/// Calls a function and checks what it answers. It must stand in an unsafe block.
macro_rules! call {
    ($host:expr, $name:ident($($argument:expr),* $(,)?)) => {{
        let function = $host.exports.$name.ok_or(HostError::Missing(stringify!($name)))?;
        $crate::sys::os::host::error::check(stringify!($name), function($($argument),*))
    }};
}
use call;
