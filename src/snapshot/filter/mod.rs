//! Which snapshots a list is to have: the filters of containerd.
//!
//! ```text
//!   filter    selector , selector …              all must match
//!   selector  path                               the field is there
//!             path == value    path != value     a field that is not there is empty
//!             path ~= expression                 a regular expression, anywhere in the value
//!   path      field . field …                    labels.KEY: the rest is the key
//!   field     letters, digits and _, or "quoted"
//! ```
//!
//! Any number of filters may be given, of which one must match.

mod parse;
mod scan;

use regex::Regex;

use super::{Info, SnapshotError};
use crate::store::Kind;
use parse::parse;

/// Any number of filters, of which one must match. None at all let everything pass.
#[derive(Debug)]
pub(super) struct Filters(Vec<Vec<Selector>>);

/// What is asked of one field.
#[derive(Debug)]
struct Selector {
    path: Vec<String>,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Present,
    Equal(String),
    NotEqual(String),
    /// A pattern that is no regular expression matches nothing.
    Matches(Option<Box<Regex>>),
}

impl Filters {
    pub(super) fn parse(filters: &[String]) -> Result<Self, SnapshotError> {
        let parsed = filters.iter().map(|filter| {
            parse(filter).map_err(|reason| SnapshotError::Filter { filter: filter.clone(), reason })
        });
        Ok(Self(parsed.collect::<Result<_, _>>()?))
    }

    pub(super) fn let_pass(&self, info: &Info) -> bool {
        self.0.is_empty() || self.0.iter().any(|all| all.iter().all(|selector| selector.matches(info)))
    }
}

impl Selector {
    fn matches(&self, info: &Info) -> bool {
        let field = field(info, &self.path);
        let value = field.unwrap_or_default();
        match &self.test {
            Test::Present => field.is_some(),
            Test::Equal(wanted) => field.is_some() && value == wanted,
            Test::NotEqual(unwanted) => value != unwanted,
            Test::Matches(pattern) => pattern.as_ref().is_some_and(|pattern| pattern.is_match(value)),
        }
    }
}

/// Returns a field of a snapshot, if it has that one.
fn field<'i>(info: &'i Info, path: &[String]) -> Option<&'i str> {
    let (first, rest) = path.split_first()?;
    match (first.as_str(), rest) {
        ("kind", []) => Some(match info.kind {
            Kind::View => "view",
            Kind::Active => "active",
            Kind::Committed => "committed",
        }),
        ("name", []) => Some(&info.name),
        ("parent", []) => Some(&info.parent),
        ("labels", [_, ..]) => info.labels.get(&rest.join(".")).map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
