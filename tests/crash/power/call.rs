//! System calls, as strace writes them with `-y` and `-xx`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// A call that succeeded.
pub(super) struct Call<'l> {
    pub(super) name: &'l str,
    pub(super) arguments: Vec<&'l str>,
    pub(super) result: &'l str,
}

impl<'l> Call<'l> {
    pub(super) fn parse(line: &'l str) -> Option<Self> {
        let (name, rest) = line.split_once('(')?;
        let (arguments, result) = rest.rsplit_once(" = ")?;
        let arguments = arguments.trim_end().strip_suffix(')')?.split(", ").collect();
        (!result.starts_with('-')).then_some(Self { name, arguments, result })
    }

    pub(super) fn path(&self, at: usize) -> PathBuf {
        path(self.arguments[at])
    }

    /// Returns the path that stands in two arguments, the first of which is its directory.
    pub(super) fn path_in(&self, at: usize) -> PathBuf {
        opened(self.arguments[at]).unwrap().join(self.path(at + 1))
    }

    pub(super) fn number(&self, at: usize) -> usize {
        self.arguments[at].parse().unwrap()
    }

    pub(super) fn mode(&self, at: usize) -> u32 {
        u32::from_str_radix(self.arguments[at], 8).unwrap()
    }
}

pub(super) fn path(argument: &str) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes(argument)))
}

/// Returns the path of a descriptor, which stands behind its number. A file without a name has none.
pub(super) fn opened(argument: &str) -> Option<PathBuf> {
    let (path, rest) = argument.split_once('<')?.1.rsplit_once('>')?;
    rest.is_empty().then(|| PathBuf::from(OsString::from_vec(unescape(path))))
}

/// Returns what stands in quotation marks.
pub(super) fn bytes(argument: &str) -> Vec<u8> {
    let text = argument.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    unescape(text.unwrap_or_else(|| panic!("{argument:.80} is not a whole string")))
}

fn unescape(text: &str) -> Vec<u8> {
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
    let mut left = text.as_bytes();
    let mut bytes = Vec::with_capacity(left.len() / 4);
    while let Some((first, rest)) = left.split_first() {
        (left, bytes) = match (first, rest) {
            (b'\\', [b'x', high, low, rest @ ..]) => (rest, with(bytes, digit(*high) << 4 | digit(*low))),
            _ => (rest, with(bytes, *first)),
        };
    }
    bytes
}

fn with(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}
