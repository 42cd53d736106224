//! Images whose bytes lie: a sound one to begin with, changes to it, and everything that a reader may then be asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use cimsnap::cim::check::{CheckOptions, check_in};
use cimsnap::cim::diff::diff;
use cimsnap::cim::dump::{DumpOptions, dump, dump_json};
use cimsnap::cim::io::{Directory, MemoryDirectory};
use cimsnap::cim::names::ImagePath;
use cimsnap::cim::reader::File;
use cimsnap::cim::{
    Attributes, CimError, FileTime, Guid, Image, ImageName, Metadata, Name, Writer, WriterOptions,
};

/// The files of a containing directory.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A sparse file may be longer than anybody can read.
const READ_LIMIT: u64 = 1 << 20;

fn name(text: &str) -> ImageName {
    ImageName::new(text).unwrap()
}

fn path(text: &str) -> ImagePath {
    ImagePath::parse(text).unwrap()
}

fn options(set: u8) -> WriterOptions {
    WriterOptions { sync: false, set: Some(Guid::from_content([set; 16])), ..WriterOptions::default() }
}

fn put(writer: &mut Writer, at: &str, metadata: &Metadata<'_>, data: &[u8]) {
    let mut stream = writer.create_file(&path(at), metadata, data.len() as u64).unwrap();
    stream.append(data).unwrap();
    stream.finish().unwrap();
}

/// Returns a small image `a.cim` and its fork `b.cim` with everything that the format knows.
pub(crate) fn sample() -> Files {
    let directory: Arc<dyn Directory> = Arc::new(MemoryDirectory::new());
    let mut writer = Writer::create(directory.clone(), &name("a.cim"), options(1)).unwrap();
    base(&mut writer);
    writer.commit().unwrap();
    let mut writer = Writer::fork(directory.clone(), &name("a.cim"), &name("b.cim"), options(2)).unwrap();
    changed(&mut writer);
    writer.commit().unwrap();
    let read = |name: String| (name.clone(), directory.open(&name).unwrap().as_slice().to_vec());
    directory.list().unwrap().into_iter().map(read).collect()
}

fn base(writer: &mut Writer) {
    let security = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let eas = [0, 0, 0, 0, 0, 1, 1, 0, b'N', 0, b'V'];
    let reparse = [&0xA000_001Du32.to_le_bytes()[..], &[8, 0, 0, 0], &[2, 0, 0, 0], b"file"].concat();
    let plain = Metadata { attributes: Attributes::ARCHIVE, security: &security, ..Metadata::default() }
        .with_time(FileTime::UNIX_EPOCH);
    let mut deep = String::new();
    for level in 0..20 {
        deep = format!("{deep}/d{level}");
        writer.create_directory(&path(&deep), &Metadata::directory()).unwrap();
        put(writer, &format!("{deep}/file"), &plain, &[level; 50]);
    }
    writer
        .create_directory(&path("many"), &Metadata { security: &security, ..Metadata::directory() })
        .unwrap();
    for number in 0..40u8 {
        put(writer, &format!("many/file {number}"), &plain, &vec![number; usize::from(number) * 150]);
    }
    writer.link(&path("many/link"), &path("many/file 7")).unwrap();
    writer.link(&path("d0/link"), &path("many/file 7")).unwrap();
    put(writer, "eas", &Metadata { eas: &eas, ..plain }, b"ea");
    put(writer, "symlink", &Metadata { reparse: &reparse, ..plain }, b"");
    writer.create_file(&path("sparse"), &plain, 1 << 40).unwrap().finish().unwrap();
    for stream in ["one", "two", "three"] {
        let mut stream = writer.create_stream(&path("eas"), &Name::new(stream).unwrap(), 5).unwrap();
        stream.append(b"bytes").unwrap();
        stream.finish().unwrap();
    }
}

fn changed(writer: &mut Writer) {
    let plain = Metadata::default();
    writer.delete(&path("d0/d1/d2")).unwrap();
    writer.delete(&path("many/file 7")).unwrap();
    put(writer, "many/file 8", &plain, &[9; 5000]);
    put(writer, "many/new", &plain, &[8; 20]);
}

