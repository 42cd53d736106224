//! The rows of the database.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::cim::{CimError, Guid, ImageName, files};
use crate::layer::digest::Digest;
use crate::layer::import::LayerOs;

/// What a snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Can be read, and not committed.
    View,
    /// Can be written.
    Active,
    /// Never changes again; the only kind that may have children.
    Committed,
}

/// A point in time, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Returns this moment.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Returns whole seconds since 1970, and the nanoseconds after them.
    pub fn parts(self) -> (i64, i32) {
        const SECOND: i64 = 1_000_000_000;
        let nanos = i32::try_from(self.0.rem_euclid(SECOND)).unwrap_or_default();
        (self.0.div_euclid(SECOND), nanos)
    }
}

/// How much a snapshot takes, without its parents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes on disk.
    pub bytes: u64,
    /// Files and directories.
    pub inodes: u64,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRow {
    /// Never given to another one. It names the directory of the snapshot.
    pub id: u64,
    /// What it is.
    pub kind: Kind,
    /// The key of its parent; empty if it has none.
    pub parent: String,
    /// When it became what it is.
    pub created: Timestamp,
    /// When its labels last changed.
    pub updated: Timestamp,
    /// What containerd keeps with it.
    pub labels: BTreeMap<String, String>,
    /// The layer that was converted for it. A snapshot that was filled otherwise has none until it is committed.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub layer: Option<Guid>,
    /// The namespace of containerd that applied the blob of `layer`, here or for another of its snapshots. `None` if a
    /// namespace got the layer without its blob, or if an earlier version wrote the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_by: Option<String>,
    /// The image that it is, or that was made ahead of its commit.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub image: Option<Digest>,
    /// What it takes, once it is committed.
    #[serde(default)]
    pub usage: Usage,
}

/// An image: a layer over its parents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRow {
    /// The image that it is forked on.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub parent: Option<Digest>,
    /// The layer.
    #[serde(with = "text")]
    pub layer: Guid,
    /// The region set of the image's own tree. The native engine names its files as it likes: its images have none.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub tree: Option<Guid>,
    /// The system that it is for.
    #[serde(with = "text")]
    pub os: LayerOs,
    /// Bytes of the image's own files.
    pub bytes: u64,
    /// The image's own files.
    #[serde(default)]
    pub files: Vec<FileRow>,
    /// How long it took.
    pub stages: Stages,
}

impl ImageRow {
    /// Returns whether the native engine wrote it.
    pub fn is_native(&self) -> bool {
        self.tree.is_none()
    }

    /// Names its own files: first the one that makes an image of them.
    pub fn file_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.files.iter().map(|file| file.name.clone()).collect();
        names.sort_by_key(|name| !name.ends_with(files::IMAGE));
        names
    }
}

/// A layer set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRow {
    /// The digest of the uncompressed layer.
    #[serde(with = "text")]
    pub diff_id: Digest,
    /// Bytes of the uncompressed layer.
    pub size: u64,
    /// The digest of the blob that was read.
    #[serde(with = "text")]
    pub blob: Digest,
    /// The system that it is for. A layer without entries fits any.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub os: Option<LayerOs>,
    /// Bytes of the files of the set.
    pub bytes: u64,
    /// The files of the set.
    #[serde(default)]
    pub files: Vec<FileRow>,
    /// Files and directories of the layer.
    pub inodes: u64,
    /// How long it took.
    pub stages: Stages,
}

/// A file in the containing directory, or in that of the native engine below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRow {
    /// Its name, with the directory below the containing one before it.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// The BLAKE3 digest of its bytes. It is taken when nobody waits any more, so it may be missing.
    #[serde(default, with = "text::option", skip_serializing_if = "Option::is_none")]
    pub digest: Option<blake3::Hash>,
}

/// How long the stages of making something took, in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stages(BTreeMap<String, u64>);

impl Stages {
    /// What stages there are, in the order in which they go on: those of a layer, those of an image.
    pub const NAMES: [&str; 9] =
        ["wait", "read", "inflate", "hash", "write", "convert", "sync", "fork", "mount"];

    /// Adds a stage.
    #[must_use]
    pub fn with(mut self, stage: &str, took: Duration) -> Self {
        self.0.insert(stage.to_owned(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        self
    }

    /// Returns all stages, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Duration)> {
        self.0.iter().map(|(stage, micros)| (stage.as_str(), Duration::from_micros(*micros)))
    }
}

/// Names the file of an image.
pub(crate) fn image_name(chain: &Digest) -> Result<ImageName, CimError> {
    ImageName::new(format!("sha256-{}{}", chain.hex(), files::IMAGE))
}

/// Writes values as text that they can be read from.
mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(value)
    }

    pub(super) fn deserialize<'d, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'d>,
    {
        String::deserialize(from)?.parse().map_err(Error::custom)
    }

    pub(super) mod option {
        use super::*;

        pub(in super::super) fn serialize<T: Display, S: Serializer>(
            value: &Option<T>,
            out: S,
        ) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => out.collect_str(value),
                None => out.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'d, T, D>(from: D) -> Result<Option<T>, D::Error>
        where
            T: FromStr<Err: Display>,
            D: Deserializer<'d>,
        {
            let text: Option<String> = Option::deserialize(from)?;
            text.map(|text| text.parse().map_err(Error::custom)).transpose()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_went() {
        let digest = Digest::of(b"x");
        let guid = Guid::from_content([7; 16]);
        let row = ImageRow {
            parent: Some(digest),
            layer: guid,
            tree: Some(guid),
            os: LayerOs::Windows,
            bytes: 5,
            files: vec![FileRow { name: "x.cim".into(), size: 5, digest: Some(blake3::hash(b"x")) }],
            stages: Stages::default().with("fork", Duration::from_millis(2)),
        };
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<ImageRow>(&text).unwrap(), row);
        let alone = ImageRow { parent: None, tree: None, ..row };
        assert!(alone.is_native());
        let text = serde_json::to_string(&alone).unwrap();
        assert_eq!(serde_json::from_str::<ImageRow>(&text).unwrap(), alone);
    }

    #[test]
    fn times_come_apart_into_seconds_and_the_rest() {
        assert_eq!(Timestamp(1_500_000_001).parts(), (1, 500_000_001));
        assert_eq!(Timestamp(-1).parts(), (-1, 999_999_999));
    }
}
