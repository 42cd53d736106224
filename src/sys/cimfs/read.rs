//! Files of images that are not mounted.

use super::layout::StatBasicInformation;
use super::{Cimfs, CimfsError, WideString, call};

impl Cimfs {
    /// Reads a range of a file into `buffer`; returns how many bytes there were.
    pub fn read(
        &self,
        image: &WideString,
        path: &WideString,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, CimfsError> {
        let (mut read, mut left) = (0, 0);
        let (len, start) = (u64::try_from(buffer.len()).unwrap_or(0), buffer.as_mut_ptr().cast());
        let (image, path, read_at, left_at) = (image.as_ptr(), path.as_ptr(), &raw mut read, &raw mut left);
        // SAFETY: the strings end with a zero, as many bytes can be written as are said, and both numbers have a place.
        unsafe { call!(self, CimReadFile(image, path, offset, start, len, read_at, left_at)) }?;
        Ok(usize::try_from(read).map_or(buffer.len(), |read| read.min(buffer.len())))
    }

    /// Tells what Windows calls the basic information of a file.
    pub fn stat(&self, image: &WideString, path: &WideString) -> Result<StatBasicInformation, CimfsError> {
        let mut information = StatBasicInformation::default();
        let (image, path, place) = (image.as_ptr(), path.as_ptr(), &raw mut information);
        // SAFETY: the strings end with a zero, and the information has a place.
        unsafe { call!(self, CimGetFileStatBasicInformation(image, path, place)) }?;
        Ok(information)
    }
}
