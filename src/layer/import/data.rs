//! The data of a file, with its holes.

use std::io::BufRead;

use super::error::ImportError;
use crate::cim::CimError;
use crate::engine::DataSink;
use crate::layer::tar::{Entry, Piece, TarReader};

/// Counts the zeros that holes take in the image: a tar of a few bytes can ask for any number.
#[derive(Debug)]
pub(super) struct Holes {
    written: u64,
    limit: u64,
}

impl Holes {
    pub(super) fn new(limit: u64) -> Self {
        Self { written: 0, limit }
    }

    /// Copies the data of an entry. Zeros at its end need not be written.
    pub(super) fn copy<R: BufRead>(
        &mut self,
        entry: &Entry,
        tar: &mut TarReader<R>,
        mut data: impl DataSink,
    ) -> Result<(), ImportError> {
        let named = |error: CimError| ImportError::entry(&entry.path, error);
        let mut hole = 0;
        let mut has_data = false;
        while let Some(piece) = tar.piece()? {
            match piece {
                Piece::Zeros(count) => hole = count,
                Piece::Bytes(bytes) => {
                    self.count(hole)?;
                    has_data = true;
                    append_zeros(&mut data, std::mem::take(&mut hole)).map_err(named)?;
                    data.append(bytes).map_err(named)?;
                }
            }
        }
        // A file of nothing but a hole takes no place at all.
        self.count(if has_data { hole } else { 0 })?;
        data.finish().map_err(named)
    }

    fn count(&mut self, hole: u64) -> Result<(), ImportError> {
        self.written = self.written.saturating_add(hole);
        if self.written > self.limit {
            let what = "bytes of holes in sparse files";
            return Err(ImportError::TooMuch { what, limit: self.limit });
        }
        Ok(())
    }
}

fn append_zeros(data: &mut impl DataSink, mut count: u64) -> Result<(), CimError> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    while count > 0 {
        let len = usize::try_from(count).map_or(ZEROS.len(), |count| count.min(ZEROS.len()));
        data.append(ZEROS.get(..len).unwrap_or(&ZEROS))?;
        count = count.saturating_sub(u64::try_from(len).unwrap_or(count));
    }
    Ok(())
}
