//! Registry hives: read, write, and merge a delta over a base.
//!
//! A layer of a Windows image carries its registry changes as *delta* hives whose keys are layered: a key may merge
//! with the key below it, supersede it, or be a tombstone. The engine never applies a delta at run time; it writes
//! the merged hive into the image. This module does that from bytes to bytes, on every platform:
//!
//! ```text
//!   &[u8] --HiveView::open--> HiveView --+                      +--> write  (a hive file)
//!                                        +--> Source --Merged--+--> dump   (canonical text)
//!   builder calls ----------> Hive ------+                      +--> Hive::collect (a tree in memory)
//! ```
//!
//! [`Source`] is the seam: anything with keys, values and subkeys can be merged, written, dumped or collected.
//!
//! * [`HiveView`] reads a hive file where it lies (a mapped file will do) and copies nothing. Opening it walks every
//!   cell and key once, so that later reads meet no surprise: cells tile their bins, no cell is used twice, the
//!   depth is bounded, no name repeats. Opening takes one bit for every eight bytes of the file, freed afterwards.
//! * [`Hive`] is a tree in memory, built by hand or collected from another source. It borrows names and data.
//! * [`Merged`] is a delta laid over a base. It holds nothing but its two sources; each key is merged when asked for.
//! * [`write()`] lays the file out in one pass and emits it in a second one, strictly forward. It remembers four bytes
//!   for each key, and each distinct security descriptor once.
//!
//! Merging two mapped files therefore takes memory for an eighth of a bit of each file byte, four bytes for each key,
//! and the lists of the keys between the root and the current one; neither tree nor output is ever in memory.
//!
//! A file that was not shut down cleanly is refused as *dirty*; [`Recovery`] replays its logs first.

#![cfg_attr(not(test), warn(clippy::as_conversions, clippy::arithmetic_side_effects))]

mod cell_writer;
mod cells;
mod data;
mod difference;
mod dump;
mod error;
mod format;
mod header;
mod layout;
mod lists;
mod log;
mod marvin;
mod merge;
mod name;
mod reader;
mod security;
mod source;
#[cfg(test)]
mod testing;
mod tree;
mod values;
mod writer;

pub use data::Data;
pub use difference::difference;
pub use dump::dump;
pub use error::{HiveError, HiveErrorKind};
pub use log::Recovery;
pub use merge::{Merged, merge_files};
pub use name::Name;
pub use reader::{HiveView, KeyCell};
pub use security::default_security;
pub use source::{HiveInfo, KeyFlags, Layer, MAX_DEPTH, Node, Semantics, Source, Value};
pub use tree::{Hive, Key, KeyId};
pub use writer::write;
