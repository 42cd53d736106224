//! One entry of a tar stream.

use tar::Header;

use crate::layer::metadata::Member;
use crate::layer::pax::Records;

/// An entry, with what stood before it taken into account.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The header.
    pub header: Header,
    /// Its path, as it stands there.
    pub path: Vec<u8>,
    /// Where a link leads, as it stands there; empty for others.
    pub link: Vec<u8>,
    /// Length of the file, holes included; 0 for others.
    pub size: u64,
    /// The records of this entry alone.
    pub(super) records: Vec<u8>,
}

impl Entry {
    /// Returns the entry with the records that hold for it.
    pub fn member<'a>(&'a self, records: &'a Records<'a>) -> Member<'a> {
        Member { header: &self.header, path: &self.path, link: &self.link, records }
    }
}

/// Returns path and link of an entry.
pub(super) fn names(
    header: &Header,
    records: &Records<'_>,
    long_path: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
) -> (Vec<u8>, Vec<u8>) {
    let record = |key| records.get(key).map(<[u8]>::to_vec);
    let path = long_path.map(until_nul).or_else(|| record("GNU.sparse.name")).or_else(|| record("path"));
    let link = long_link.map(until_nul).or_else(|| record("linkpath"));
    (
        path.unwrap_or_else(|| header.path_bytes().into_owned()),
        link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned()),
    )
}

/// Writers end a long name with a NUL.
fn until_nul(mut name: Vec<u8>) -> Vec<u8> {
    let end = name.iter().position(|&byte| byte == 0);
    name.truncate(end.unwrap_or(name.len()));
    name
}
