//! Everything that Windows shows of a file.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::Path;
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_HANDLE_EOF, ERROR_MORE_DATA, ERROR_NOT_A_REPARSE_POINT, HANDLE, RtlNtStatusToDosError,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GROUP_SECURITY_INFORMATION, GetKernelObjectSecurity,
    OWNER_SECURITY_INFORMATION,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_BASIC_INFO, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_INFO_BY_HANDLE_CLASS,
    FILE_READ_ATTRIBUTES, FILE_READ_EA, FILE_STANDARD_INFO, FileBasicInfo, FileStandardInfo, FileStreamInfo,
    GetFileInformationByHandleEx, READ_CONTROL,
};
use windows_sys::Win32::System::IO::DeviceIoControl;
use windows_sys::Win32::System::Ioctl::FSCTL_GET_REPARSE_POINT;

/// The most that any of the answers takes.
const MAX_ANSWER: usize = 64 << 10;

/// Statuses of a file without EAs, of a file system without them, and of the end of a list.
const NO_EAS: [u32; 3] = [0xC000_0052, 0xC000_004F, 0x8000_0012];

#[repr(C)]
struct IoStatus {
    status: usize,
    information: usize,
}

#[link(name = "ntdll")]
unsafe extern "system" {
    fn NtQueryEaFile(
        file: HANDLE,
        status: *mut IoStatus,
        buffer: *mut c_void,
        len: u32,
        single: u8,
        list: *const c_void,
        list_len: u32,
        index: *const u32,
        restart: u8,
    ) -> i32;
}

/// What Windows shows of a file. Links are not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDetails {
    /// FILE_ATTRIBUTE_…
    pub attributes: u32,
    /// Creation, last write, change, last access: 100 ns since 1601.
    pub times: [u64; 4],
    /// Length of the data.
    pub size: u64,
    /// Names of the file.
    pub links: u32,
    /// The whole reparse buffer; empty for other files.
    pub reparse: Vec<u8>,
    /// Owner, group and DACL, self-relative.
    pub security: Vec<u8>,
    /// A list of FILE_FULL_EA_INFORMATION.
    pub eas: Vec<u8>,
    /// Names of alternate streams.
    pub streams: Vec<String>,
}

impl FileDetails {
    /// Reads all details of a file.
    pub fn read(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let (basic, standard) = (basic(&file)?, standard(&file)?);
        let times = [basic.CreationTime, basic.LastWriteTime, basic.ChangeTime, basic.LastAccessTime];
        Ok(Self {
            attributes: basic.FileAttributes,
            times: times.map(i64::cast_unsigned),
            size: standard.EndOfFile.cast_unsigned(),
            links: standard.NumberOfLinks,
            reparse: reparse(&file)?,
            security: security(&file)?,
            eas: eas(&file)?,
            streams: streams(&file)?,
        })
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.access_mode(FILE_READ_ATTRIBUTES | FILE_READ_EA | READ_CONTROL);
    options.custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT);
    options.open(path)
}

fn handle(file: &File) -> HANDLE {
    file.as_raw_handle().cast()
}

fn basic(file: &File) -> io::Result<FILE_BASIC_INFO> {
    let mut info = FILE_BASIC_INFO::default();
    // SAFETY: the structure is that of the class, and is as long as is said.
    unsafe { query(file, FileBasicInfo, (&raw mut info).cast(), size_of::<FILE_BASIC_INFO>()) }?;
    Ok(info)
}

fn standard(file: &File) -> io::Result<FILE_STANDARD_INFO> {
    let mut info = FILE_STANDARD_INFO::default();
    // SAFETY: the structure is that of the class, and is as long as is said.
    unsafe { query(file, FileStandardInfo, (&raw mut info).cast(), size_of::<FILE_STANDARD_INFO>()) }?;
    Ok(info)
}

/// Asks for information of a class.
///
/// # Safety
///
/// `len` bytes can be written at `place`, which is aligned as the class wants it.
unsafe fn query(
    file: &File,
    class: FILE_INFO_BY_HANDLE_CLASS,
    place: *mut c_void,
    len: usize,
) -> io::Result<()> {
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    // SAFETY: the file is open, and the caller promises the rest.
    succeeded(unsafe { GetFileInformationByHandleEx(handle(file), class, place, len) })
}

fn succeeded(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Returns room for an answer, aligned for any structure.
fn room() -> Vec<u64> {
    vec![0; MAX_ANSWER / size_of::<u64>()]
}

fn bytes_of(words: &[u64], len: usize) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).take(len).collect()
}

const MAX_LEN: u32 = 64 << 10;
const _: () = assert!(size_of::<[u8; 64 << 10]>() == MAX_ANSWER);

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error().is_some_and(|raw| raw.cast_unsigned() == code)
}

