//! Names in the dump: escaped, or hashed where the dump is anonymous.
//!
//! The key of the hashes is a digest of all metadata of the image. So a dump of the same image is the same each time, a name
//! has one hash in it, and guessed names can only be tried by who has the image.

use super::fields::{count, dump};
use super::space::Space;

/// The longest name of the format, in UTF-16 units. More of a damaged one is not shown.
const MAX_UNITS: usize = 255;

/// EAs that Windows and WSL write, whose names tell nothing of an image's owner. A longer name may begin with one.
const SYSTEM_EAS: [&[u8]; 7] = [b"$KERNEL.", b"$CI.", b"$LXUID", b"$LXGID", b"$LXMOD", b"$LXDEV", b"$EFS"];

/// Regions of this type hold metadata.
const METADATA: u8 = 0;

/// Printable units in a row that count as text.
const TEXT: usize = 3;

/// How names are shown.
#[derive(Debug)]
pub(super) struct Names {
    /// `None` where they are shown as they are.
    key: Option<[u8; blake3::KEY_LEN]>,
}

impl Names {
    pub(super) fn new(anonymous: bool, image: &[u8], space: &Space) -> Self {
        if !anonymous {
            return Self { key: None };
        }
        let mut hasher = blake3::Hasher::new_derive_key("cimsnap anatomy, names");
        hasher.update(image);
        for file in space.files.iter().filter(|file| file.kind() == Some(METADATA)) {
            hasher.update(file.as_slice());
        }
        Self { key: Some(*hasher.finalize().as_bytes()) }
    }

    /// Returns whether names are hashed.
    pub(super) fn is_anonymous(&self) -> bool {
        self.key.is_some()
    }

    /// Shows a name of UTF-16 units.
    pub(super) fn name(&self, bytes: &[u8]) -> String {
        let units = bytes.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        match &self.key {
            Some(key) => hashed(key, bytes, bytes.len() / 2),
            None => quoted(
                char::decode_utf16(units.take(MAX_UNITS))
                    .map(|unit| unit.map_err(|lone| u32::from(lone.unpaired_surrogate()))),
                (bytes.len() / 2).saturating_sub(MAX_UNITS),
            ),
        }
    }

    /// Shows text.
    pub(super) fn text(&self, text: &str) -> String {
        self.bytes(text.as_bytes())
    }

    /// Shows a name of bytes, which may be UTF-8.
    pub(super) fn bytes(&self, bytes: &[u8]) -> String {
        match &self.key {
            Some(key) => hashed(key, bytes, bytes.len()),
            None => {
                let shown = &bytes[..bytes.len().min(MAX_UNITS * 4)];
                let text = String::from_utf8_lossy(shown);
                quoted(text.chars().map(Ok), bytes.len() - shown.len())
            }
        }
    }

    /// Shows the name of an EA. Those of the system are shown in any case.
    pub(super) fn ea(&self, name: &[u8]) -> String {
        if is_system_ea(name) {
            quoted(name.iter().map(|&byte| Ok(char::from(byte))), 0)
        } else {
            self.bytes(name)
        }
    }

    /// Shows a number that may identify a machine.
    pub(super) fn identity(&self, text: String) -> String {
        match &self.key {
            Some(key) => hashed(key, text.as_bytes(), text.len()),
            None => text,
        }
    }

    /// Shows bytes whose meaning is not known as hexadecimal digits. What looks like text is left out where names are hashed.
    pub(super) fn unknown(&self, bytes: &[u8]) -> String {
        if self.is_anonymous() { dump(&without_text(bytes)) } else { dump(bytes) }
    }
}

/// Returns whether an EA is one of those that the system writes, and whose name and value may be shown.
pub(super) fn is_system_ea(name: &[u8]) -> bool {
    let plain =
        name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"$._".contains(byte));
    plain
        && SYSTEM_EAS.iter().any(|known| match known.last() {
            Some(b'.') => name.starts_with(known),
            _ => name == *known,
        })
}

fn hashed(key: &[u8; blake3::KEY_LEN], bytes: &[u8], len: usize) -> String {
    let hash = blake3::keyed_hash(key, bytes).to_hex();
    format!("<{}:{}>", &hash[..12], count(len))
}

/// Puts characters in quotation marks and escapes all but printable ASCII; an `Err` is a unit that is no character.
fn quoted(chars: impl Iterator<Item = Result<char, u32>>, more: usize) -> String {
    let mut text = String::from("\"");
    for c in chars {
        match c {
            Ok(c @ ('"' | '\\')) => text.extend(['\\', c]),
            Ok(c @ ' '..='~') => text.push(c),
            Ok(c) => text.extend(c.escape_unicode()),
            Err(unit) => text.push_str(&format!("\\u{{{unit:x}}}")),
        }
    }
    text.push('"');
    if more > 0 {
        text.push_str(&format!("...+{more}"));
    }
    text
}

/// Overwrites what looks like text, of one byte or two to a character, with zeros.
fn without_text(bytes: &[u8]) -> Vec<u8> {
    let mut masked = bytes.to_vec();
    for width in [1, 2] {
        for start in 0..width {
            mask_runs(bytes, &mut masked, start, width);
        }
    }
    masked
}

fn mask_runs(bytes: &[u8], masked: &mut [u8], start: usize, width: usize) {
    let is_text = |unit: &[u8]| {
        matches!(unit, [b' '..=b'~'] | [b' '..=b'~', 0])
            || matches!(unit, [_, high] if (3..0xD8).contains(high))
    };
    let mut run = start;
    for at in (start..bytes.len()).step_by(width).chain([bytes.len()]) {
        let text = bytes.get(at..at + width).is_some_and(is_text);
        if text {
            continue;
        }
        if at.saturating_sub(run) >= TEXT * width {
            masked[run..at].fill(0);
        }
        run = at + width;
    }
}
