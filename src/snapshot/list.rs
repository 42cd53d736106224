//! What is known of all snapshots.

use super::filter::Filters;
use super::{Info, SnapshotError, Snapshots};
use crate::store::Look;

impl Snapshots {
    /// Returns all snapshots that one of the filters lets pass; all of them if there is no filter.
    pub fn list(&self, filters: &[String]) -> Result<Vec<Info>, SnapshotError> {
        let filters = Filters::parse(filters)?;
        let all = self.store.read(|reader| reader.snapshots())?;
        let infos = all.into_iter().map(|(key, row)| Info::new(&key, row));
        Ok(infos.filter(|info| filters.let_pass(info)).collect())
    }
}
