//! A link table: the names of a directory or the alternate streams of a file (docs/format.md, "Link table").

use std::marker::PhantomData;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{front, front_slice, len, size_of_u64};
use crate::cim::error::Fault;
use crate::cim::names::NameRef;

/// The front of a link table as it lies on disk.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct RawLinkTableHeader {
    len: U32,
    count: U32,
}

const _: () = assert!(size_of::<RawLinkTableHeader>() == 8); // 4 + 4

/// A link table of `V`: file ids in a directory, streams in a table of alternate streams.
#[derive(Clone, Copy, Debug)]
pub struct LinkTable<'a, V> {
    table: &'a [u8],
    values: &'a [V],
    name_offsets: &'a [U32],
}

/// One name of a table with its value.
pub type NameEntry<'a, V> = (NameRef<'a>, V);

/// What a name of a link table stands for.
pub trait Value: FromBytes + Immutable + KnownLayout + Unaligned + Copy {}

impl Value for U32 {}
impl Value for super::RawStream {}

impl<'a, V: Value> LinkTable<'a, V> {
    /// A table without names.
    pub const EMPTY: Self = Self { table: &[], values: &[], name_offsets: &[] };

    /// Returns the length that the table at the front of `bytes` says it has.
    pub fn stated_len(bytes: &[u8]) -> Result<u64, Fault> {
        let header: &RawLinkTableHeader = front("the link table", bytes)?;
        Ok(u64::from(header.len.get()))
    }

    /// Reads a table. Names are checked when they are asked for, so that a look-up touches a few of them only.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let stated = Self::stated_len(bytes)?;
        let table = usize::try_from(stated).ok().and_then(|end| bytes.get(..end));
        let table = table.ok_or(Fault::Short { what: "the link table", need: stated, have: len(bytes) })?;
        let header: &RawLinkTableHeader = front("the link table", table)?;
        let count = u64::from(header.count.get());
        let rest = &table[size_of::<RawLinkTableHeader>()..];
        let values: &[V] = front_slice("the values of a link table", rest, count)?;
        let name_offsets =
            front_slice("the name offsets of a link table", &rest[size_of_val(values)..], count)?;
        Ok(Self { table, values, name_offsets })
    }

    /// Returns the number of names.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the length of the table in bytes.
    pub fn table_len(&self) -> u64 {
        len(self.table)
    }

    /// Returns the values in name order.
    pub fn values(&self) -> &'a [V] {
        self.values
    }

    /// Returns entry `index`; `None` past the end.
    pub fn get(&self, index: usize) -> Option<Result<NameEntry<'a, V>, Fault>> {
        let (&value, offset) = (self.values.get(index)?, self.name_offsets.get(index)?);
        Some(self.name_at(offset.get()).map(|name| (name, value)))
    }

    /// Yields the entries in name order.
    pub fn iter(&self) -> impl Iterator<Item = Result<NameEntry<'a, V>, Fault>> + use<'a, V> {
        self.iter_from(0)
    }

    /// Yields the entries from `start` on in name order.
    pub fn iter_from(
        &self,
        start: usize,
    ) -> impl Iterator<Item = Result<NameEntry<'a, V>, Fault>> + use<'a, V> {
        let table = *self;
        (start..table.len()).map_while(move |index| table.get(index))
    }

    fn name_at(&self, offset: u32) -> Result<NameRef<'a>, Fault> {
        let tail = usize::try_from(offset).ok().and_then(|at| self.table.get(at..)).unwrap_or_default();
        let units: &U16 = front("the length of a name", tail)?;
        let units = front_slice("a name", &tail[size_of::<U16>()..], u64::from(units.get()))?;
        Ok(NameRef::from_units(units))
    }
}

/// The sizes of a table that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct LinkTableLayout<V> {
    count: u32,
    /// Length of the whole table.
    len: u32,
    value: PhantomData<V>,
}

impl<V: IntoBytes + Immutable> LinkTableLayout<V> {
    /// Lays out a table of `count` names with `name_units` UTF-16 units in all. `None` where the table would be
    /// longer than its length field can say.
    pub fn new(count: usize, name_units: u64) -> Option<Self> {
        let count = u32::try_from(count).ok()?;
        let fixed = size_of_u64::<V>() + size_of_u64::<U32>() + size_of_u64::<U16>();
        let len = u64::from(count) * fixed + name_units.checked_mul(2)? + size_of_u64::<RawLinkTableHeader>();
        Some(Self { count, len: u32::try_from(len).ok()?, value: PhantomData })
    }

    /// Returns the length of the table in bytes.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Returns whether the table has no names.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Emits the table piece by piece. `entries` must yield what [`new`](Self::new) was told, in name order, and
    /// the same each time.
    pub fn emit<'a, I>(&self, entries: impl Fn() -> I, mut out: impl FnMut(&[u8]))
    where
        I: Iterator<Item = NameEntry<'a, V>>,
    {
        out(RawLinkTableHeader { len: U32::new(self.len), count: U32::new(self.count) }.as_bytes());
        entries().for_each(|(_, value)| out(value.as_bytes()));
        let fixed = size_of_u64::<RawLinkTableHeader>()
            + u64::from(self.count) * (size_of_u64::<V>() + size_of_u64::<U32>());
        let mut offset = u32::try_from(fixed).expect("the layout fits a u32");
        for (name, _) in entries() {
            out(U32::new(offset).as_bytes());
            offset += 2 + 2 * u32::from(units_of(name).get());
        }
        for (name, _) in entries() {
            out(units_of(name).as_bytes());
            out(name.units().as_bytes());
        }
    }
}

fn units_of(name: NameRef<'_>) -> U16 {
    U16::new(u16::try_from(name.units().len()).expect("names were checked when they came in"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cim::Name;

    fn table(names: &[(&Name, U32)]) -> Vec<u8> {
        let units = names.iter().map(|(name, _)| name.as_ref().units().len() as u64).sum();
        let layout = LinkTableLayout::<U32>::new(names.len(), units).unwrap();
        let mut bytes = Vec::new();
        layout.emit(
            || names.iter().map(|&(name, id)| (name.as_ref(), id)),
            |part| bytes.extend_from_slice(part),
        );
        assert_eq!(bytes.len() as u64, u64::from(layout.len()));
        bytes
    }

    #[test]
    fn tables_read_back() {
        let (a, b) = (Name::new("a").unwrap(), Name::new("bcd").unwrap());
        let bytes = table(&[(&a, U32::new(5)), (&b, U32::new(9))]);
        assert_eq!(bytes.len(), 8 + 2 * (4 + 4) + (2 + 2) + (2 + 6));
        let read = LinkTable::<U32>::parse(&bytes).unwrap();
        let entries: Vec<_> =
            read.iter().map(|e| e.unwrap()).map(|(n, id)| (n.to_string(), id.get())).collect();
        assert_eq!(entries, [("a".to_owned(), 5), ("bcd".to_owned(), 9)]);
    }

    #[test]
    fn lying_tables_are_errors() {
        let a = Name::new("a").unwrap();
        let bytes = table(&[(&a, U32::new(5))]);
        for end in 0..bytes.len() {
            assert!(LinkTable::<U32>::parse(&bytes[..end]).is_err(), "{end}");
        }
        let mut huge = bytes.clone();
        huge[4..8].fill(0xFF);
        assert!(LinkTable::<U32>::parse(&huge).is_err());
        let mut outside = bytes.clone();
        outside[12..16].fill(0xFF);
        assert!(LinkTable::<U32>::parse(&outside).unwrap().get(0).unwrap().is_err());
    }
}