fn reparse(file: &File) -> io::Result<Vec<u8>> {
    let (mut words, mut len) = (room(), 0);
    // SAFETY: the file is open, `words` has room for the answer, and its length has a place.
    let done = unsafe {
        DeviceIoControl(
            handle(file),
            FSCTL_GET_REPARSE_POINT,
            ptr::null(),
            0,
            words.as_mut_ptr().cast(),
            MAX_LEN,
            &raw mut len,
            ptr::null_mut(),
        )
    };
    match succeeded(done) {
        Err(error) if is(&error, ERROR_NOT_A_REPARSE_POINT) => Ok(Vec::new()),
        done => done.map(|()| bytes_of(&words, usize::try_from(len).unwrap_or(0))),
    }
}

fn security(file: &File) -> io::Result<Vec<u8>> {
    let wanted = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let (mut words, mut len) = (room(), 0);
    // SAFETY: the file is open, `words` has room for the answer, and its length has a place.
    succeeded(unsafe {
        GetKernelObjectSecurity(handle(file), wanted, words.as_mut_ptr().cast(), MAX_LEN, &raw mut len)
    })?;
    Ok(bytes_of(&words, usize::try_from(len).unwrap_or(0)))
}

fn eas(file: &File) -> io::Result<Vec<u8>> {
    let (mut words, mut status) = (room(), IoStatus { status: 0, information: 0 });
    // SAFETY: the file is open, `words` has room for the answer, the status has a place, and the rest may be left out.
    let result = unsafe {
        NtQueryEaFile(
            handle(file),
            &raw mut status,
            words.as_mut_ptr().cast(),
            MAX_LEN,
            0,
            ptr::null(),
            0,
            ptr::null(),
            1,
        )
    };
    if NO_EAS.contains(&result.cast_unsigned()) {
        return Ok(Vec::new());
    }
    if result < 0 {
        // SAFETY: the function takes any number.
        let code = unsafe { RtlNtStatusToDosError(result) };
        return Err(io::Error::from_raw_os_error(code.cast_signed()));
    }
    Ok(bytes_of(&words, status.information))
}

fn streams(file: &File) -> io::Result<Vec<String>> {
    let mut words = room();
    // SAFETY: `words` has as many bytes, and is aligned for any structure.
    match unsafe { query(file, FileStreamInfo, words.as_mut_ptr().cast(), MAX_ANSWER) } {
        // A directory without streams.
        Err(error) if is(&error, ERROR_HANDLE_EOF) => return Ok(Vec::new()),
        Err(error) if is(&error, ERROR_MORE_DATA) => {}
        queried => queried?,
    }
    Ok(stream_names(&bytes_of(&words, MAX_ANSWER)))
}

/// Reads a list of FILE_STREAM_INFO: next offset, length of the name, two sizes, the name. Of `:NAME:$DATA` the name is returned.
fn stream_names(mut list: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let number = |bytes: &[u8], at: usize| {
        let number = bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u32::from_le_bytes);
        usize::try_from(number).unwrap_or(usize::MAX)
    };
    loop {
        let units = list.get(24..).unwrap_or_default().chunks_exact(2).take(number(list, 4) / 2);
        let units: Vec<u16> = units.map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        let name = String::from_utf16_lossy(&units);
        names.extend(name.split(':').nth(1).filter(|name| !name.is_empty()).map(str::to_owned));
        match number(list, 0) {
            0 => return names,
            next => list = list.get(next..).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_of_a_file_are_those_of_the_standard_library() {
        use std::os::windows::fs::MetadataExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, b"data").unwrap();
        let metadata = path.metadata().unwrap();
        let file = open(&path).unwrap();
        let (basic, standard) = (basic(&file).unwrap(), standard(&file).unwrap());
        assert_eq!(basic.FileAttributes, metadata.file_attributes());
        assert_eq!(basic.CreationTime.cast_unsigned(), metadata.creation_time());
        assert_eq!(basic.LastWriteTime.cast_unsigned(), metadata.last_write_time());
        assert_eq!((standard.EndOfFile, standard.NumberOfLinks), (4, 1));
        assert_eq!(reparse(&file).unwrap(), [0; 0]);
        assert_eq!(security(&file).unwrap()[0], 1);
        let absent = open(&directory.path().join("absent")).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn names_of_streams_are_read_from_their_list() {
        let entry = |next: u32, name: &str| {
            let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let len = u32::try_from(units.len()).unwrap();
            let mut entry = [&next.to_le_bytes()[..], &len.to_le_bytes(), &[0; 16], &units].concat();
            entry.resize(entry.len().next_multiple_of(8), 0);
            entry
        };
        let list = [entry(40, "::$DATA"), entry(0, ":Side:$DATA")].concat();
        assert_eq!(stream_names(&list), ["Side"]);
        assert_eq!(stream_names(&[]), [""; 0]);
    }
}
