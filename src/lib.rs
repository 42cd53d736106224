//! cimsnap turns the layers of an OCI image into CIM images (CimFS, the composite image file system of Windows),
//! one forked on the other.
//!
//! ```text
//!   cli      commands, progress, exit codes
//!    │
//!  daemon    socket, configuration, logs          registry  images from outside containerd
//!    │                                               │
//!   rpc      what containerd speaks                   │
//!    │                                               │
//!  differ    blobs become snapshots, and back         │
//!    │                                               │
//!  snapshot  the life of snapshots                    │
//!    │                                               │
//!   store    database and directories   mount         │
//!    │                                  images become directories
//!   layer    a layer tar becomes edits: decompress, hash, metadata, whiteouts, registry hives
//!    │
//!   engine   what takes the edits: one trait, and the ways to write an image behind it
//!    │
//!   cim      the image itself: read, edit, fork, commit, check
//!    │
//!   sys      raw calls in, safe functions out
//! ```
//!
//! Beside them, `capi` gives programs in C the image library as `cimfs.h` declares it, and `metrics` counts what
//! `snapshot` and `differ` do, for the daemon to tell; `trace` tells of the stages of each request. `escape` makes untrusted
//! text safe to print.
//!
//! A part uses only parts that stand below it; `tests/it/arrows.rs` proves it.
//!
//! * An **image** is a `.cim` file and the region files that it lists.
//! * A **region set** is a group of region files that were written together.
//! * A **fork** is an image that lists its parent's region sets and adds one of its own.

pub mod capi;
pub mod cim;
pub mod daemon;
pub mod differ;
pub mod engine;
pub mod escape;
pub mod layer;
pub mod metrics;
pub mod mount;
mod proto;
pub mod registry;
pub mod rpc;
pub mod snapshot;
pub mod store;
pub mod sys;
pub mod trace;
