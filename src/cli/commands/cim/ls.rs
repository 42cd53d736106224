use std::io::Write;
use std::path::PathBuf;

use cimsnap::cim::dump::{show, timestamp};
use cimsnap::cim::reader::File;
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::image::find;
use crate::cli::ui::{Out, Ui, line};
use crate::cli::{Result, pulled, text};

/// List a directory of an image
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim ls doc.cim
  cimsnap cim ls doc.cim apt -l")]
pub(crate) struct Args {
    /// The image
    image: PathBuf,
    /// What to list
    #[arg(default_value = "/")]
    path: String,
    /// Show attributes, size and time of the last write
    #[arg(long, short)]
    long: bool,
}

/// A name as JSON shows it.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    directory: bool,
    attributes: u32,
    size: u64,
    written: String,
    /// What keeps the file from being read.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
}

impl Entry {
    fn new(name: String, file: &File) -> Self {
        Self {
            name,
            directory: file.is_directory(),
            attributes: file.attributes().bits(),
            size: file.size(),
            written: timestamp(file.last_write_time),
            unknown: file.unknown.map(|feature| feature.to_string()),
        }
    }
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let image = pulled::open(&self.image)?;
        let (path, file) = find(&image, &self.path)?;
        let mut out = ui.out();
        if file.is_directory() {
            for entry in image.list(&file)? {
                let (name, id) = entry?;
                let child = image.file(id)?;
                self.show(ui, &mut out, show(name.units()), &child)?;
            }
        } else {
            let name = path.file_name().map_or_else(String::new, |name| show(name.as_ref().units()));
            self.show(ui, &mut out, name, &file)?;
        }
        out.flush()?;
        Ok(Exit::Success)
    }

    fn show(&self, ui: &Ui, out: &mut Out, name: String, file: &File) -> Result<()> {
        if ui.is_json() {
            return Ok(line(out, &Entry::new(name, file))?);
        }
        if self.long {
            let (letters, size) = (text::letters(file.attributes()), file.size());
            write!(out, "{letters} {size:>14} {} ", timestamp(file.last_write_time))?;
        }
        let mark = if file.is_directory() { "/" } else { "" };
        match file.unknown {
            Some(feature) => {
                writeln!(out, "{name}{mark} (unreadable: {feature} is not known to this version)")?
            }
            None => writeln!(out, "{name}{mark}")?,
        }
        Ok(())
    }
}
