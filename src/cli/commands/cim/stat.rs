use std::io::{self, Write};
use std::path::PathBuf;

use cimsnap::cim::dump::{show, timestamp};
use cimsnap::cim::ea::{Ea, EaList};
use cimsnap::cim::reader::File;
use cimsnap::cim::reparse::Tag;
use cimsnap::cim::security::Descriptor;
use cimsnap::cim::wsl::{self, LinuxMetadata};
use cimsnap::cim::{Attributes, Image};
use cimsnap::escape::{Escaped, on_one_line};
use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::image::{find, shown};
use crate::cli::ui::{Out, Ui};
use crate::cli::{Result, pulled, text};

/// Show everything about a file in an image
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cimsnap cim stat doc.cim
  cimsnap cim stat doc.cim apt/copyright")]
pub(crate) struct Args {
    /// The image
    image: PathBuf,
    /// The file
    #[arg(default_value = "/")]
    path: String,
}

#[derive(Debug, Serialize)]
struct Answer {
    path: String,
    id: u32,
    links: u32,
    attributes: u32,
    size: u64,
    created: String,
    written: String,
    changed: String,
    accessed: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linux: Option<Linux>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<Security>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reparse: Option<Reparse>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    eas: Vec<Part>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    streams: Vec<Part>,
    /// The version of the image, where support for it is experimental.
    #[serde(skip_serializing_if = "Option::is_none")]
    experimental: Option<String>,
    /// What keeps the file from being read.
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
}

#[derive(Debug, Serialize)]
struct Linux {
    uid: Option<u32>,
    gid: Option<u32>,
    mode: Option<u32>,
    device: Option<(u32, u32)>,
}

#[derive(Debug, Serialize)]
struct Security {
    owner: Option<String>,
    group: Option<String>,
    size: usize,
}

#[derive(Debug, Serialize)]
struct Reparse {
    tag: u32,
    size: usize,
}

/// An EA or an alternate stream.
#[derive(Debug, Serialize)]
struct Part {
    name: String,
    size: u64,
}

impl Args {
    pub(super) fn run(&self, ui: &Ui) -> Result {
        let image = pulled::open(&self.image)?;
        let (path, file) = find(&image, &self.path)?;
        let answer = describe(&image, &file, shown(&path))?;
        ui.answer(&answer, |out| print(out, &answer))?;
        Ok(Exit::Success)
    }
}

fn describe(image: &Image, file: &File, path: String) -> Result<Answer> {
    let experimental = image.is_experimental().then(|| image.version().to_string());
    if let Some(feature) = file.unknown {
        let unknown = Some(feature.to_string());
        return Ok(Answer { experimental, unknown, ..bare(image, file, path)? });
    }
    let list = image.eas(file)?;
    let mut eas = Vec::new();
    for ea in EaList::parse(list)?.iter() {
        eas.push(Part { name: ea_name(&ea), size: u64::try_from(ea.value.len())? });
    }
    let mut streams = Vec::new();
    for entry in image.list_streams(file)? {
        let (name, stream) = entry?;
        streams.push(Part { name: show(name.units()), size: stream.len.get() });
    }
    let linux = LinuxMetadata::read(list).ok().filter(LinuxMetadata::is_present);
    let data = (!file.is_directory() && !file.data.offset.is_null()).then(|| file.data.offset.to_string());
    Ok(Answer {
        data,
        linux: linux.map(|LinuxMetadata { uid, gid, mode, device }| {
            let device = device.map(|device| (device.major, device.minor));
            Linux { uid, gid, mode, device }
        }),
        security: image.security(file)?.map(security),
        reparse: image.reparse(file)?.map(|bytes| Reparse { tag: file.reparse_tag, size: bytes.len() }),
        eas,
        streams,
        experimental,
        ..bare(image, file, path)?
    })
}

/// Returns the name of an EA; where that is only a number, with the name of the extended attribute that it holds.
fn ea_name(ea: &Ea<'_>) -> String {
    let name = String::from_utf8_lossy(ea.name);
    match wsl::xattr(ea) {
        Some((xattr, _)) if ea.name.starts_with(wsl::EXACT_PREFIX) => {
            format!("{name} ({})", String::from_utf8_lossy(&xattr))
        }
        _ => name.into_owned(),
    }
}

