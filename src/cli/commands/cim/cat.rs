use std::io::Write;
use std::path::PathBuf;

use cimsnap::cim::Name;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::image::{find, shown};
use crate::cli::ui::data_out;
use crate::cli::{Result, pulled};

/// Print the data of a file in an image
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim cat doc.cim apt/NEWS.Debian.gz | zcat
  cimsnap cim cat base.cim 'Files/readme.txt' --stream Zone.Identifier")]
pub(crate) struct Args {
    /// The image
    image: PathBuf,
    /// The file
    path: String,
    /// Print an alternate stream of the file
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
}

/// Few writes, and no more memory than that.
const PIECE: usize = 1 << 20;

impl Args {
    pub(super) fn run(&self) -> Result {
        let image = pulled::open(&self.image)?;
        let (path, file) = find(&image, &self.path)?;
        let data = match &self.stream {
            Some(name) => {
                let found = image.stream(&file, Name::new(name)?.as_ref())?;
                let absent = || Failure::NoStream { path: shown(&path), stream: name.clone() };
                image.data(found.ok_or_else(absent)?)?
            }
            None if file.is_directory() => return Err(Failure::IsDirectory { path: shown(&path) }.into()),
            None => image.file_data(&file)?,
        };
        let mut out = data_out();
        for chunk in data.chunks(PIECE) {
            out.write_all(chunk.bytes())?;
        }
        out.flush()?;
        Ok(Exit::Success)
    }
}
