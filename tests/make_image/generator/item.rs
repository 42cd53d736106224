//! What an entry of a layer is, before it becomes bytes of a tar.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;

use super::random::Random;
use super::synthetic;

/// An entry, and the alternate streams that follow it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) path: Vec<u8>,
    pub(crate) kind: Kind,
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    /// Seconds and nanoseconds since 1970.
    pub(crate) modified: (u64, u32),
    /// PAX records.
    pub(crate) records: Vec<(String, Vec<u8>)>,
    pub(crate) streams: Vec<(String, Body)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    File(Body),
    Directory,
    Link(Vec<u8>),
    Symlink(Vec<u8>),
    Device { block: bool, major: u32, minor: u32 },
    Fifo,
}

impl Item {
    pub(crate) fn new(path: impl Into<Vec<u8>>, kind: Kind) -> Self {
        let mode = match kind {
            Kind::Directory => 0o755,
            Kind::Symlink(_) => 0o777,
            _ => 0o644,
        };
        let path = path.into();
        Self { path, kind, mode, owner: (0, 0), modified: (0, 0), records: Vec::new(), streams: Vec::new() }
    }

    pub(crate) fn record(&mut self, key: &str, value: impl Into<Vec<u8>>) {
        self.records.push((key.to_owned(), value.into()));
    }

    /// About how many bytes of a tar it takes.
    pub(crate) fn weight(&self) -> u64 {
        let body = if let Kind::File(body) = &self.kind { body.len() } else { 0 };
        let streams: u64 = self.streams.iter().map(|(_, body)| 512 + body.len().next_multiple_of(512)).sum();
        let records: usize = self.records.iter().map(|(key, value)| key.len() + value.len() + 8).sum();
        let records = if records == 0 { 0 } else { 512 + (records as u64).next_multiple_of(512) };
        512 + records + body.next_multiple_of(512) + streams
    }

    /// What a walk in the order of names sorts by: whiteouts come right behind their directory.
    pub(crate) fn order(&self) -> Vec<(bool, &[u8])> {
        let names = self.path.split(|&byte| byte == b'/');
        names.map(|name| (!name.starts_with(b".wh."), name)).collect()
    }
}

/// The data of a file. It is read or made only when it is written.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Bytes(Vec<u8>),
    /// A file of this machine.
    File {
        path: PathBuf,
        len: u64,
    },
    /// An update of another file: some blocks have moved, and something was put in.
    Changed {
        old: Box<Body>,
        seed: u64,
    },
    /// A PE file of our own.
    Pe {
        len: u64,
        seed: u64,
    },
    /// Lines of words.
    Text {
        len: u64,
        seed: u64,
    },
}

const BLOCK: usize = 4096;
const INSERTED: usize = 64;

impl Body {
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { len, .. } | Self::Pe { len, .. } | Self::Text { len, .. } => *len,
            Self::Changed { old, .. } => old.len() + INSERTED as u64,
        }
    }

    pub(crate) fn changed(&self, seed: u64) -> Self {
        Self::Changed { old: Box::new(self.clone()), seed }
    }

    pub(crate) fn open(&self) -> io::Result<Box<dyn Read>> {
        Ok(match self {
            Self::File { path, len } => Box::new(File::open(path)?.take(*len)),
            other => Box::new(Cursor::new(other.bytes()?)),
        })
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self {
            Self::Bytes(bytes) => return Ok(bytes.clone()),
            Self::Pe { len, seed } => return Ok(synthetic::pe(*len as usize, *seed)),
            Self::Text { len, seed } => return Ok(synthetic::text(*len as usize, *seed)),
            Self::File { .. } => self.open()?.read_to_end(&mut bytes)?,
            Self::Changed { old, seed } => return Ok(updated(old.bytes()?, *seed)),
        };
        Ok(bytes)
    }
}

/// Swaps one in sixteen blocks with another one, and inserts some bytes.
fn updated(mut bytes: Vec<u8>, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let blocks = bytes.len() / BLOCK;
    for _ in 0..blocks / 16 {
        let (one, two) = (random.index(blocks) * BLOCK, random.index(blocks) * BLOCK);
        (0..BLOCK).for_each(|offset| bytes.swap(one + offset, two + offset));
    }
    let at = random.index(bytes.len() + 1);
    bytes.splice(at..at, random.bytes(INSERTED));
    bytes
}
