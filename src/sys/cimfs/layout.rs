//! The structures of cimfs.h, as C lays them out.

use std::ffi::c_void;

/// CIMFS_FILE_METADATA: what a caller says of a file.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FileMetadata {
    /// FILE_ATTRIBUTE_…; the directory bit says what is made.
    pub attributes: u32,
    /// Size of the data; not looked at for directories.
    pub file_size: i64,
    /// When the file was created.
    pub creation_time: i64,
    /// When the data was last written.
    pub last_write_time: i64,
    /// When anything was last changed.
    pub change_time: i64,
    /// When the file was last read.
    pub last_access_time: i64,
    /// Security descriptor, self-relative.
    pub security_descriptor: *const c_void,
    /// Its length.
    pub security_descriptor_size: u32,
    /// A whole REPARSE_DATA_BUFFER.
    pub reparse_data: *const c_void,
    /// Its length.
    pub reparse_data_size: u32,
    /// A list of FILE_FULL_EA_INFORMATION.
    pub ea_buffer: *const c_void,
    /// Its length.
    pub ea_buffer_size: u32,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<FileMetadata>() == 96); // 4 + 4 + 5*8 + 3*(8 + 4 + 4)

/// FILE_STAT_BASIC_INFORMATION: what Windows says of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct StatBasicInformation {
    /// The file's number in the image.
    pub file_id: i64,
    /// When the file was created.
    pub creation_time: i64,
    /// When the file was last read.
    pub last_access_time: i64,
    /// When the data was last written.
    pub last_write_time: i64,
    /// When anything was last changed.
    pub change_time: i64,
    /// The size, rounded up to whole clusters of 4096 bytes.
    pub allocation_size: i64,
    /// The size.
    pub end_of_file: i64,
    /// FILE_ATTRIBUTE_…
    pub file_attributes: u32,
    /// The kind of reparse point; 0 for other files.
    pub reparse_tag: u32,
    /// How many names the file has.
    pub number_of_links: u32,
    /// FILE_DEVICE_DISK
    pub device_type: u32,
    /// FILE_READ_ONLY_DEVICE
    pub device_characteristics: u32,
    /// Zero.
    pub reserved: u32,
    /// Zero: the image is not mounted as a volume.
    pub volume_serial_number: i64,
    /// The file's number again, with zeros behind it.
    pub file_id_128: [u8; 16],
}

const _: () = assert!(size_of::<StatBasicInformation>() == 104); // 7*8 + 6*4 + 8 + 16

/// GUID as Windows lays it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct VolumeId {
    /// The first eight digits.
    pub data1: u32,
    /// The next four.
    pub data2: u16,
    /// The next four.
    pub data3: u16,
    /// The last sixteen.
    pub data4: [u8; 8],
}

const _: () = assert!(size_of::<VolumeId>() == 16); // 4 + 2 + 2 + 8

/// CIMFS_IMAGE_PATH: one of several images.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct ImagePath {
    /// The directory, file or device that holds the image.
    pub directory: *const u16,
    /// The name of the image.
    pub name: *const u16,
}