/// Makes a directory of files.
pub(crate) fn directory(files: &Files) -> Arc<dyn Directory> {
    let directory = MemoryDirectory::new();
    for (name, bytes) in files {
        directory.create(name).unwrap().write_at(bytes, 0).unwrap();
    }
    Arc::new(directory)
}

/// What a sound image would give, and how much was done for it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Errors of a check; `None` where the image cannot even be checked.
    pub(crate) errors: Option<u64>,
    /// Names that a walk came to.
    pub(crate) names: u64,
    /// Operations that failed.
    pub(crate) failures: u32,
}

impl Outcome {
    fn note<T>(&mut self, result: Result<T, CimError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                // Messages are part of what must not fail.
                assert!(!error.to_string().is_empty() && !format!("{error:?}").is_empty());
                self.failures += 1;
                None
            }
        }
    }
}

/// Does with the images of a directory all that can be done without changing anything.
pub(crate) fn read_everything(directory: &Arc<dyn Directory>, images: &[&str]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut opened = Vec::new();
    for image in images {
        let options = CheckOptions { deep: true, max_findings: 50 };
        if let Some(report) = outcome.note(check_in(directory.clone(), &name(image), options)) {
            assert!(report.findings.len() <= options.max_findings);
            assert!(report.findings.iter().all(|finding| !finding.to_string().is_empty()));
            *outcome.errors.get_or_insert(0) += report.errors;
        }
        opened.extend(outcome.note(Image::open_in(directory.clone(), &name(image))));
    }
    for image in &opened {
        read_image(image, &mut outcome);
    }
    if let [first, .., last] = &opened[..] {
        outcome.note(diff(first, last, |_, _| Ok(())));
    }
    outcome
}

fn read_image(image: &Image, outcome: &mut Outcome) {
    let mut files = Vec::new();
    let walked = image.walk(|visit| {
        outcome.names += 1;
        files.push((visit.path().ok(), visit.file));
        Ok::<_, CimError>(())
    });
    outcome.note(walked);
    for (path, file) in files {
        outcome.note(read_file(image, &file));
        if let Some(path) = path {
            outcome.note(image.find(&path));
        }
    }
    outcome.note(image.links().map(|links| links.entries().len()));
    outcome.note(dump(image, &mut std::io::sink(), DumpOptions::default()));
    outcome.note(dump_json(image, &mut std::io::sink(), DumpOptions::default()));
    outcome.note(diff(image, image, |_, _| Ok(())));
}

fn read_file(image: &Image, file: &File) -> Result<(), CimError> {
    image.security(file)?;
    image.eas(file)?;
    image.reparse(file)?;
    let mut streams = vec![file.data];
    // Tables that many files share could be listed for ever.
    let alternate = image.list_streams(file)?.take(100).collect::<Result<Vec<_>, _>>()?;
    streams.extend(alternate.into_iter().map(|(_, stream)| stream));
    for stream in streams {
        let data = image.data(stream)?;
        let mut read = 0;
        for chunk in data.chunks(1 << 16) {
            read += chunk.bytes().len() as u64;
            if read >= READ_LIMIT {
                break;
            }
        }
        assert!(read >= data.len().min(READ_LIMIT), "{read} of {} bytes were read", data.len());
    }
    Ok(())
}

/// Forks an image and changes the fork a little.
pub(crate) fn write_over(directory: &Arc<dyn Directory>, image: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let writer = Writer::fork(directory.clone(), &name(image), &name("c.cim"), options(3));
    let Some(mut writer) = outcome.note(writer) else { return outcome };
    let plain = Metadata::default();
    let file = writer.begin_file(&path("many/new file"), &plain, 3);
    if outcome.note(file).is_some() {
        outcome.note(writer.write(b"new"));
        outcome.note(writer.finish_stream());
    }
    outcome.note(writer.delete(&path("many/file 3")));
    outcome.note(writer.delete(&path("d0")));
    outcome.note(writer.link(&path("again"), &path("many/link")));
    outcome.note(writer.clear_directory(&path("many")));
    outcome.note(writer.commit());
    outcome
}
