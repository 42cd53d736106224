//! The data of a value: one run of bytes, or the segments that a file keeps it in.

use std::borrow::Cow;
use std::fmt;

use super::format::SEGMENT_LEN;

/// The data of a value. It borrows from the file where it can, also where the file splits it.
#[derive(Clone)]
pub struct Data<'a>(Repr<'a>);

#[derive(Clone)]
enum Repr<'a> {
    Whole(Cow<'a, [u8]>),
    /// Each but the last is as long as a segment can be.
    Segments(Vec<&'a [u8]>),
}

impl<'a> Data<'a> {
    /// Takes bytes in one run.
    pub fn new(bytes: impl Into<Cow<'a, [u8]>>) -> Self {
        Self(Repr::Whole(bytes.into()))
    }

    pub(super) fn from_segments(segments: Vec<&'a [u8]>) -> Self {
        Self(Repr::Segments(segments))
    }

    /// Returns the length in bytes.
    pub fn len(&self) -> usize {
        match &self.0 {
            Repr::Whole(bytes) => bytes.len(),
            Repr::Segments(segments) => {
                segments.iter().fold(0, |sum: usize, segment| sum.saturating_add(segment.len()))
            }
        }
    }

    /// Returns whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes in the pieces that a hive stores long data in.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        let (whole, split): (&[u8], &[&[u8]]) = match &self.0 {
            Repr::Whole(bytes) => (bytes, &[]),
            Repr::Segments(segments) => (&[], segments),
        };
        let split = split.iter().flat_map(|part| part.chunks(SEGMENT_LEN));
        whole.chunks(SEGMENT_LEN).chain(split)
    }

    /// Returns a copy in one run.
    pub fn to_vec(&self) -> Vec<u8> {
        self.segments().flatten().copied().collect()
    }

    /// Borrows the data.
    pub fn borrowed(&self) -> Data<'_> {
        match &self.0 {
            Repr::Whole(bytes) => Data::new(&**bytes),
            Repr::Segments(segments) => Data::from_segments(segments.clone()),
        }
    }
}

impl PartialEq<Data<'_>> for Data<'_> {
    fn eq(&self, other: &Data<'_>) -> bool {
        self.len() == other.len() && self.segments().eq(other.segments())
    }
}

impl Eq for Data<'_> {}

impl fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_data_equals_whole_data() {
        let bytes = vec![7; SEGMENT_LEN + 1];
        let (first, last) = bytes.split_at(SEGMENT_LEN);
        let split = Data::from_segments(vec![first, last]);
        assert_eq!(split, Data::new(&bytes));
        assert_eq!(split.to_vec(), bytes);
        assert_ne!(split, Data::new(&bytes[1..]));
    }
}
