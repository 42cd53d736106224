//! Both engines make the same of the same layers.

use std::fs;
use std::path::Path;
use std::sync::Barrier;

use super::{Twins, our_library, write};
use crate::generator::{self, Content, Options, Os};
use crate::import::registry::{base, delta};
use crate::import::tars::Tar;
use crate::support::{image_name, path};

fn twins(layers: impl IntoIterator<Item = Tar>) -> Twins {
    let mut twins = Twins::new();
    for layer in layers {
        twins.add(&layer.bytes()).unwrap();
        twins.assert_same();
    }
    twins
}

fn refusal(lower: impl IntoIterator<Item = Tar>, layer: Tar) -> String {
    twins(lower).add(&layer.bytes()).unwrap_err()
}

#[test]
fn layers_of_the_repository_become_the_same() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/layers");
    let names = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
    let is_layer = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("windows-") && name.ends_with(".tar.gz")
    };
    let mut layers: Vec<_> = names.filter(|path| is_layer(path)).collect();
    layers.sort();
    assert_eq!(layers.len(), 6);
    let mut twins = Twins::new();
    for layer in layers {
        twins.add(&fs::read(layer).unwrap()).unwrap();
        twins.assert_same();
    }
}

#[test]
fn generated_layers_become_the_same() {
    let root = tempfile::tempdir().unwrap();
    let options = Options { content: Content::Synthetic, ..Options::new(Os::Windows, 4 << 20) };
    let layers = generator::generate(&options, root.path()).unwrap();
    assert_eq!(layers.len(), 7);
    let mut twins = Twins::new();
    for layer in layers {
        twins.add(&fs::read(root.path().join("blobs/sha256").join(layer.digest)).unwrap()).unwrap();
        twins.assert_same();
    }
}

#[test]
fn whiteouts_act_on_the_parent_wherever_they_stand() {
    let lower = base().dir("Files/d").file("Files/d/a", "a").file("Files/d/b", "b").dir("Files/d/e");
    let lower =
        lower.file("Files/d/e/x", "x").file("Files/f", "f").dir("Files/gone").file("Files/gone/y", "");
    // Before and after what takes the place, of a directory that the layer describes and of one that it only needs.
    for upper in [
        Tar::new().whiteout("Files/.wh.d").dir("Files/d").file("Files/d/b", "new"),
        Tar::new().dir("Files/d").file("Files/d/b", "new").whiteout("Files/.wh.d"),
        Tar::new().file("Files/d/b", "new").whiteout("Files/.wh.d"),
        Tar::new().file("Files/d/e/z", "new").whiteout("Files/.wh.d"),
        Tar::new().file("Files/d/e/z", "new").whiteout("Files/d/.wh.e").whiteout("Files/d/.wh.a"),
        Tar::new().file("Files/d/e/z", "new").whiteout("Files/d/.wh..wh..opq"),
        Tar::new().whiteout("Files/d/.wh..wh..opq").whiteout("Files/.wh.d"),
        Tar::new().whiteout("Files/d/e/.wh.x").whiteout("Files/.wh.d").file("Files/d/e/x", "new"),
        Tar::new().whiteout("Files/.wh.gone").whiteout("Files/gone/.wh.y").whiteout("Files/.wh.absent"),
        Tar::new().file("Files/F", "other").whiteout("Files/.wh.f"),
        Tar::new().file("Files/d", "a file now").whiteout("Files/d/.wh.a"),
        Tar::new().file("Files/d", "").dir("Files/d").file("Files/d/n", "n").whiteout("Files/d/.wh..wh..opq"),
        Tar::new().dir("Files/f").file("Files/f/in", "").whiteout("Files/.wh.f"),
    ] {
        twins([lower.clone(), upper]);
    }
}

#[test]
fn whiteouts_delete_links_below_what_the_layer_replaced() {
    let lower = base().dir("Files/d/a").symlink("Files/d/l", "a");
    let replaced = Tar::new().dir("Files/d/l/new").file("Files/d", "a file now");
    for upper in [
        replaced.clone().whiteout("Files/.wh.d"),
        replaced.whiteout("Files/.wh..wh..opq"),
        Tar::new().dir("Files/d/l/new").whiteout("Files/d/.wh.l"),
    ] {
        let twins = twins([lower.clone(), upper]);
        assert_eq!(twins.layers, 2, "both engines take the layer");
    }
}

#[test]
fn links_and_streams_and_reparse_points_become_the_same() {
    let lower = base()
        .dir("Files/d")
        .file("Files/d/a", "data")
        .file("Files/d/a:side", "stream")
        .symlink("Files/to-d", "d")
        .symlink("Files/chain", "to-d")
        .symlink("Files/to-a", "d\\a")
        .records(&[(b"MSWINDOWS.mountpoint", b"1"), (b"MSWINDOWS.fileattr", b"1040")])
        .symlink("Files/junction", "C:\\d");
    let upper = Tar::new()
        .link("Files/second", "Files/d/a")
        .link("Files/third", "Files/second")
        .link("Files/to-a-too", "Files/to-a")
        .symlink("Files/into-parent", "chain")
        .symlink("Files/through-junction", "junction")
        .symlink("Files/named-twice", "d")
        .link("Files/name-of-link", "Files/named-twice")
        .link("Files/d/e", "Files/d/a")
        .file("Files/new", "x")
        .file("Files/new:one", "1");
    let twins = twins([lower, upper.clone(), upper]);
    let image = twins.image("native");
    let found = |at: &str| image.find(&path(at)).unwrap().unwrap();
    assert!(found("Files/into-parent").is_directory() && found("Files/through-junction").is_directory());
    assert!(!found("Files/named-twice").is_directory());
    assert_eq!(image.links().unwrap().count(found("Files/d/a").id), 4);
}

#[test]
fn hives_are_merged() {
    let layers = [base(), Tar::new().dir("Files"), delta("System", "one", "1"), delta("SYSTEM", "two", "2")];
    let twins = twins(layers);
    assert_eq!(twins.layers, 4);
    assert!(twins.image("native").find(&path("Hives/System_Delta")).unwrap().is_some());
}

#[test]
fn what_is_wrong_with_a_layer_is_wrong_for_both() {
    for (lower, layer, says) in [
        (vec![], Tar::new().dir("Files"), "no registry hive /Files/Windows/System32/config/SYSTEM"),
        (vec![base()], Tar::new().file("Hives/SAM_DELTA", "no hive"), "the registry hive /Hives/SAM_DELTA"),
        (vec![base()], Tar::new().link("Files/a", "Files/none"), "cannot link /Files/a to /Files/none"),
        (vec![base()], Tar::new().file("Files/a|b", ""), "cannot import \"Files/a|b\""),
        (
            vec![base().dir("Files/d").records(&[(b"MSWINDOWS.fileattr", b"1040")]).symlink("Files/j", "d")],
            Tar::new().file("Files/j/x", ""),
            "/Files/j is a link to a directory",
        ),
    ] {
        let error = refusal(lower, layer);
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn writers_of_a_directory_wait_for_each_other() {
    let root = tempfile::tempdir().unwrap();
    let layer = base().bytes();
    let all = Barrier::new(8);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (root, layer, all) = (root.path(), &layer, &all);
            scope.spawn(move || {
                all.wait();
                let new = image_name(&format!("{number}.cim"));
                write(our_library(), root, None, &new, layer).unwrap();
            });
        }
    });
    let images = super::files(root.path()).iter().filter(|name| name.ends_with(".cim")).count();
    assert_eq!(images, 8);
}
