//! Snapshots that exist to be filled with one layer.

use super::model::REFERENCE;
use super::{Labels, Mount, SnapshotError, Snapshots};
use crate::layer::digest::Digest;
use crate::store::{Kind, Look, SnapshotRow};

/// What containerd calls the snapshots that it unpacks layers into: this, something random, a space and the chain.
const PREFIX: &str = "extract-";

/// A snapshot that waits for its layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// Its key.
    pub key: String,
    /// Its row, as it was when it was found.
    pub row: SnapshotRow,
    /// The namespace of containerd whose blob it is filled from, if that is known.
    pub namespace: Option<String>,
}

/// Returns whether a snapshot is made to be filled with a layer and committed.
pub(super) fn is_extraction(key: &str, labels: &Labels) -> bool {
    labels.contains_key(REFERENCE) || {
        let name = key.splitn(3, '/').last().unwrap_or(key);
        name.starts_with(PREFIX) && name.contains(' ')
    }
}

/// Returns the chain that a snapshot is to become: its label says so, or else its key.
pub(super) fn chain_to_be(key: &str, labels: &Labels) -> Option<Digest> {
    let told = labels.get(REFERENCE).map(String::as_str);
    told.or_else(|| key.rsplit_once(' ').map(|(_, chain)| chain))?.parse().ok()
}

impl Snapshots {
    /// Finds the snapshot that mounts lead to, if they are what [`Snapshots::mounts`] gave for one that waits for its
    /// layer.
    pub fn extraction(
        &self,
        mounts: &[Mount],
        namespace: Option<&str>,
    ) -> Result<Option<Extraction>, SnapshotError> {
        let namespace = namespace.map(str::to_owned);
        let Some(id) = self.snapshot_id(mounts) else { return Ok(None) };
        self.store.read(|reader| {
            let Some(key) = reader.key_of(id)? else { return Ok(None) };
            let found = reader.snapshot(&key)?.filter(|row| row.kind == Kind::Active);
            let found = found.filter(|row| is_extraction(&key, &row.labels));
            Ok(found.map(|row| Extraction { key, row, namespace }))
        })
    }

    /// Returns the snapshot whose directory is written through the mounts.
    pub(super) fn snapshot_id(&self, mounts: &[Mount]) -> Option<u64> {
        let [mount] = mounts else { return None };
        self.shown.snapshot_of(self.store.root(), mount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_the_unpacker_are_extractions() {
        let none = Labels::new();
        assert!(is_extraction("extract-1234-AbCd sha256:00", &none));
        assert!(is_extraction("default/12/extract-1234-AbCd sha256:00", &none));
        assert!(!is_extraction("default/12/extractor", &none));
        assert!(!is_extraction("extract-only", &none));
        assert!(!is_extraction("default/12/my extract-1 x", &none));
        let labelled = Labels::from([(REFERENCE.into(), "sha256:00".into())]);
        assert!(is_extraction("anything", &labelled));
    }

    #[test]
    fn the_chain_is_that_of_the_label_or_of_the_key() {
        let none = Labels::new();
        let chain = Digest::of(b"chain");
        assert_eq!(chain_to_be(&format!("extract-1-AbCd {chain}"), &none), Some(chain));
        assert_eq!(chain_to_be(&format!("default/12/extract-1-AbCd {chain}"), &none), Some(chain));
        for key in [format!("extract-1-{chain}"), format!("extract-1 {chain} more"), "container".to_owned()] {
            assert_eq!(chain_to_be(&key, &none), None, "{key}");
        }
        let other = Digest::of(b"other");
        let labelled = Labels::from([(REFERENCE.into(), other.to_string())]);
        assert_eq!(chain_to_be(&format!("extract-1 {chain}"), &labelled), Some(other));
    }
}
