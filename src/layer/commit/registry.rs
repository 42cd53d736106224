//! The registry of a Windows image.
//!
//! A container finds its registry in `Hives`, as five files named `*_BASE`. In an image of one layer they are the hives
//! that Windows itself has; each further layer brings what it changes as a `*_DELTA`, which is merged over the parent's
//! `*_BASE`. A layer without a delta leaves the parent's as it is, however far below it was made.

use std::io::{self, Write};

use super::draft::{Draft, Hive as HiveBytes};
use super::{CommitError, MissingHives};
use crate::cim::{Attributes, ImagePath, Metadata, security};
use crate::engine::DataSink;
use crate::layer::hive::{Hive as Tree, HiveError, HiveErrorKind, HiveInfo, Recovery, merge_files, write};
use crate::layer::windows::registry::{DIRECTORY, HIVES, Hive};

/// The file by which a container runtime knows that the registry is part of the image.
const LAYOUT: (&str, &[u8]) = ("layout", b"vhd-with-hives\n");

/// Adds what an image of a single layer needs.
pub(super) fn complete_base(writer: &mut impl Draft, missing: MissingHives) -> Result<(), CommitError> {
    let directory = ImagePath::parse(DIRECTORY)?;
    if writer.find(&directory)?.is_none() {
        writer.create_directory(&directory, &made(Attributes::DIRECTORY))?;
    }
    for hive in &HIVES {
        if missing == MissingHives::Create && writer.find(&hive.live()?)?.is_none() {
            create(writer, hive)?;
        } else {
            complete_base_hive(writer, hive)?;
        }
    }
    let (layout, text) = LAYOUT;
    write_file(writer, &ImagePath::parse(layout)?, text)
}

/// Makes an empty hive under both its names.
fn create(writer: &mut impl Draft, hive: &Hive) -> Result<(), CommitError> {
    let live = hive.live()?;
    let mut bytes = Vec::new();
    let written = write(&&Tree::new(HiveInfo::PLAIN), &mut bytes);
    written.map_err(|source| CommitError::Hive { path: live.clone(), source })?;
    let mut missing = Vec::new();
    let mut above = live.parent();
    while let Some(directory) = above.filter(|directory| !directory.is_root()) {
        above = directory.parent();
        missing.push(directory);
    }
    for directory in missing.iter().rev() {
        if writer.find(directory)?.is_none() {
            writer.create_directory(directory, &made(Attributes::DIRECTORY))?;
        }
    }
    write_file(writer, &live, &bytes)?;
    Ok(writer.link(&hive.base()?, &live)?)
}

/// Links a hive, unless its logs hold a part of it: on a volume that nobody can write, nobody replays them.
fn complete_base_hive(writer: &mut impl Draft, hive: &Hive) -> Result<(), CommitError> {
    let (live, base) = (hive.live()?, hive.base()?);
    let primary = bytes(writer, &live)?.ok_or_else(|| CommitError::NoHive(live.clone()))?;
    let mut logs = Vec::new();
    for number in [1, 2] {
        logs.extend(bytes(writer, &hive.log(number)?)?);
    }
    let logs: Vec<&[u8]> = logs.iter().map(|log| (**log).as_ref()).collect();
    match Recovery::plan((*primary).as_ref(), &logs) {
        Ok(Some(recovery)) => {
            let whole = recovery.to_vec().map_err(|source| CommitError::Hive { path: live, source })?;
            write_file(writer, &base, &whole)
        }
        Err(source) if source.kind() == HiveErrorKind::Dirty => Err(CommitError::Hive { path: live, source }),
        // Whether a hive is sound shows when something is merged over it. One of no bytes stands for an empty one.
        Ok(None) | Err(_) => Ok(writer.link(&base, &live)?),
    }
}

/// Merges the deltas that a layer brought over the hives of its parent.
pub(super) fn complete_upper(writer: &mut impl Draft) -> Result<(), CommitError> {
    for hive in &HIVES {
        let (delta, base) = (hive.delta()?, hive.base()?);
        if !writer.is_of_layer(&delta)? {
            continue;
        }
        let changes = bytes(writer, &delta)?.ok_or(CommitError::NotAHive(delta.clone()))?;
        let lower = bytes(writer, &base)?.ok_or_else(|| CommitError::NoBase(base.clone()))?;
        merge(writer, &base, (*lower).as_ref(), (*changes).as_ref(), &delta)?;
    }
    Ok(())
}

/// Writes a merged hive in place of the parent's name for it: the file may have another name, and stays as it is.
fn merge(
    writer: &mut impl Draft,
    base: &ImagePath,
    lower: &[u8],
    changes: &[u8],
    delta: &ImagePath,
) -> Result<(), CommitError> {
    let wrong = |source: HiveError| CommitError::Hive { path: delta.clone(), source };
    // Merging twice takes no memory; merging once would take as much as the hive is long.
    let mut len = Length(0);
    merge_files(lower, changes, &mut len).map_err(wrong)?;
    let mut file = writer.create_file(base, &made(Attributes::NORMAL), len.0)?;
    merge_files(lower, changes, &mut file).map_err(wrong)?;
    Ok(file.finish()?)
}

/// Returns the bytes of a hive; `None` where there is none.
fn bytes(writer: &impl Draft, path: &ImagePath) -> Result<Option<HiveBytes>, CommitError> {
    match writer.find(path)? {
        Some(_) => writer.hive(path)?.ok_or_else(|| CommitError::NotAHive(path.clone())).map(Some),
        None => Ok(None),
    }
}

fn write_file(writer: &mut impl Draft, path: &ImagePath, bytes: &[u8]) -> Result<(), CommitError> {
    let len = u64::try_from(bytes.len()).expect("a usize fits a u64");
    let mut file = writer.create_file(path, &made(Attributes::NORMAL), len)?;
    file.append(bytes)?;
    Ok(file.finish()?)
}

/// Metadata of what no layer has. Its times are zero, so that the same layers make the same image.
fn made(attributes: Attributes) -> Metadata<'static> {
    Metadata { attributes, security: &security::DEFAULT, ..Metadata::default() }
}

/// Counts what is written.
struct Length(u64);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
