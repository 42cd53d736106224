//! Virtual disks in files.

use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Storage::Vhd::{
    CREATE_VIRTUAL_DISK_FLAG_NONE, CREATE_VIRTUAL_DISK_PARAMETERS, CREATE_VIRTUAL_DISK_PARAMETERS_0,
    CREATE_VIRTUAL_DISK_PARAMETERS_0_1, CREATE_VIRTUAL_DISK_VERSION_2, VIRTUAL_DISK_ACCESS_NONE,
    VIRTUAL_STORAGE_TYPE, VIRTUAL_STORAGE_TYPE_DEVICE_VHDX, VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT,
};

use super::super::wide::{ended, path_units};
use super::{ContainerHost, HostError, call};

/// How much of a disk is allocated at once.
const BLOCK: u32 = 1 << 20;

/// A virtual disk that is open.
#[derive(Debug)]
pub struct Disk(OwnedHandle);

impl ContainerHost {
    /// Makes an empty disk that takes as much of the real one as is written to it.
    pub fn create_disk(&self, at: &Path, size: u64) -> Result<Disk, HostError> {
        let wanted = CREATE_VIRTUAL_DISK_PARAMETERS_0_1 {
            MaximumSize: size,
            BlockSizeInBytes: BLOCK,
            ..CREATE_VIRTUAL_DISK_PARAMETERS_0_1::default()
        };
        self.create(at, wanted)
    }

    /// Makes a disk that holds what another one holds, which must never change or move from then on.
    pub fn create_disk_over(&self, at: &Path, parent: &Path) -> Result<Disk, HostError> {
        let parent = units(parent)?;
        let wanted = CREATE_VIRTUAL_DISK_PARAMETERS_0_1 {
            ParentPath: parent.as_ptr(),
            ..CREATE_VIRTUAL_DISK_PARAMETERS_0_1::default()
        };
        self.create(at, wanted)
    }

    fn create(&self, at: &Path, wanted: CREATE_VIRTUAL_DISK_PARAMETERS_0_1) -> Result<Disk, HostError> {
        let at = units(at)?;
        let kind = VIRTUAL_STORAGE_TYPE {
            DeviceId: VIRTUAL_STORAGE_TYPE_DEVICE_VHDX,
            VendorId: VIRTUAL_STORAGE_TYPE_VENDOR_MICROSOFT,
        };
        let wanted = CREATE_VIRTUAL_DISK_PARAMETERS {
            Version: CREATE_VIRTUAL_DISK_VERSION_2,
            Anonymous: CREATE_VIRTUAL_DISK_PARAMETERS_0 { Version2: wanted },
        };
        let (access, flags) = (VIRTUAL_DISK_ACCESS_NONE, CREATE_VIRTUAL_DISK_FLAG_NONE);
        let (inherited, waits) = (ptr::null(), ptr::null());
        let mut handle = ptr::null_mut();
        // SAFETY: the paths end with a zero and live as long as the call, as the structures do; the parameters are of the
        // version that they say.
        unsafe {
            call!(
                self,
                CreateVirtualDisk(
                    &raw const kind,
                    at.as_ptr(),
                    access,
                    inherited,
                    flags,
                    0,
                    &raw const wanted,
                    waits,
                    &raw mut handle,
                )
            )?;
        }
        // SAFETY: the function has succeeded, so the handle is open, and ours.
        Ok(Disk(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// Makes a partition with an empty file system on a disk, as containers need it. The disk need not be attached.
    pub fn format(&self, disk: &Disk) -> Result<(), HostError> {
        // SAFETY: the handle is that of a disk, and open.
        unsafe { call!(self, HcsFormatWritableLayerVhd(disk.0.as_raw_handle())) }
    }

    /// Lets virtual machines read a file.
    pub fn grant_to_machines(&self, file: &Path) -> Result<(), HostError> {
        let file = units(file)?;
        // SAFETY: the path ends with a zero.
        unsafe { call!(self, HcsGrantVmGroupAccess(file.as_ptr())) }
    }
}

/// Returns a path as these functions take it.
pub(super) fn units(path: &Path) -> Result<Vec<u16>, HostError> {
    match path_units(path) {
        Some(units) if !units.contains(&0) => Ok(ended(units.into_iter())),
        _ => Err(HostError::NotAPath(path.to_owned())),
    }
}
