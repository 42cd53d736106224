//! The images of a self-test, written by the library and by the portable engine.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::content::Content;
use super::report::Trouble;
use super::tree::{Edit, Item, Tree};
use super::views::wide;
use crate::cim::io::{Directory, DiskDirectory};
use crate::cim::{FileTime, ImageName, ImagePath, LayerSet, LayerSetWriter, Metadata, Name, WriterOptions};
use crate::sys::cimfs::{self, Cimfs, CreateFlags, WideString};

/// Data is written in pieces of this size, which is no multiple of any block.
const PIECE: usize = 10_000;

/// Writes an image by the library, and asks it what the image holds.
pub(super) fn native(
    library: &Cimfs,
    directory: &Path,
    parent: Option<&str>,
    image: &str,
    edits: &[Edit],
    tree: &Tree,
) -> Result<((), String), Trouble> {
    let parent = parent.map(WideString::text).transpose()?;
    let (directory, name) = (WideString::path(directory)?, WideString::text(image)?);
    let mut image = library.create_image(&directory, CreateFlags::empty(), parent.as_ref(), Some(&name))?;
    for edit in edits {
        native_edit(&mut image, edit)?;
    }
    let lookups =
        if has_lookup(library) { lookups(&mut image, tree)? } else { "no CimLookupFile".to_owned() };
    image.commit()?;
    Ok(((), format!("{} names, {} bytes, {lookups}", tree.len(), tree.bytes())))
}

fn native_edit(image: &mut cimfs::Image, edit: &Edit) -> Result<(), Trouble> {
    match edit {
        Edit::Put(path, item) => {
            let metadata = cimfs::Metadata {
                attributes: item.attributes.bits() | if item.is_link() { REPARSE_POINT } else { 0 },
                size: item.data.size.cast_signed(),
                times: item.times.map(u64::cast_signed),
                security: &item.security,
                reparse: &item.reparse,
                eas: &item.eas,
            };
            let mut stream =
                image.create_file(&wide(path)?, &metadata).map_err(|error| Trouble::from(error).at(path))?;
            for piece in item.data.written.chunks(PIECE) {
                stream.write(piece).map_err(|error| Trouble::from(error).at(path))?;
            }
            drop(stream);
            native_streams(image, path, &item.streams)
        }
        Edit::Link { new, existing } => {
            image.link(&wide(new)?, &wide(existing)?).map_err(|error| Trouble::from(error).at(new))
        }
        Edit::Delete(path) => image.delete(&wide(path)?).map_err(|error| Trouble::from(error).at(path)),
    }
}

/// FILE_ATTRIBUTE_REPARSE_POINT
const REPARSE_POINT: u32 = 0x400;

fn native_streams(
    image: &mut cimfs::Image,
    path: &str,
    streams: &BTreeMap<String, Content>,
) -> Result<(), Trouble> {
    for (name, content) in streams {
        let path = format!("{path}:{name}:$DATA");
        let mut stream = image
            .create_stream(&wide(&path)?, content.size)
            .map_err(|error| Trouble::from(error).at(&path))?;
        for piece in content.written.chunks(PIECE) {
            stream.write(piece).map_err(|error| Trouble::from(error).at(&path))?;
        }
    }
    Ok(())
}

fn has_lookup(library: &Cimfs) -> bool {
    library.exports().contains(&("CimLookupFile", true))
}

/// Asks for every name, and for names that are not there.
fn lookups(image: &mut cimfs::Image, tree: &Tree) -> Result<String, Trouble> {
    let mut differences = Vec::new();
    let absent = tree.absent();
    let present = tree.iter().map(|(path, _)| (path, true));
    let all = present.chain(absent.iter().map(|path| (path.as_str(), false)));
    for (path, wanted) in all {
        if image.has(&wide(path)?).map_err(|error| Trouble::from(error).at(path))? != wanted {
            differences.push(format!("CimLookupFile of {path}: {}, expected {wanted}", !wanted));
        }
    }
    match differences.is_empty() {
        true => Ok(format!("{} lookups", tree.len() + absent.len())),
        false => Err(Trouble::differences(differences)),
    }
}

/// Writes an image by the portable engine, as the daemon does: a layer set that is laid over the parent's image.
pub(super) fn portable(
    directory: &Path,
    parent: Option<&str>,
    image: &str,
    edits: &[Edit],
) -> Result<((), String), Trouble> {
    let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::new(directory));
    let mut writer = LayerSetWriter::unnamed(directory.clone(), WriterOptions::default())?;
    for edit in edits {
        portable_edit(&mut writer, edit)?;
    }
    let set = writer.finish()?;
    let parent = parent.map(ImageName::new).transpose()?;
    let layer = LayerSet::open(directory, set.guid)?;
    let header = layer.commit(parent.as_ref(), &ImageName::new(image)?, WriterOptions::default())?;
    Ok(((), format!("format {}", header.version)))
}

fn portable_edit(writer: &mut LayerSetWriter, edit: &Edit) -> Result<(), Trouble> {
    match edit {
        Edit::Put(path, item) => {
            let at = ImagePath::parse(path)?;
            if item.is_directory() {
                writer.create_directory(&at, &metadata(item))?;
            } else {
                let mut stream = writer.create_file(&at, &metadata(item), item.data.size)?;
                for piece in item.data.written.chunks(PIECE) {
                    stream.write_all(piece)?;
                }
                stream.finish()?;
            }
            for (name, content) in &item.streams {
                let mut stream = writer.create_stream(&at, &Name::new(name)?, content.size)?;
                stream.append(&content.written)?;
                stream.finish()?;
            }
            Ok(())
        }
        Edit::Link { new, existing } => {
            Ok(writer.link(&ImagePath::parse(new)?, &ImagePath::parse(existing)?)?)
        }
        Edit::Delete(path) => Ok(writer.delete(&ImagePath::parse(path)?)?),
    }
}

fn metadata(item: &Item) -> Metadata<'_> {
    let [creation_time, last_write_time, change_time, last_access_time] = item.times.map(FileTime::from_raw);
    Metadata {
        attributes: item.attributes,
        creation_time,
        last_write_time,
        change_time,
        last_access_time,
        security: &item.security,
        eas: &item.eas,
        reparse: &item.reparse,
    }
}
