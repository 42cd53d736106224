//! What is read again, when nobody waits for it.

use std::sync::Arc;
use std::time::Duration;

use cimsnap::layer::import::LayerOs;
use cimsnap::layer::stream::{LayerStream, StreamOptions};
use cimsnap::mount::fuse::FuseMounter;
use cimsnap::snapshot::{Extraction, NewSnapshot, SnapshotOptions, Snapshots};
use cimsnap::store::{Look, StoreError};

use super::layer;

pub(super) fn large() {
    const SIZE: u64 = 512 << 20;
    let root = tempfile::tempdir().unwrap();
    let mounter = FuseMounter::new(env!("CARGO_BIN_EXE_cimsnap"));
    let options = SnapshotOptions { sync: false, ..SnapshotOptions::default() };
    let all = Snapshots::open(root.path(), Arc::new(mounter), options).unwrap();
    let key = "extract-1 large".to_owned();
    all.prepare(NewSnapshot { key: key.clone(), ..NewSnapshot::default() }).unwrap();
    let row = all.store().read(|reader| Ok::<_, StoreError>(reader.snapshot(&key)?.unwrap())).unwrap();
    let stream = LayerStream::open(layer::one_file(SIZE), StreamOptions::default()).unwrap();
    all.fill(&Extraction { key, row, namespace: None }, stream, Some(LayerOs::Linux), Duration::ZERO)
        .unwrap();
    let read = all.take_digests().unwrap();
    assert!(read > SIZE, "{read} bytes were read");
}