/// Describes a file by its record alone.
fn bare(image: &Image, file: &File, path: String) -> Result<Answer> {
    Ok(Answer {
        path,
        id: file.id.raw(),
        links: if file.is_directory() { 1 } else { image.links()?.count(file.id) },
        attributes: file.attributes().bits(),
        size: file.size(),
        created: timestamp(file.creation_time),
        written: timestamp(file.last_write_time),
        changed: timestamp(file.change_time),
        accessed: timestamp(file.last_access_time),
        data: None,
        linux: None,
        security: None,
        reparse: None,
        eas: Vec::new(),
        streams: Vec::new(),
        experimental: None,
        unknown: None,
    })
}

fn security(bytes: &[u8]) -> Security {
    let parsed = Descriptor::parse(bytes).ok();
    let owner = parsed.as_ref().and_then(|parsed| parsed.owner()).map(|sid| sid.to_string());
    let group = parsed.as_ref().and_then(|parsed| parsed.group()).map(|sid| sid.to_string());
    Security { owner, group, size: bytes.len() }
}

fn print(out: &mut Out, answer: &Answer) -> io::Result<()> {
    let mut field = |name: &str, value: String| writeln!(out, "{name:>10}: {}", on_one_line(value));
    field("path", answer.path.clone())?;
    field("file id", format!("{}, {}", answer.id, text::count(answer.links.into(), "name", "names")))?;
    let words = text::words(Attributes::from_bits_retain(answer.attributes));
    field("attributes", format!("{:#x} ({words})", answer.attributes))?;
    field("size", format!("{} ({})", answer.size, text::size(answer.size)))?;
    field("created", answer.created.clone())?;
    field("written", answer.written.clone())?;
    field("changed", answer.changed.clone())?;
    field("accessed", answer.accessed.clone())?;
    if let Some(data) = &answer.data {
        field("data", format!("at {data}"))?;
    }
    if let Some(Linux { uid, gid, mode, device }) = &answer.linux {
        let number =
            |number: &Option<u32>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let mode = mode.map_or_else(|| "-".to_owned(), |mode| format!("{mode:06o}"));
        let device = device.map_or_else(String::new, |(major, minor)| format!(", device {major}:{minor}"));
        field("linux", format!("user {}, group {}, mode {mode}{device}", number(uid), number(gid)))?;
    }
    if let Some(Security { owner, group, size }) = &answer.security {
        let who = |sid: &Option<String>| sid.clone().unwrap_or_else(|| "none".to_owned());
        let size = text::count(u64::try_from(*size).unwrap_or(u64::MAX), "byte", "bytes");
        field("security", format!("owner {}, group {}, {size}", who(owner), who(group)))?;
    }
    if let Some(Reparse { tag, size }) = &answer.reparse {
        let size = text::count(u64::try_from(*size).unwrap_or(u64::MAX), "byte", "bytes");
        field("reparse", format!("{}, {size}", tag_name(Tag(*tag))))?;
    }
    for (what, parts) in [("ea", &answer.eas), ("stream", &answer.streams)] {
        for Part { name, size } in parts {
            // Names of streams are escaped already, since JSON shows their lone surrogates alike.
            let name = if what == "ea" { Escaped(name).to_string() } else { name.clone() };
            field(what, format!("{name}, {}", text::count(*size, "byte", "bytes")))?;
        }
    }
    if let Some(feature) = &answer.unknown {
        field("unreadable", format!("{feature} is not known to this version"))?;
    }
    if let Some(version) = &answer.experimental {
        field("image", format!("version {version}, of which support is experimental"))?;
    }
    Ok(())
}

fn tag_name(tag: Tag) -> String {
    let name = match tag {
        Tag::MOUNT_POINT => "mount point",
        Tag::SYMLINK => "symbolic link",
        Tag::LX_SYMLINK => "symbolic link of Linux",
        Tag::AF_UNIX => "socket",
        Tag::LX_FIFO => "pipe",
        Tag::LX_CHR => "character device",
        Tag::LX_BLK => "block device",
        _ => "unknown",
    };
    format!("{:#010x} ({name})", tag.0)
}
