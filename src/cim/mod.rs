//! The CIM image: its bytes, a reader, a writer, and the layer sets that forks are made of.
//!
//! An image lies in a *containing directory*:
//!
//! ```text
//!   NAME.cim ──────────► own region set, filesystem object, parents' region sets
//!      │
//!      ├─► region_{guid}_0    metadata: file tables, directories, security descriptors, EAs, reparse data
//!      ├─► region_{guid}_1    data of files of more than 1 KiB
//!      └─► region_{guid}_2    data of smaller files
//! ```
//!
//! `docs/format.md` holds the byte tables; code cites its sections. The library is plain blocking code: it knows no
//! containerd, no async runtime, prints nothing and reads no environment.

pub mod anatomy;
pub mod check;
pub mod diff;
pub mod dump;
pub mod ea;
mod error;
pub mod files;
pub mod format;
pub mod io;
pub mod names;
pub mod pe;
pub mod posix_acl;
pub mod reader;
pub mod reparse;
pub mod security;
mod units;
pub mod writer;
pub mod wsl;

pub use error::{CimError, Corruption, ErrorKind, Fault, Place, error_chain};
pub use files::ImageName;
pub use format::{Attributes, Guid};
pub use names::{ImagePath, Name, NameRef};
pub use reader::Image;
pub use units::{FileId, FileTime, RegionOffset, StreamLen};
pub use writer::{
    CaseRule, LayerSet, LayerSetWriter, Lease, Metadata, ObjectLayout, Placement, Pruned, Site, Unsynced,
    Writer, WriterOptions, prune,
};
