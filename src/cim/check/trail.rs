//! The path that a walk is on.

use std::fmt;

use zerocopy::little_endian::U16;

use crate::cim::names::{MAX_PATH_UNITS, NameRef};

const SEPARATOR: u16 = 0x5C;

/// Of a path longer than this, only the end is shown: a thousand findings in a maze must not fill the memory.
const SHOWN_UNITS: usize = 4096;

/// A path that grows and shrinks with a walk. Its names need not be valid.
#[derive(Debug, Default)]
pub(in crate::cim) struct Trail {
    units: Vec<U16>,
}

/// What the trail shrinks back to.
#[derive(Clone, Copy, Debug)]
pub(in crate::cim) struct Mark(usize);

impl Trail {
    /// Adds a name and returns what undoes it.
    pub(in crate::cim) fn push(&mut self, name: NameRef<'_>) -> Mark {
        let mark = Mark(self.units.len());
        self.units.push(U16::new(SEPARATOR));
        self.units.extend_from_slice(name.units());
        mark
    }

    /// Shrinks back to what it was before a name was added.
    pub(in crate::cim) fn reset(&mut self, mark: Mark) {
        self.units.truncate(mark.0);
    }

    /// Returns the length as paths are measured; the first separator does not count.
    pub(in crate::cim) fn units(&self) -> usize {
        self.units.len().saturating_sub(1)
    }

    /// Returns whether the path is longer than an image may have.
    pub(in crate::cim) fn is_too_long(&self) -> bool {
        self.units() > MAX_PATH_UNITS
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.units.is_empty() {
            return f.write_str("/");
        }
        let hidden = self.units.len().saturating_sub(SHOWN_UNITS);
        if hidden > 0 {
            f.write_str("...")?;
        }
        let shown = self.units.get(hidden..).unwrap_or_default();
        for c in char::decode_utf16(shown.iter().map(|unit| unit.get())) {
            let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
            write!(f, "{}", if c == '\\' { '/' } else { c })?;
        }
        Ok(())
    }
}
