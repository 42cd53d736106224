//! Where an image comes from, as people name it.

use std::path::PathBuf;
use std::str::FromStr;

use cimsnap::registry::{Archive, BadReference, Layout, Reference, RegistryError, Source};
use thiserror::Error;

/// An image in a file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    kind: Kind,
    path: PathBuf,
    tag: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Layout,
    Archive,
}

/// An image in a file, in a directory, or of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Local(Local),
    Registry(Reference),
}

/// A text that names no place of images.
#[derive(Debug, Error)]
pub(crate) enum BadOrigin {
    #[error("want oci: and the directory of an OCI layout, or docker-archive: and a file")]
    Local,
    #[error(transparent)]
    Reference(#[from] BadReference),
}

const KINDS: [(&str, Kind); 2] = [("oci:", Kind::Layout), ("docker-archive:", Kind::Archive)];

impl Local {
    pub(crate) fn open(&self) -> Result<Box<dyn Source>, RegistryError> {
        Ok(match self.kind {
            Kind::Layout => Box::new(Layout::open(&self.path)?),
            Kind::Archive => Box::new(Archive::open(&self.path)?),
        })
    }

    pub(crate) fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    fn parse(text: &str) -> Option<Self> {
        let found = KINDS.iter().find_map(|&(prefix, kind)| Some((kind, text.strip_prefix(prefix)?)));
        let (kind, rest) = found?;
        // The colon of a drive is none before a tag.
        let drive =
            matches!(rest.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
        let from = if drive { 2 } else { 0 };
        let (path, tag) = match rest[from..].find(':').map(|at| from + at) {
            Some(at) => (&rest[..at], Some(rest[at + 1..].to_owned())),
            None => (rest, None),
        };
        let empty = path.is_empty() || tag.as_deref() == Some("");
        (!empty).then(|| Self { kind, path: path.into(), tag })
    }
}

impl FromStr for Local {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        Self::parse(text).ok_or(BadOrigin::Local)
    }
}

impl FromStr for Origin {
    type Err = BadOrigin;

    fn from_str(text: &str) -> Result<Self, BadOrigin> {
        match KINDS.iter().any(|(prefix, _)| text.starts_with(prefix)) {
            true => text.parse().map(Self::Local),
            false => Ok(Self::Registry(text.parse()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_follows_the_first_colon_but_that_of_a_drive() {
        let parsed = |text: &str| {
            let local: Local = text.parse().unwrap();
            (local.path.to_str().unwrap().to_owned(), local.tag.unwrap_or_default())
        };
        let pair = |directory: &str, tag: &str| (directory.to_owned(), tag.to_owned());
        assert_eq!(parsed("oci:a/b"), pair("a/b", ""));
        assert_eq!(parsed("oci:a/b:1.0"), pair("a/b", "1.0"));
        assert_eq!(parsed("oci:a:docker.io/library/x:1"), pair("a", "docker.io/library/x:1"));
        assert_eq!(parsed("oci:C:\\a"), pair("C:\\a", ""));
        assert_eq!(parsed("oci:C:\\a:1"), pair("C:\\a", "1"));
        assert_eq!(parsed("docker-archive:a.tar:x:1"), pair("a.tar", "x:1"));
        for bad in ["a", "oci:", "oci::tag", "oci:a:", "docker:a", "docker-archive:"] {
            assert!(bad.parse::<Local>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_file_is_of_a_registry() {
        assert!(matches!("oci:a".parse(), Ok(Origin::Local(_))));
        assert!(matches!("debian:12".parse(), Ok(Origin::Registry(_))));
        for bad in ["oci:", "docker-archive:", "Debian"] {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
