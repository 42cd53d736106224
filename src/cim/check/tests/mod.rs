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
        patch.record(name)[54] = 9;
    }
    let report = check(&patch.image(), CheckOptions { max_findings: 2, ..CheckOptions::default() });
    assert_eq!((report.findings.len(), report.errors, report.dropped()), (2, 3, 1));
}

#[test]
fn an_image_is_checked_on_several_threads_at_once() {
    fn shared<T: Sync>() {}
    shared::<Image>();
}

#[test]
fn reserved_fields_and_region_indexes_are_not_judged() {
    let mut patch = Patch::sample();
    let names: Vec<String> = patch.files.keys().cloned().collect();
    for name in names {
        let bytes = patch.named(&name);
        let fields: &[usize] = match name.split('_').next() {
            Some("a.cim") => &[13, 14, 24, 50, 52, 64, 68],
            Some("region" | "objectid") => &[13, 14, 24, 32, 35, 36],
            _ => continue,
        };
        fields.iter().for_each(|&at| bytes[at] = 7);
    }
    patch.record("plain")[94..96].fill(0xFF);
    let place = patch.image().filesystem().tables;
    patch.tail(place)[12..16].fill(0xFF);
    let report = check(&patch.image(), CheckOptions { deep: true, ..CheckOptions::default() });
    assert_eq!(report.findings, []);
}
