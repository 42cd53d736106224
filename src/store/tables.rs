//! The tables of the database, and how one schema becomes the next.

use redb::{Database, MultimapTableDefinition, ReadableDatabase, ReadableTable, TableDefinition};

use super::StoreError;

/// Snapshots by key.
pub(super) const SNAPSHOTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("snapshots");
/// Keys of snapshots by id.
pub(super) const KEYS: TableDefinition<'_, u64, &str> = TableDefinition::new("keys");
/// Keys of snapshots by the key of their parent.
pub(super) const CHILDREN: MultimapTableDefinition<'_, &str, &str> = MultimapTableDefinition::new("children");
/// Images by chain.
pub(super) const IMAGES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("images");
/// Keys of snapshots by the chain of their image.
pub(super) const IMAGE_USERS: MultimapTableDefinition<'_, &str, &str> =
    MultimapTableDefinition::new("image_users");
/// Keys of snapshots by the set of the layer that was converted for them.
pub(super) const LAYER_USERS: MultimapTableDefinition<'_, &str, &str> =
    MultimapTableDefinition::new("layer_users");
/// Chains of images by the set of their layer.
pub(super) const LAYER_IMAGES: MultimapTableDefinition<'_, &str, &str> =
    MultimapTableDefinition::new("layer_images");
/// Layers by the id of their set.
pub(super) const LAYERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("layers");
/// Sets of layers by the digest of a blob that turned out to be the layer.
pub(super) const BLOBS: TableDefinition<'_, &str, &str> = TableDefinition::new("blobs");
/// What is in files that may not be on the disk yet, by their names.
pub(super) const KEPT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("kept");
/// Numbers.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");

/// The schema, in [`META`].
const SCHEMA: &str = "schema";
/// The last id that may have been given to a snapshot, in [`META`].
const LAST_ID: &str = "last_id";

/// Whether rows were ever written without waiting for the files that they tell of, in [`META`].
const HASTE: &str = "haste";

/// How many ids are set aside for a run: more than it can use.
const IDS_OF_A_RUN: u64 = 1 << 32;

/// The schema that this version writes. The first had no [`KEPT`].
const CURRENT: u64 = 2;

/// Makes all tables, and brings those of earlier versions up to date.
pub(super) fn prepare(database: &Database) -> Result<(), StoreError> {
    let transaction = database.begin_write()?;
    let found = transaction.open_table(META)?.get(SCHEMA)?.map(|value| value.value());
    match found {
        Some(CURRENT) => return Ok(()),
        Some(found) if found > CURRENT => return Err(StoreError::Newer { found, known: CURRENT }),
        _ => {}
    }
    transaction.open_table(META)?.insert(SCHEMA, CURRENT)?;
    transaction.open_table(SNAPSHOTS)?;
    transaction.open_table(KEYS)?;
    transaction.open_multimap_table(CHILDREN)?;
    transaction.open_table(IMAGES)?;
    transaction.open_multimap_table(IMAGE_USERS)?;
    transaction.open_multimap_table(LAYER_USERS)?;
    transaction.open_multimap_table(LAYER_IMAGES)?;
    transaction.open_table(LAYERS)?;
    transaction.open_table(BLOBS)?;
    transaction.open_table(KEPT)?;
    transaction.commit()?;
    Ok(())
}

/// Sets ids aside for a run, and returns the last one before them. No later run has any of them, whatever is undone or
/// lost: containerd may go on naming the directory of a snapshot that did not come to be.
pub(super) fn set_ids_aside(database: &Database) -> Result<u64, StoreError> {
    let transaction = database.begin_write()?;
    let mut numbers = transaction.open_table(META)?;
    let last = numbers.get(LAST_ID)?.map_or(0, |value| value.value());
    numbers.insert(LAST_ID, last.saturating_add(IDS_OF_A_RUN))?;
    drop(numbers);
    transaction.commit()?;
    Ok(last)
}

/// Returns whether haste was ever noted.
pub(super) fn was_hasty(database: &Database) -> Result<bool, StoreError> {
    Ok(database.begin_read()?.open_table(META)?.get(HASTE)?.is_some())
}

/// Notes haste, once and for all.
pub(super) fn note_haste(database: &Database) -> Result<(), StoreError> {
    if !was_hasty(database)? {
        let transaction = database.begin_write()?;
        transaction.open_table(META)?.insert(HASTE, 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_the_first_schema_gets_what_it_lacks() {
        let database =
            Database::builder().create_with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        prepare(&database).unwrap();
        let transaction = database.begin_write().unwrap();
        assert!(transaction.delete_table(KEPT).unwrap());
        transaction.open_table(META).unwrap().insert(SCHEMA, 1).unwrap();
        transaction.open_table(BLOBS).unwrap().insert("blob", "set").unwrap();
        transaction.commit().unwrap();
        prepare(&database).unwrap();
        let transaction = database.begin_read().unwrap();
        transaction.open_table(KEPT).unwrap();
        assert_eq!(transaction.open_table(META).unwrap().get(SCHEMA).unwrap().unwrap().value(), CURRENT);
        assert_eq!(transaction.open_table(BLOBS).unwrap().get("blob").unwrap().unwrap().value(), "set");
    }

    #[test]
    fn a_database_of_a_later_schema_is_refused() {
        let database =
            Database::builder().create_with_backend(redb::backends::InMemoryBackend::new()).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(META).unwrap().insert(SCHEMA, CURRENT + 1).unwrap();
        transaction.commit().unwrap();
        let error = prepare(&database).unwrap_err();
        assert!(matches!(error, StoreError::Newer { found, known } if found == known + 1), "{error}");
    }
}
