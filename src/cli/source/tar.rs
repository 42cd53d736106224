//! A tar, compressed or not.

use std::io::Read;

use anyhow::Context;
use cimsnap::escape::Escaped;
use cimsnap::layer::linux;
use cimsnap::layer::metadata::Kind;
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::layer::tar::{Entry, Piece, TarReader};

use super::target::{Data, Item, Target};
use crate::cli::Result;

type Tar = TarReader<LayerStream>;

/// Adds all entries of a tar; of several with one path the last one counts. They mean what they mean to tar(1): the
/// whiteouts of image layers are files like any other.
pub(super) fn add(target: &mut Target<'_>, reader: impl Read + Send + 'static) -> Result<()> {
    let mut tar = TarReader::new(LayerStream::open(reader, StreamOptions::default())?);
    while let Some(entry) = tar.next_entry()? {
        add_entry(target, &mut tar, &entry)?;
    }
    // What follows the last entry is read too: a stream that breaks off there is damaged.
    tar.into_inner().finish()?;
    Ok(())
}

fn add_entry(target: &mut Target<'_>, tar: &mut Tar, entry: &Entry) -> Result<()> {
    let cannot_read =
        || format!("cannot read the header of {}", Escaped(String::from_utf8_lossy(&entry.path)));
    let (kind, metadata) = {
        let records = tar.records(entry)?;
        let member = entry.member(&records);
        if member.kind() == Kind::HardLink {
            return target.link(&entry.path, &entry.link);
        }
        (member.kind(), linux::metadata::read(&member).with_context(cannot_read)?)
    };
    let mut fill = |data: &mut Data<'_>| copy(tar, data);
    let item = match kind {
        Kind::Directory => Item::Directory,
        Kind::Symlink => Item::Symlink { target: &entry.link, to_directory: false },
        Kind::Fifo => Item::Special("a pipe"),
        Kind::CharDevice | Kind::BlockDevice => Item::Special("a device"),
        Kind::File | Kind::HardLink | Kind::Other => Item::File { size: entry.size, fill: &mut fill },
    };
    target.put(&entry.path, metadata, item)
}

/// Copies the data of an entry. Zeros at its end need not be written.
fn copy(tar: &mut Tar, data: &mut Data<'_>) -> Result<()> {
    let mut hole = 0;
    while let Some(piece) = tar.piece()? {
        match piece {
            Piece::Zeros(count) => hole = count,
            Piece::Bytes(bytes) => {
                data.zeros(std::mem::take(&mut hole))?;
                data.append(bytes)?;
            }
        }
    }
    Ok(())
}
