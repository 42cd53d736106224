//! A listing of an image, for people, for tests, and for comparing two images.
//!
//! A listing says what an image holds and nothing of how it lies on disk: no ids, offsets or regions. Two images
//! with the same listing are the same to whoever mounts them.
//!
//! ```text
//! "/dir" dir attributes=0x10 created=2024-01-01T00:00:00.0000000Z ... size=0 security=7d0c...
//! "/dir/file" file attributes=0x20 created=... size=5 data=ea8f163db38682925e4491c5 links=2
//! "/dir/same" file attributes=0x20 created=... size=5 data=ea8f163db38682925e4491c5 links=2 link="/dir/file"
//! ```

mod digest;
mod entry;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashMap;
use std::io;

pub use entry::{DumpEntry, DumpKind, DumpLinks, DumpReparse, DumpStream, DumpTimes};

use super::error::CimError;
use super::names::ImagePath;
use super::reader::{Budget, File, Image, Visit};
use super::units::FileId;
use digest::Digests;
use text::hex;
pub use text::{show, timestamp};

/// What a listing shows.
#[derive(Clone, Copy, Debug)]
pub struct DumpOptions {
    /// Whether data is read, to show its digest.
    pub data: bool,
    /// Whether times are shown.
    pub times: bool,
}

impl Default for DumpOptions {
    fn default() -> Self {
        Self { data: true, times: true }
    }
}

/// Writes a line for each path, in name order.
pub fn dump(image: &Image, out: &mut impl io::Write, options: DumpOptions) -> Result<(), CimError> {
    each_entry(image, options, |entry| writeln!(out, "{entry}").map_err(cannot_write))
}

/// Writes a JSON object for each path, one a line, in name order.
pub fn dump_json(image: &Image, out: &mut impl io::Write, options: DumpOptions) -> Result<(), CimError> {
    each_entry(image, options, |entry| {
        serde_json::to_writer(&mut *out, &entry).map_err(io::Error::from).map_err(cannot_write)?;
        out.write_all(b"\n").map_err(cannot_write)
    })
}

/// Hands over what the listing has to say of each path, in name order.
pub fn each_entry(
    image: &Image,
    options: DumpOptions,
    mut visit: impl FnMut(DumpEntry) -> Result<(), CimError>,
) -> Result<(), CimError> {
    let mut dumper = Dumper::new(image, options)?;
    image.walk(|visited| visit(dumper.entry(visited)?))
}

fn cannot_write(error: io::Error) -> CimError {
    CimError::io("write", "the listing", error)
}

/// How often a table of alternate streams may be listed on average: they are not shared by the writers we know.
const STREAM_TABLE_USES: u64 = 16;

struct Dumper<'a> {
    image: &'a Image,
    options: DumpOptions,
    digests: Digests<'a>,
    /// Files with several names: how many, and the first of them once it was seen.
    links: HashMap<FileId, (u32, Option<String>)>,
    stream_tables: Budget,
}

impl<'a> Dumper<'a> {
    fn new(image: &'a Image, options: DumpOptions) -> Result<Self, CimError> {
        let total = image.regions().total_len();
        let stream_tables =
            Budget::new("tables of alternate streams", total.saturating_mul(STREAM_TABLE_USES));
        let links = image.count_names()?.into_iter().map(|(id, count)| (id, (count, None))).collect();
        Ok(Self { image, options, digests: Digests::new(image), links, stream_tables })
    }

    fn entry(&mut self, visit: &Visit<'_>) -> Result<DumpEntry, CimError> {
        let file = &visit.file;
        let path = self.path(visit)?;
        let image = self.image;
        let links = self.links(file.id, &path);
        if let Some(feature) = file.unknown {
            let unknown = Some(feature.to_string());
            return Ok(DumpEntry { links, unknown, ..self.bare_entry(path, file) });
        }
        let reparse = match image.reparse(file)? {
            Some(bytes) => {
                Some(DumpReparse { tag: file.reparse_tag, digest: self.digests.object(file.reparse, bytes)? })
            }
            None => None,
        };
        let security = match image.security(file)? {
            Some(bytes) => Some(self.digests.object(file.security, bytes)?),
            None => None,
        };
        let eas = match image.eas(file)? {
            [] => None,
            bytes => Some(self.digests.object(file.eas, bytes)?),
        };
        let data = !file.is_directory() && self.options.data;
        Ok(DumpEntry {
            data: if data { self.digests.stream(file.data)? } else { None },
            security,
            eas,
            reparse,
            streams: self.streams(file)?,
            links,
            ..self.bare_entry(path, file)
        })
    }

    /// Describes a file by its record alone.
    fn bare_entry(&self, path: String, file: &File) -> DumpEntry {
        DumpEntry {
            path,
            kind: if file.is_directory() { DumpKind::Directory } else { DumpKind::File },
            attributes: file.attributes().bits(),
            times: self.options.times.then(|| DumpTimes::of(file)),
            size: file.size(),
            data: None,
            security: None,
            eas: None,
            reparse: None,
            streams: Vec::new(),
            links: None,
            unknown: None,
        }
    }

    fn path(&self, visit: &Visit<'_>) -> Result<String, CimError> {
        if visit.name.units().is_empty() && visit.file.id == self.image.root() {
            return Ok("/".to_owned());
        }
        if let Err(error) = visit.name.check() {
            return Err(self.image.bad_name(&self.image.file(visit.directory_id)?, error));
        }
        Ok(join(visit.directory, &show(visit.name.units())))
    }

    fn links(&mut self, id: FileId, path: &str) -> Option<DumpLinks> {
        let (count, first) = self.links.get_mut(&id)?;
        let links = DumpLinks { count: *count, first: first.clone() };
        first.get_or_insert_with(|| path.to_owned());
        Some(links)
    }

    fn streams(&mut self, file: &File) -> Result<Vec<DumpStream>, CimError> {
        let mut streams = Vec::new();
        let table = self.image.streams(file)?;
        self.stream_tables
            .spend(table.table_len())
            .map_err(|fault| self.image.regions().corrupt(file.streams, fault))?;
        for entry in self.image.list_streams(file)? {
            let (name, stream) = entry?;
            let data = if self.options.data { self.digests.stream(stream)? } else { None };
            streams.push(DumpStream { name: show(name.units()), size: stream.len.get(), data });
        }
        Ok(streams)
    }
}

fn join(directory: &ImagePath, name: &str) -> String {
    let separator = if directory.is_root() { "" } else { "/" };
    format!("/{}{separator}{name}", show(directory.units()))
}
