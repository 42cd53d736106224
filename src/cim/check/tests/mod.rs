//! Each kind of fault is made by changing a few bytes of a sound image, and must be the only one that is found.

mod headers;
mod objects;
mod support;
mod tree;

use super::{CheckOptions, check};
use crate::cim::reader::Image;
use support::Patch;

#[test]
fn a_sound_image_has_no_findings() {
    let report = check(&Patch::sample().image(), CheckOptions { deep: true, ..CheckOptions::default() });
    assert_eq!(report.findings, []);
    assert!(report.is_sound());
    assert_eq!((report.seen.names, report.seen.files), (11, 11), "one file has two names, the root none");
    assert!(report.seen.objects > 5 && report.seen.hashed > 131_072, "{:?}", report.seen);
}

#[test]
fn findings_beyond_the_limit_are_counted() {
    let mut patch = Patch::sample();
    for name in ["a/file", "a/big", "plain"] {
        patch.record(name)[92..94].fill(0xFF);
    }
    let report = check(&patch.image(), CheckOptions { max_findings: 2, ..CheckOptions::default() });
    assert_eq!((report.findings.len(), report.errors, report.dropped()), (2, 3, 1));
}

#[test]
fn an_image_is_checked_on_several_threads_at_once() {
    fn shared<T: Sync>() {}
    shared::<Image>();
}
