//! `cimsnap gc`.

use cimsnap::snapshot::NewSnapshot;
use serde_json::json;

use super::bed::{Bed, names};

/// The bytes of all files of images.
fn bytes(bed: &Bed) -> u64 {
    let names = names(&bed.images());
    names.iter().map(|name| bed.images().join(name).metadata().unwrap().len()).sum()
}

#[test]
fn a_dry_run_tells_what_goes_and_leaves_it() {
    let bed = Bed::filled();
    for online in [false, true] {
        let daemon = online.then(|| bed.daemon());
        assert_eq!(bed.json("gc")[0]["bytes"], json!(0));
        drop(daemon);
    }
    let snapshots = bed.open();
    let removed = snapshots.details("top").unwrap();
    snapshots.prepare(NewSnapshot { key: "empty".into(), ..NewSnapshot::default() }).unwrap();
    let directory = snapshots.store().root().snapshot(snapshots.details("empty").unwrap().row.id);
    snapshots.remove("empty").unwrap();
    snapshots.remove("top").unwrap();
    drop(snapshots);

    let before = (names(&bed.images()), bytes(&bed));
    let [planned] = bed.json("gc --dry-run").try_into().unwrap();
    assert_eq!((names(&bed.images()), bytes(&bed)), before);
    assert!(directory.exists());
    assert_eq!(planned["images"], json!([removed.image.unwrap().0.to_string()]));
    assert_eq!(planned["layers"], json!([removed.layer.unwrap().0.to_string()]));
    assert_eq!(planned["directories"], json!([directory]));

    assert_eq!(bed.json("gc")[0], planned);
    assert!(!directory.exists());
    // The directories of the snapshot are empty, so what else is freed are files of images.
    let freed = before.1 - bytes(&bed);
    let told = planned["bytes"].as_u64().unwrap();
    assert!(freed > 0 && (freed..freed + (64 << 10)).contains(&told), "{freed} {told}");
    assert_eq!(bed.json("gc")[0]["bytes"], json!(0));
}

#[test]
fn a_daemon_keeps_what_is_needed() {
    let bed = Bed::filled();
    let _daemon = bed.daemon();
    let before = names(&bed.images());
    assert_eq!(bed.json("gc --dry-run")[0]["images"], json!([]));
    assert_eq!(bed.json("gc")[0]["layers"], json!([]));
    assert_eq!(names(&bed.images()), before);
}
