//! What GNU tar makes of an exported layer is what was imported.

use std::io::Write;
use std::process::{Command, Stdio};

use cimsnap::layer::import::LayerOs;

use super::layer;
use crate::import::Stack;
use crate::import::oracle::{assert_same, fill, on_disk, tar, unpacked};
use crate::import::tars::Tar;

#[test]
fn a_tree_comes_back_from_its_layer() {
    let root = tempfile::tempdir().unwrap();
    fill(root.path());
    let tar = tar(&["--format=posix", "--xattrs"], root.path());
    let image = Stack::of(LayerOs::Linux, [Tar::raw_bytes(tar.clone())]).image();
    let layer = layer(None, &image, LayerOs::Linux);
    assert_same(&on_disk(unpacked(std::slice::from_ref(&layer)).path()), &on_disk(unpacked(&[tar]).path()));

    let mut list =
        Command::new("tar").arg("-t").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    list.stdin.take().unwrap().write_all(&layer).unwrap();
    let output = list.wait_with_output().unwrap();
    assert!(output.status.success());
    let names = String::from_utf8(output.stdout).unwrap();
    assert!(names.starts_with("./\nCase\nanother\ncase\ndir/\ndir/file\n"), "{names}");
}
