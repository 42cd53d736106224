//! Looking at the database.

use redb::{MultimapTableDefinition, ReadTransaction, ReadableMultimapTable, ReadableTable, TableDefinition};
use serde::de::DeserializeOwned;

use super::tables::{
    BLOBS, CHILDREN, IMAGE_USERS, IMAGES, KEPT, KEYS, LAYER_IMAGES, LAYER_USERS, LAYERS, SNAPSHOTS,
};
use super::{ImageRow, LayerRow, SnapshotRow, StoreError};
use crate::cim::Guid;
use crate::layer::digest::Digest;

/// One state of the database.
#[derive(Debug)]
pub struct Reader {
    transaction: ReadTransaction,
}

impl Reader {
    pub(super) fn new(transaction: ReadTransaction) -> Self {
        Self { transaction }
    }
}

/// A table of rows.
pub(super) type Rows = TableDefinition<'static, &'static str, &'static [u8]>;
/// Takes rows with their keys.
pub(super) type Visit<'v> = dyn FnMut(&str, &[u8]) -> Result<(), StoreError> + 'v;
/// A table of keys by other keys.
pub(super) type Index = MultimapTableDefinition<'static, &'static str, &'static str>;

/// What tables hold, in a state of its own or within a change. Not to be named outside of the store.
pub trait Tables {
    /// Returns the row of a key.
    fn row(&self, table: Rows, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Hands all rows to `visit`, in the order of their keys.
    fn each(&self, table: Rows, visit: &mut Visit<'_>) -> Result<(), StoreError>;

    /// Returns the first keys.
    fn keys(&self, table: Rows, most: usize) -> Result<Vec<String>, StoreError>;

    /// Returns what an index has for a key.
    fn entries(&self, index: Index, key: &str) -> Result<Vec<String>, StoreError>;

    /// Returns the set of a blob.
    fn set_of_blob(&self, blob: &str) -> Result<Option<String>, StoreError>;

    /// Returns the key of an id.
    fn key_by_id(&self, id: u64) -> Result<Option<String>, StoreError>;
}

/// The tables of both kinds of transaction have the same methods, and no trait in common that opens them.
macro_rules! tables {
    ($transaction:ty) => {
        impl Tables for $transaction {
            fn row(&self, table: Rows, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
                Ok(self.transaction.open_table(table)?.get(key)?.map(|row| row.value().to_vec()))
            }

            fn each(&self, table: Rows, visit: &mut Visit<'_>) -> Result<(), StoreError> {
                each_row(&self.transaction.open_table(table)?, visit)
            }

            fn keys(&self, table: Rows, most: usize) -> Result<Vec<String>, StoreError> {
                let table = self.transaction.open_table(table)?;
                table.iter()?.take(most).map(|row| Ok(row?.0.value().to_owned())).collect()
            }

            fn entries(&self, index: Index, key: &str) -> Result<Vec<String>, StoreError> {
                entries_of(&self.transaction.open_multimap_table(index)?, key)
            }

            fn set_of_blob(&self, blob: &str) -> Result<Option<String>, StoreError> {
                Ok(self.transaction.open_table(BLOBS)?.get(blob)?.map(|set| set.value().to_owned()))
            }

            fn key_by_id(&self, id: u64) -> Result<Option<String>, StoreError> {
                Ok(self.transaction.open_table(KEYS)?.get(id)?.map(|key| key.value().to_owned()))
            }
        }
    };
}

tables!(Reader);
tables!(super::Writer);

fn each_row(
    table: &impl ReadableTable<&'static str, &'static [u8]>,
    visit: &mut Visit<'_>,
) -> Result<(), StoreError> {
    for entry in table.iter()? {
        let (key, row) = entry?;
        visit(key.value(), row.value())?;
    }
    Ok(())
}

fn entries_of(
    index: &impl ReadableMultimapTable<&'static str, &'static str>,
    key: &str,
) -> Result<Vec<String>, StoreError> {
    index.get(key)?.map(|entry| Ok(entry?.value().to_owned())).collect()
}

fn parse<T: DeserializeOwned>(key: &str, row: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(row).map_err(|source| StoreError::Row { key: key.to_owned(), source })
}

/// Every way to look at a state, or at what a change has made of it so far.
pub trait Look: Tables {
    /// Returns a snapshot.
    fn snapshot(&self, key: &str) -> Result<Option<SnapshotRow>, StoreError> {
        self.row(SNAPSHOTS, key)?.map(|row| parse(key, &row)).transpose()
    }

    /// Returns all snapshots with their keys, in the order of these.
    fn snapshots(&self) -> Result<Vec<(String, SnapshotRow)>, StoreError> {
        let mut all = Vec::new();
        self.each(SNAPSHOTS, &mut |key, row| {
            all.push((key.to_owned(), parse(key, row)?));
            Ok(())
        })?;
        Ok(all)
    }

    /// Returns the keys of the children of a snapshot.
    fn children(&self, key: &str) -> Result<Vec<String>, StoreError> {
        self.entries(CHILDREN, key)
    }

    /// Returns an image.
    fn image(&self, chain: &Digest) -> Result<Option<ImageRow>, StoreError> {
        let key = chain.to_string();
        self.row(IMAGES, &key)?.map(|row| parse(&key, &row)).transpose()
    }

    /// Returns all images.
    fn images(&self) -> Result<Vec<(Digest, ImageRow)>, StoreError> {
        let mut all = Vec::new();
        self.each(IMAGES, &mut |key, row| {
            // Keys are digests, since only this module writes them.
            all.extend(key.parse().ok().zip(parse(key, row)?));
            Ok(())
        })?;
        Ok(all)
    }

    /// Returns the keys of the snapshots whose image this is.
    fn image_users(&self, chain: &Digest) -> Result<Vec<String>, StoreError> {
        self.entries(IMAGE_USERS, &chain.to_string())
    }

    /// Returns a layer.
    fn layer(&self, set: Guid) -> Result<Option<LayerRow>, StoreError> {
        let key = set.to_string();
        self.row(LAYERS, &key)?.map(|row| parse(&key, &row)).transpose()
    }

    /// Returns all layers.
    fn layers(&self) -> Result<Vec<(Guid, LayerRow)>, StoreError> {
        let mut all = Vec::new();
        self.each(LAYERS, &mut |key, row| {
            all.extend(key.parse().ok().zip(parse(key, row)?));
            Ok(())
        })?;
        Ok(all)
    }

    /// Returns the keys of the snapshots that a layer was converted for, and that are not committed yet.
    fn layer_users(&self, set: Guid) -> Result<Vec<String>, StoreError> {
        self.entries(LAYER_USERS, &set.to_string())
    }

    /// Returns whether an image is made of a layer.
    fn layer_has_images(&self, set: Guid) -> Result<bool, StoreError> {
        Ok(!self.entries(LAYER_IMAGES, &set.to_string())?.is_empty())
    }

    /// Returns whether a namespace has a snapshot of a layer whose blob it applied.
    fn has_applied(&self, namespace: &str, set: Guid) -> Result<bool, StoreError> {
        let applied = |key: &String| {
            let row = self.snapshot(key)?;
            let of = row.filter(|row| row.layer == Some(set)).and_then(|row| row.applied_by);
            Ok::<_, StoreError>(of.as_deref() == Some(namespace))
        };
        for key in self.layer_users(set)? {
            if applied(&key)? {
                return Ok(true);
            }
        }
        for chain in self.entries(LAYER_IMAGES, &set.to_string())? {
            for key in self.entries(IMAGE_USERS, &chain)? {
                if applied(&key)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Returns the layer that a blob turned out to be.
    fn layer_of_blob(&self, blob: &Digest) -> Result<Option<(Guid, LayerRow)>, StoreError> {
        let set = self.set_of_blob(&blob.to_string())?;
        let Some(set) = set.and_then(|set| set.parse().ok()) else { return Ok(None) };
        Ok(self.layer(set)?.map(|row| (set, row)))
    }

    /// Names the files that are kept until they are on the disk.
    fn kept_names(&self) -> Result<Vec<String>, StoreError> {
        self.keys(KEPT, usize::MAX)
    }

    /// Names some of them, and no more than `most`.
    fn some_kept_names(&self, most: usize) -> Result<Vec<String>, StoreError> {
        self.keys(KEPT, most)
    }

    /// Hands what is in them to `visit`.
    fn each_kept(&self, visit: &mut Visit<'_>) -> Result<(), StoreError> {
        self.each(KEPT, visit)
    }

    /// Returns the key of the snapshot with an id.
    fn key_of(&self, id: u64) -> Result<Option<String>, StoreError> {
        self.key_by_id(id)
    }
}

impl Look for Reader {}
impl Look for super::Writer {}
