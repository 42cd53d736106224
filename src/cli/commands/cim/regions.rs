use std::io::{self, Write};
use std::path::PathBuf;

use cimsnap::cim::files;
use cimsnap::cim::format::{ImageHeader, RegionHeader, RegionType};
use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::reader::read_header;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::ui::{Out, Ui};
use crate::cli::{Result, text};

/// Show the header of an image and its region files
///
/// Works on images of any known version, also those that cannot be read further.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim regions doc.cim")]
pub(crate) struct Args {
    /// The image
    image: PathBuf,
}

#[derive(Debug, Serialize)]
struct Answer {
    version: String,
    filesystem: String,
    regions: Vec<Region>,
}

#[derive(Debug, Serialize)]
struct Region {
    index: u64,
    file: String,
    /// Whether the image brought the file along or has it from a parent.
    own: bool,
    kind: &'static str,
    /// None where the file is missing.
    size: Option<u64>,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let (directory, name) = files::split_image_path(&self.image)?;
        let directory = DiskDirectory::new(&directory);
        let header = read_header(&directory, &name)?;
        let answer = describe(&directory, &header);
        ui.answer(&answer, |out| print(out, &answer))?;
        let whole = answer.regions.iter().all(|region| region.size.is_some());
        Ok(if whole { Exit::Success } else { Exit::Corrupt })
    }
}

fn describe(directory: &dyn Directory, header: &ImageHeader) -> Answer {
    let mut regions = Vec::new();
    for set in header.sets() {
        for index in 0..set.count {
            let file = files::region(set.guid, index);
            let bytes = directory.open(&file).ok();
            let parsed = bytes.as_ref().map(|bytes| RegionHeader::parse(bytes.as_slice()));
            let kind = match parsed {
                None => "missing",
                Some(Err(_)) => "unknown",
                Some(Ok((_, header))) => kind(header.kind),
            };
            let size = bytes.map(|bytes| u64::try_from(bytes.as_slice().len()).unwrap_or(u64::MAX));
            let index = u64::try_from(regions.len()).unwrap_or(u64::MAX);
            regions.push(Region { index, file, own: set.guid == header.own.guid, kind, size });
        }
    }
    Answer { version: header.version.to_string(), filesystem: header.filesystem.to_string(), regions }
}

fn kind(kind: RegionType) -> &'static str {
    match kind {
        RegionType::METADATA => "metadata",
        RegionType::DATA => "data",
        RegionType::SMALL_DATA => "small data",
        _ => "unknown",
    }
}

fn print(out: &mut Out, answer: &Answer) -> io::Result<()> {
    writeln!(out, "version {}, filesystem object at {}", answer.version, answer.filesystem)?;
    for Region { index, file, own, kind, size } in &answer.regions {
        let size = size.map_or_else(|| "-".to_owned(), text::size);
        let owner = if *own { "own" } else { "parent's" };
        writeln!(out, "{index:>5}  {file}  {owner:<8}  {kind:<10}  {size:>10}")?;
    }
    Ok(())
}
