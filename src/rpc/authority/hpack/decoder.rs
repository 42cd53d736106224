//! Header blocks become fields (section 6).

use std::borrow::Cow;

use super::table::Table;
use super::{Field, HpackError, huffman, integer};

/// How a field is written, by the highest bits of its first byte.
enum Form {
    /// An entry of a table.
    Indexed,
    /// A value, and a name that may be in a table. Both enter the table.
    Added,
    /// No field, but a new size of the table.
    TableSize,
    /// A value, and a name that may be in a table.
    Passing { secret: bool },
}

impl Form {
    /// Says how the next field is written, and in how many bits of its first byte an integer begins.
    fn of(input: &[u8]) -> Result<(Self, u32), HpackError> {
        match input.first().ok_or(HpackError::Truncated)? {
            0x80.. => Ok((Self::Indexed, 7)),
            0x40.. => Ok((Self::Added, 6)),
            0x20.. => Ok((Self::TableSize, 5)),
            0x10.. => Ok((Self::Passing { secret: true }, 4)),
            _ => Ok((Self::Passing { secret: false }, 4)),
        }
    }
}

/// Reads the header blocks of one direction of a connection, all of them and in their order.
#[derive(Debug, Default)]
pub(in super::super) struct Decoder {
    pub(super) table: Table,
}

impl Decoder {
    /// Reads what precedes the fields of a block: the table may get other sizes.
    pub(in super::super) fn begin(&mut self, input: &mut &[u8]) -> Result<(), HpackError> {
        while let Ok((Form::TableSize, prefix)) = Form::of(input) {
            self.table.resize(integer::read(input, prefix)?)?;
        }
        Ok(())
    }

    /// Reads the next field of a block that has not ended.
    pub(in super::super) fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Field<'a>, HpackError> {
        let (form, prefix) = Form::of(input)?;
        let index = integer::read(input, prefix)?;
        match form {
            Form::Indexed => {
                let (name, value) = self.table.get(index)?;
                Ok(Field { name: name.into(), value: value.into(), secret: false })
            }
            Form::Added => {
                let (name, value) = (self.name(index, input)?.into_owned(), string(input)?);
                self.table.insert(name.clone(), value.to_vec());
                Ok(Field { name: name.into(), value, secret: false })
            }
            Form::Passing { secret } => {
                Ok(Field { name: self.name(index, input)?, value: string(input)?, secret })
            }
            Form::TableSize => Err(HpackError::LateTableSize),
        }
    }

    /// Looks up the name of a field, or reads it.
    fn name<'a, 'i: 'a>(&'a self, index: usize, input: &mut &'i [u8]) -> Result<Cow<'a, [u8]>, HpackError> {
        match index {
            0 => string(input),
            _ => Ok(self.table.get(index)?.0.into()),
        }
    }
}

/// Reads a string (section 5.2).
fn string<'a>(input: &mut &'a [u8]) -> Result<Cow<'a, [u8]>, HpackError> {
    let compressed = input.first().is_some_and(|first| first & 0x80 != 0);
    let len = integer::read(input, 7)?;
    let text = input.split_off(..len).ok_or(HpackError::Truncated)?;
    match compressed {
        true => Ok(huffman::decode(text)?.into()),
        false => Ok(text.into()),
    }
}
