//! Changing labels.

use super::{Info, Labels, SnapshotError, Snapshots, prepare};
use crate::store::{Look, Promise, Timestamp};

/// All labels, in a list of fields.
const LABELS: &str = "labels";
/// Begins the name of one label in a list of fields. The rest is the label, dots and all.
const LABEL: &str = "labels.";

impl Snapshots {
    /// Gives a snapshot the labels of `labels` that `fields` names; all of them if it names none.
    pub fn update(&self, key: &str, labels: &Labels, fields: &[String]) -> Result<Info, SnapshotError> {
        self.store.write(Promise::Kept, |writer| {
            let mut row = writer.snapshot(key)?.ok_or_else(|| SnapshotError::NotFound(key.to_owned()))?;
            row.labels = updated(row.labels, labels, fields)?;
            row.updated = Timestamp::now();
            writer.put_snapshot(key, &row)?;
            Ok(Info::new(key, row))
        })
    }
}

fn updated(mut old: Labels, new: &Labels, fields: &[String]) -> Result<Labels, SnapshotError> {
    if fields.is_empty() {
        return Ok(prepare::without_empty(new.clone()));
    }
    for field in fields {
        if field == LABELS {
            old.clone_from(new);
            continue;
        }
        let label = field.strip_prefix(LABEL).ok_or_else(|| SnapshotError::Immutable(field.clone()))?;
        match new.get(label) {
            Some(value) => old.insert(label.to_owned(), value.clone()),
            None => old.remove(label),
        };
    }
    Ok(prepare::without_empty(old))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_name_what_changes() {
        let old = labels(&[("a", "1"), ("b.c/d", "2")]);
        let new = labels(&[("a", "9"), ("b.c/d", ""), ("x", "3")]);
        let update = |fields: &[&str]| {
            let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
            updated(old.clone(), &new, &fields)
        };
        let all = labels(&[("a", "9"), ("x", "3")]);
        assert_eq!(update(&[]).unwrap(), all);
        assert_eq!(update(&["labels"]).unwrap(), all);
        assert_eq!(update(&["labels.a"]).unwrap(), labels(&[("a", "9"), ("b.c/d", "2")]));
        assert_eq!(update(&["labels.b.c/d"]).unwrap(), labels(&[("a", "1")]));
        assert_eq!(update(&["labels.unknown"]).unwrap(), old);
        assert!(matches!(update(&["labels", "parent"]), Err(SnapshotError::Immutable(_))));
    }
}
