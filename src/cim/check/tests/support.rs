//! A sound image with a bit of everything, to be damaged.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cim::check::{CheckOptions, Finding, check, check_in};
use crate::cim::format::{Guid, RawFileRecord};
use crate::cim::io::{Directory, MemoryDirectory};
use crate::cim::reader::{File, Image};
use crate::cim::units::{FileTime, RegionOffset};
use crate::cim::{Attributes, ImageName, ImagePath, Metadata, Name, Writer, WriterOptions, files};

/// The files of an image, to be changed.
#[derive(Clone, Debug)]
pub(super) struct Patch {
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

pub(super) fn set() -> Guid {
    Guid::from_content([7; 16])
}

pub(super) fn image_name() -> ImageName {
    ImageName::new("a.cim").unwrap()
}

pub(super) fn path(text: &str) -> ImagePath {
    ImagePath::parse(text).unwrap()
}

pub(super) fn put(writer: &mut Writer, at: &str, metadata: &Metadata<'_>, data: &[u8]) {
    let mut stream = writer.create_file(&path(at), metadata, data.len() as u64).unwrap();
    stream.append(data).unwrap();
    stream.finish().unwrap();
}

/// A self-relative descriptor without owner, group and lists.
pub(super) const SECURITY: [u8; 20] = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// One attribute `N` with 30 bytes: 40 bytes in all.
pub(super) fn eas() -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 0, 0, 1, 30, 0, b'N', 0];
    bytes.resize(40, 0x55);
    bytes
}

/// A symbolic link of WSL.
pub(super) fn reparse() -> Vec<u8> {
    [&0xA000_001Du32.to_le_bytes()[..], &[8, 0, 0, 0], &[2, 0, 0, 0], b"file"].concat()
}

impl Patch {
    pub(super) fn sample() -> Self {
        Self::written(|writer| {
            let (security, eas, reparse) = (SECURITY, eas(), reparse());
            let plain = Metadata::default().with_time(FileTime::UNIX_EPOCH);
            let directory = Metadata { security: &security, ..Metadata::directory() };
            for at in ["a", "b", "c"] {
                writer.create_directory(&path(at), &directory).unwrap();
            }
            put(writer, "a/file", &Metadata { security: &security, ..plain }, b"hello");
            put(writer, "a/big", &plain, &[3; 40_000]);
            put(writer, "plain", &plain, b"another small file");
            writer.link(&path("b/link"), &path("a/file")).unwrap();
            put(writer, "b/eas", &Metadata { eas: &eas, ..plain }, b"");
            put(writer, "b/symlink", &Metadata { reparse: &reparse, ..plain }, b"");
            writer.create_file(&path("zeros"), &plain, 1 << 30).unwrap().finish().unwrap();
            put(writer, "streams", &plain, b"with streams");
            for name in ["one", "two"] {
                let mut stream =
                    writer.create_stream(&path("streams"), &Name::new(name).unwrap(), 3).unwrap();
                stream.append(name.as_bytes()).unwrap();
                stream.finish().unwrap();
            }
        })
    }

    pub(super) fn written(edit: impl FnOnce(&mut Writer)) -> Self {
        let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
        let options = WriterOptions { sync: false, set: Some(set()), ..WriterOptions::default() };
        let mut writer = Writer::create(directory.clone(), &image_name(), options).unwrap();
        let root = Metadata { attributes: Attributes::DIRECTORY, ..Metadata::directory() };
        writer.create_directory(&ImagePath::ROOT, &root).unwrap();
        edit(&mut writer);
        writer.commit().unwrap();
        let read = |name: String| (name.clone(), directory.open(&name).unwrap().as_slice().to_vec());
        Self { files: directory.list().unwrap().into_iter().map(read).collect() }
    }

    pub(super) fn directory(&self) -> Arc<dyn Directory> {
        let directory = MemoryDirectory::new();
        for (name, bytes) in &self.files {
            directory.create(name).unwrap().write_at(bytes, 0).unwrap();
        }
        Arc::new(directory)
    }

    pub(super) fn image(&self) -> Image {
        Image::open_in(self.directory(), &image_name()).unwrap()
    }

    pub(super) fn file(&self, at: &str) -> File {
        self.image().find(&path(at)).unwrap().unwrap()
    }

    pub(super) fn named(&mut self, name: &str) -> &mut Vec<u8> {
        self.files.get_mut(name).unwrap()
    }

    pub(super) fn region(&mut self, index: u16) -> &mut Vec<u8> {
        self.named(&files::region(set(), index))
    }

    /// Everything from an offset on.
    pub(super) fn tail(&mut self, offset: RegionOffset) -> &mut [u8] {
        let at = usize::try_from(offset.byte()).unwrap();
        &mut self.region(offset.region())[at..]
    }

    /// The record of a file.
    pub(super) fn record(&mut self, at: &str) -> &mut [u8] {
        let image = self.image();
        let id = if at.is_empty() { image.root() } else { self.file(at).id };
        let place = image.record(id).unwrap().place;
        &mut self.tail(place)[..size_of::<RawFileRecord>()]
    }

    /// The link table of a directory.
    pub(super) fn table(&mut self, at: &str) -> &mut [u8] {
        let stream = self.file(at).data;
        let len = usize::try_from(stream.len.get()).unwrap();
        &mut self.tail(stream.offset)[..len]
    }

    pub(super) fn check(&self) -> Vec<Finding> {
        self.check_with(CheckOptions::default())
    }

    pub(super) fn check_with(&self, options: CheckOptions) -> Vec<Finding> {
        check(&self.image(), options).findings
    }

    pub(super) fn check_files(&self) -> Vec<Finding> {
        check_in(self.directory(), &image_name(), CheckOptions::default()).unwrap().findings
    }
}

/// Takes the only finding.
#[track_caller]
pub(super) fn only(findings: Vec<Finding>) -> Finding {
    match <[Finding; 1]>::try_from(findings) {
        Ok([finding]) => finding,
        Err(findings) => panic!("one finding was expected: {findings:#?}"),
    }
}
