//! What several themes need.

pub(crate) mod format_writer;
#[cfg(target_os = "linux")]
pub(crate) mod held;
#[cfg(target_os = "linux")]
pub(crate) mod hostile;
#[cfg(target_os = "linux")]
pub(crate) mod printed;
#[cfg(target_os = "linux")]
pub(crate) mod tree;

use std::sync::Arc;

use cimsnap::cim::io::{Directory, MemoryDirectory};
use cimsnap::cim::{Attributes, FileTime, Image, ImageName, ImagePath, Metadata, Name, Writer};

/// The library that was built along with this test.
#[cfg(target_os = "linux")]
pub(crate) fn built_library() -> std::path::PathBuf {
    let program = std::env::current_exe().expect("a program");
    let library = program.with_file_name("libcimsnap.so");
    assert!(library.exists(), "{} was not built", library.display());
    library
}

pub(crate) fn path(text: &str) -> ImagePath {
    ImagePath::parse(text).expect("a valid path")
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a valid name")
}

pub(crate) fn image_name(text: &str) -> ImageName {
    ImageName::new(text).expect("a valid image name")
}

pub(crate) fn memory() -> Arc<dyn Directory> {
    Arc::new(MemoryDirectory::new())
}

/// Metadata of a file, with four different times.
pub(crate) fn file_metadata() -> Metadata<'static> {
    Metadata {
        attributes: Attributes::ARCHIVE,
        creation_time: FileTime::from_raw(1),
        last_write_time: FileTime::from_raw(2),
        change_time: FileTime::from_raw(3),
        last_access_time: FileTime::from_raw(4),
        ..Metadata::default()
    }
}

pub(crate) fn put(writer: &mut Writer, at: &str, data: &[u8]) {
    let size = u64::try_from(data.len()).expect("a length");
    let mut stream = writer.create_file(&path(at), &file_metadata(), size).expect("create the file");
    stream.append(data).expect("write the data");
    stream.finish().expect("finish the file");
}

pub(crate) fn mkdir(writer: &mut Writer, at: &str) {
    writer.create_directory(&path(at), &Metadata::directory()).expect("create the directory");
}

/// Reads a whole file; `None` where there is none.
pub(crate) fn cat(image: &Image, at: &str) -> Option<Vec<u8>> {
    let file = image.find(&path(at)).expect("look up")?;
    let data = image.data(file.data).expect("open the data");
    let mut bytes = vec![0; usize::try_from(data.len()).expect("a length")];
    assert_eq!(data.read_at(&mut bytes, 0), bytes.len());
    Some(bytes)
}

/// Copies a directory with some bytes of one file changed.
pub(crate) fn patched(source: &dyn Directory, file: &str, offset: u64, bytes: &[u8]) -> Arc<dyn Directory> {
    let copy = MemoryDirectory::new();
    for name in source.list().expect("list") {
        let mut contents = source.open(&name).expect("open").as_slice().to_vec();
        if name == file {
            let at = usize::try_from(offset).expect("an offset");
            contents[at..at + bytes.len()].copy_from_slice(bytes);
        }
        copy.create(&name).expect("create").write_at(&contents, 0).expect("write");
    }
    Arc::new(copy)
}
