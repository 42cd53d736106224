//! Files that never change, as memory.
//!
//! memmap2 would do. But it asks for each file on which volume it lies, and maps it to be run, if that can be: which has
//! those look at it who look at programs. An image of 128 layers is some 300 files.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::{self, NonNull};

use windows_sys::Win32::System::Memory::{
    CreateFileMappingW, FILE_MAP_READ, MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile, PAGE_READONLY,
    UnmapViewOfFile,
};

/// A file mapped for reading. Windows lets nobody cut one that is.
#[derive(Debug)]
pub struct Map {
    at: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory is only read, and stays where it is until this is dropped, on whatever thread.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Maps a whole file.
    pub fn new(mut file: &File) -> io::Result<Self> {
        let len = usize::try_from(file.seek(SeekFrom::End(0))?).map_err(|_| io::ErrorKind::FileTooLarge)?;
        if len == 0 {
            return Ok(Self { at: NonNull::dangling(), len });
        }
        let handle = file.as_raw_handle();
        // SAFETY: the handle is that of an open file; there are no attributes, and there is no name.
        let mapping = unsafe { CreateFileMappingW(handle, ptr::null(), PAGE_READONLY, 0, 0, ptr::null()) };
        if mapping.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle was made a moment ago, and nobody else has it. What is mapped outlives it.
        let _mapping = unsafe { OwnedHandle::from_raw_handle(mapping) };
        // SAFETY: the mapping is open, and whoever asks for more than it has is refused.
        let view = unsafe { MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, len) };
        let at = NonNull::new(view.Value.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { at, len })
    }

    /// Lets the pages that were read go, until they are read again: Windows does so by itself.
    pub fn forget(&self) {}
}

impl AsRef<[u8]> for Map {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: so many bytes are mapped there until this is dropped; they belong to a file that is never written again.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr(), self.len) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if self.len > 0 {
            // SAFETY: the view was made by `new`, and nobody refers to it any more. Nothing is left to do if that fails.
            unsafe { UnmapViewOfFile(MEMORY_MAPPED_VIEW_ADDRESS { Value: self.at.as_ptr().cast() }) };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_mapped_from_its_first_byte_to_its_last() {
        let place = tempfile::tempdir().unwrap();
        for len in [0, 1, 4096, 65_536, 1_000_003] {
            let bytes: Vec<u8> = (0_u8..251).cycle().take(len).collect();
            let path = place.path().join(len.to_string());
            fs::write(&path, &bytes).unwrap();
            let map = Map::new(&File::open(&path).unwrap()).unwrap();
            assert_eq!(map.as_ref(), bytes);
        }
    }

    #[test]
    fn a_file_that_was_not_opened_to_be_read_is_not_mapped() {
        let place = tempfile::tempdir().unwrap();
        let file = File::create(place.path().join("written")).unwrap();
        file.set_len(10).unwrap();
        assert!(Map::new(&file).is_err());
    }
}
