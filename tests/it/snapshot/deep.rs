//! Images of many layers.

use std::fs;
use std::path::Path;

use cimsnap::mount::Mounter;

use super::root::{Root, open, whole};
use super::{fill, new, target, to};
use crate::fuse::mounter;
use crate::import::tars::Tar;

const LAYERS: usize = 128;

#[test]
fn many_layers_are_one_mount() {
    let root = Root::new();
    let all = open(root.path());
    let mut parent = String::new();
    for layer in 0..LAYERS {
        let (key, name) = (format!("extract-1 {layer}"), format!("layer {layer}"));
        all.prepare(new(&key, &parent)).unwrap();
        let files =
            Tar::new().dir("./").file(&format!("./{layer}"), "own").file("./last", &layer.to_string());
        fill(&all, &target(&all, &key), &files.bytes()).unwrap();
        all.commit(&to(&key, &name)).unwrap();
        parent = name;
    }
    let mounts = all.prepare(new("container", &parent)).unwrap();
    let below = || mounter().list().unwrap().iter().filter(|mount| mount.at.starts_with(root.path())).count();
    assert_eq!((mounts.len(), below()), (1, 1));
    let lower = mounts[0].options.iter().find_map(|option| option.strip_prefix("lowerdir=")).unwrap();
    let at = Path::new(lower);
    assert_eq!(fs::read_dir(at).unwrap().count(), LAYERS + 1);
    assert_eq!(fs::read_to_string(at.join("0")).unwrap(), "own");
    assert_eq!(fs::read_to_string(at.join("last")).unwrap(), (LAYERS - 1).to_string());
    all.remove("container").unwrap();
    all.cleanup().unwrap();
    assert_eq!(below(), 0);
    drop(all);
    whole(root.path());
}
