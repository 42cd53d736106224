//! Which compression a blob has: told by its first bytes, checked against its media type.

use std::fmt;
use std::str::FromStr;

use super::error::{Reason, StreamError};

/// How a layer blob is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// A plain tar stream.
    Tar,
    /// One or many gzip members.
    Gzip,
    /// One or many zstd frames, skippable ones among them.
    Zstd,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tar => "uncompressed tar",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        })
    }
}

/// The first two bytes of each gzip member.
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How much of a blob [`detect`] looks at: one tar block.
pub(super) const HEAD_LEN: usize = 512;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Skippable frames have any low half in their first byte.
const SKIPPABLE_MAGIC: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];
const USTAR_OFFSET: usize = 257;

/// Whether `start` starts a zstd frame or a skippable frame. `None` while there are too few bytes to say.
pub(super) fn starts_zstd_frame(start: &[u8]) -> Option<bool> {
    let plain = start.iter().zip(ZSTD_MAGIC).all(|(found, wanted)| *found == wanted);
    let masks = [0xf0, 0xff, 0xff, 0xff];
    let skippable =
        start.iter().zip(masks).zip(SKIPPABLE_MAGIC).all(|((found, mask), wanted)| found & mask == wanted);
    match (plain || skippable, start.len() >= ZSTD_MAGIC.len()) {
        (false, _) => Some(false),
        (true, true) => Some(true),
        (true, false) => None,
    }
}

/// Tells the format from the first [`HEAD_LEN`] bytes of a blob, or from all of a shorter one.
///
/// The magic of a compressed stream wins over a tar header, as in containerd. A blob that is empty or starts with a
/// block of zeros is a tar stream without entries.
pub(super) fn detect(head: &[u8]) -> Option<Format> {
    let head = head.get(..HEAD_LEN).unwrap_or(head);
    if head.starts_with(&GZIP_MAGIC) {
        return Some(Format::Gzip);
    }
    if starts_zstd_frame(head) == Some(true) {
        return Some(Format::Zstd);
    }
    let ustar = head.get(USTAR_OFFSET..).is_some_and(|tail| tail.starts_with(b"ustar"));
    (ustar || head.iter().all(|byte| *byte == 0)).then_some(Format::Tar)
}

/// Tells the format and checks that the media type, if there is one, says the same.
pub(super) fn choose(head: &[u8], media_type: Option<&MediaType>) -> Result<Format, StreamError> {
    let found = detect(head);
    if let Some(media_type) = media_type
        && let Some(says) = media_type.format
        && found != Some(says)
    {
        let found = match found {
            Some(Format::Tar) if head.is_empty() => "empty",
            Some(Format::Tar) => "uncompressed tar",
            Some(Format::Gzip) => "gzip",
            Some(Format::Zstd) => "zstd",
            None => "neither gzip, zstd nor tar",
        };
        return Err(Reason::MediaTypeMismatch { media_type: media_type.text.clone(), says, found }.into());
    }
    found.ok_or_else(|| {
        let head = head.iter().take(4).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
        Reason::UnknownFormat { head }.into()
    })
}

/// The media type of a layer.
///
/// The OCI types say exactly how the content is compressed, and so do Docker's with a suffix. Docker's plain
/// `rootfs.diff.tar` does not: builders have pushed compressed layers under it for years and containerd lets the
/// content decide, so this does too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    text: String,
    format: Option<Format>,
}

const OCI_BASES: [&str; 2] =
    ["application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar"];
const DOCKER_BASES: [&str; 2] =
    ["application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar"];
/// Longest text quoted in an error; it comes from a registry.
const QUOTED: usize = 128;

impl MediaType {
    /// Returns the text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the format that the media type names; `None` when it leaves that to the content.
    pub fn format(&self) -> Option<Format> {
        self.format
    }
}

impl FromStr for MediaType {
    type Err = StreamError;

    fn from_str(text: &str) -> Result<Self, StreamError> {
        let suffix = |bases: [&str; 2]| bases.iter().find_map(|base| text.strip_prefix(base));
        let format = match (suffix(OCI_BASES), suffix(DOCKER_BASES)) {
            (Some(""), _) => Some(Format::Tar),
            (Some("+gzip"), _) | (_, Some(".gzip")) => Some(Format::Gzip),
            (Some("+zstd"), _) | (_, Some(".zstd")) => Some(Format::Zstd),
            (_, Some("")) => None,
            _ => {
                let text = text.chars().take(QUOTED).collect();
                return Err(Reason::UnknownMediaType { text }.into());
            }
        };
        Ok(Self { text: text.to_owned(), format })
    }
}

#[cfg(test)]
#[path = "format/tests.rs"]
mod tests;
