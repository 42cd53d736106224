use std::collections::HashSet;
use std::io::Write;
use std::iter::Peekable;
use std::path::PathBuf;
use std::vec::IntoIter;

use cimsnap::cim::dump::show;
use cimsnap::cim::reader::File;
use cimsnap::cim::{FileId, Image};
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::image::{find, shown};
use crate::cli::ui::{Ui, line};
use crate::cli::{Result, pulled, text};

/// Show what lies below a directory of an image
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim tree doc.cim
  cimsnap cim tree doc.cim apt -d 1")]
pub(crate) struct Args {
    /// The image
    image: PathBuf,
    /// Where to begin
    #[arg(default_value = "/")]
    path: String,
    /// How many levels to show
    #[arg(long, short, value_name = "LEVELS")]
    depth: Option<usize>,
}

/// A name as JSON shows it.
#[derive(Debug, Serialize)]
struct Entry {
    path: String,
    directory: bool,
    size: u64,
}

type Names = Peekable<IntoIter<(String, FileId)>>;

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let image = pulled::open(&self.image)?;
        let (path, root) = find(&image, &self.path)?;
        let mut out = ui.out();
        let top = shown(&path);
        if !ui.is_json() {
            writeln!(out, "{top}")?;
        }
        let (mut files, mut directories) = (0u64, 0u64);
        let mut entered = HashSet::new();
        let mut open = vec![(top.trim_end_matches('/').to_owned(), names(&image, &root, &mut entered)?)];
        while let Some((above, level)) = open.last_mut() {
            let Some((name, id)) = level.next() else {
                open.pop();
                continue;
            };
            let path = format!("{above}/{name}");
            let file = image.file(id)?;
            if file.is_directory() {
                directories += 1
            } else {
                files += 1
            }
            if ui.is_json() {
                let entry = Entry { path: path.clone(), directory: file.is_directory(), size: file.size() };
                line(&mut out, &entry)?;
            } else {
                let (last, above) = open
                    .split_last_mut()
                    .map_or((false, &mut [][..]), |(level, above)| (level.1.peek().is_none(), above));
                for (_, level) in above {
                    write!(out, "{}", if level.peek().is_some() { "│   " } else { "    " })?;
                }
                let mark = if file.is_directory() { "/" } else { "" };
                writeln!(out, "{}{name}{mark}", if last { "└── " } else { "├── " })?;
            }
            if file.is_directory() && self.depth.is_none_or(|depth| open.len() < depth) {
                let names = names(&image, &file, &mut entered)?;
                open.push((path, names));
            }
        }
        if !ui.is_json() {
            let directories = text::count(directories, "directory", "directories");
            writeln!(out, "\n{directories}, {}", text::count(files, "file", "files"))?;
        }
        out.flush()?;
        Ok(Exit::Success)
    }
}

/// Lists a directory; a file has no names, and neither has a directory that cannot be read.
fn names(image: &Image, directory: &File, entered: &mut HashSet<FileId>) -> Result<Names> {
    let mut names = Vec::new();
    if directory.is_directory() && directory.unknown.is_none() {
        anyhow::ensure!(entered.insert(directory.id), "a directory lies within itself");
        for entry in image.list(directory)? {
            let (name, id) = entry?;
            names.push((show(name.units()), id));
        }
    }
    Ok(names.into_iter().peekable())
}
