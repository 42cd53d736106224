//! Whatever was edited: the layer that says it makes the same tree, and has the same bytes wherever the images came
//! from.

use cimsnap::cim::{Writer, WriterOptions};
use cimsnap::layer::import::LayerOs;
use proptest::prelude::*;

use super::edits::{self, Edit};
use super::{Images, differences, layer};
use crate::support::{image_name, memory};

fn check(os: LayerOs, tree: &[Edit], change: &[Edit]) {
    let directory = memory();
    let options = WriterOptions { case: edits::case(os), sync: false, ..WriterOptions::DEFAULT };
    let (base, top) = (image_name("base.cim"), image_name("top.cim"));
    let mut writer = Writer::create(directory.clone(), &base, options).unwrap();
    edits::plant(&mut writer, os);
    tree.iter().for_each(|edit| edits::apply(&mut writer, os, edit));
    writer.commit().unwrap();
    let mut writer = Writer::fork(directory.clone(), &base, &top, options).unwrap();
    change.iter().for_each(|edit| edits::apply(&mut writer, os, edit));
    writer.commit().unwrap();

    let mut images = Images::new(directory, os);
    let (base, top) = (images.open("base.cim"), images.open("top.cim"));
    let whole = layer(None, &base, os);
    let base_again = images.lay(&whole, None, "base-again.cim");
    assert_eq!(differences(&base, &base_again), Vec::<String>::new());
    let change = layer(Some(&base), &top, os);
    let top_again = images.lay(&change, Some("base-again.cim"), "top-again.cim");
    assert_eq!(differences(&top, &top_again), Vec::<String>::new());
    assert!(layer(Some(&base), &top, os) == change);
    assert!(layer(Some(&base_again), &top_again, os) == change);
    assert!(layer(None, &base_again, os) == whole);
    assert_eq!(layer(Some(&top), &top_again, os).len(), 1024, "no difference, no entry");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn layers_of_linux_lead_back(
        tree in prop::collection::vec(edits::an_edit(), 1..50),
        change in prop::collection::vec(edits::an_edit(), 1..30),
    ) {
        check(LayerOs::Linux, &tree, &change);
    }

    #[test]
    fn layers_of_windows_lead_back(
        tree in prop::collection::vec(edits::an_edit(), 1..50),
        change in prop::collection::vec(edits::an_edit(), 1..30),
    ) {
        check(LayerOs::Windows, &tree, &change);
    }
}
