//! Layers of Linux, as containerd's applier has them.

use cimsnap::cim::ImagePath;
use tar::EntryType;

use super::tars::Tar;
use super::{LayerOs, Stack};

fn stack(layers: impl IntoIterator<Item = Tar>) -> Stack {
    Stack::of(LayerOs::Linux, layers)
}

#[test]
fn entries_become_files() {
    let tree = stack([Tar::new()
        .dir("etc/")
        .file("etc/passwd", "root")
        .symlink("sh", "/bin/sh")
        .link("etc/again", "etc/passwd")
        .raw(EntryType::Char, b"null", b"", b"", |header| {
            header.set_device_major(1).unwrap();
            header.set_device_minor(3).unwrap();
            header.set_mode(0o666);
        })
        .entry(EntryType::Fifo, "pipe", "", b"")
        .file("a:b\\c", "odd")])
    .tree();
    let expected = [
        ("/a:b\\c", "Regular 644 7:8 1 odd"),
        ("/etc", "Directory 755 7:8 1"),
        ("/etc/again", "Regular 644 7:8 2 root"),
        ("/etc/passwd", "Regular 644 7:8 2 root"),
        ("/null", "CharDevice 666 7:8 1 1:3"),
        ("/pipe", "Fifo 644 7:8 1"),
        ("/sh", "Symlink 777 7:8 1 /bin/sh"),
    ];
    assert_eq!(tree, expected.map(|(path, what)| (path.to_owned(), what.to_owned())).into());
}

#[test]
fn case_counts() {
    let stack = stack([Tar::new().file("e", "small").file("E", "large").whiteout("A/.wh.b").file("a/B", "")]);
    assert_eq!(stack.paths(), ["/E", "/a", "/a/B", "/e"]);
}

#[test]
fn missing_parents_are_made_and_present_ones_kept() {
    let upper = Tar::new().file("a/b/c", "new").file("x/y/z", "new");
    let tree = stack([Tar::new().dir("a").dir("a/b").file("a/b/old", ""), upper]).tree();
    assert_eq!(tree["/a/b"], "Directory 755 7:8 1");
    assert_eq!(tree["/x/y"], "Directory 755 0:0 1");
    assert!(tree.contains_key("/a/b/old") && tree.contains_key("/a/b/c"));
}

#[test]
fn the_root_has_metadata_of_its_own() {
    let permissions = |layers: Vec<Tar>| {
        let view = stack(layers).view();
        let root = view.attributes(view.image().root()).unwrap();
        (root.permissions, root.uid)
    };
    assert_eq!(permissions(vec![Tar::new()]), (0o755, 0));
    let private = || Tar::new().raw(EntryType::Directory, b"./", b"", b"", |header| header.set_mode(0o700));
    assert_eq!(permissions(vec![private()]), (0o700, 7));
    assert_eq!(permissions(vec![private(), Tar::new().file("a", "")]), (0o700, 7));
}

#[test]
fn whiteouts_spare_their_own_layer() {
    let lower = Tar::new().dir("d").file("d/old", "").file("f", "old").file("g", "");
    for upper in [
        Tar::new().whiteout(".wh.d").whiteout(".wh.f").whiteout(".wh.g").file("d/new", "").file("f", "new"),
        Tar::new().file("d/new", "").file("f", "new").whiteout(".wh.g").whiteout(".wh.f").whiteout(".wh.d"),
    ] {
        let tree = stack([lower.clone(), upper]).tree();
        assert_eq!(tree.keys().collect::<Vec<_>>(), ["/d", "/d/new", "/f"]);
        assert_eq!(tree["/f"], "Regular 644 7:8 1 new");
    }
}

#[test]
fn opaque_directories_show_their_own_layer_alone() {
    let lower = Tar::new().dir("d").dir("d/sub").file("d/sub/old", "").file("d/old", "");
    let before = Tar::new().dir("d").whiteout("d/.wh..wh..opq").file("d/sub/new", "");
    let behind = Tar::new().file("d/sub/new", "").whiteout("d/.wh..wh..opq");
    for upper in [before, behind] {
        assert_eq!(stack([lower.clone(), upper]).paths(), ["/d", "/d/sub", "/d/sub/new"]);
    }
    let all = Tar::new().whiteout(".wh..wh..opq").file("new", "");
    assert_eq!(stack([lower, all]).paths(), ["/new"]);
}

#[test]
fn notes_of_aufs_are_no_files() {
    let layer = Tar::new().dir(".wh..wh.plnk").file(".wh..wh.plnk/1.2", "").file(".wh..wh.aufs", "");
    assert!(stack([layer]).paths().is_empty());
}

#[test]
fn the_last_of_duplicates_wins() {
    let tree = stack([Tar::new()
        .file("a", "1")
        .file("a", "2")
        .dir("b")
        .file("b/c", "")
        .file("b", "file")
        .file("d", "file")
        .dir("d")
        .file("d/e", "")
        .link("f", "a")
        .file("f", "own")
        .file("g", "own")
        .link("g", "a")])
    .tree();
    assert_eq!(tree.keys().collect::<Vec<_>>(), ["/a", "/b", "/d", "/d/e", "/f", "/g"]);
    assert_eq!(tree["/a"], "Regular 644 7:8 2 2");
    assert_eq!(
        (tree["/b"].as_str(), tree["/f"].as_str()),
        ("Regular 644 7:8 1 file", "Regular 644 7:8 1 own")
    );
    assert_eq!(tree["/g"], tree["/a"]);
}

#[test]
fn files_and_directories_take_each_others_place() {
    let lower = Tar::new().dir("a").file("a/b", "").file("c", "");
    let tree = stack([lower, Tar::new().file("a", "now").dir("c").file("c/d", "")]).tree();
    assert_eq!(tree.keys().collect::<Vec<_>>(), ["/a", "/c", "/c/d"]);
}

#[test]
fn links_may_come_before_their_targets_and_lead_below() {
    let lower = Tar::new().file("old", "old").dir("dir").file("dir/x", "");
    let upper = Tar::new()
        .link("a", "b")
        .link("b", "/./c")
        .link("n/o", "old")
        .file("c", "data")
        .link("dir", "old")
        .symlink("s", "nowhere")
        .link("t", "s");
    let tree = stack([lower, upper]).tree();
    for path in ["/a", "/b", "/c"] {
        assert_eq!(tree[path], "Regular 644 7:8 3 data");
    }
    for path in ["/n/o", "/old", "/dir"] {
        assert_eq!(tree[path], "Regular 644 7:8 3 old");
    }
    assert_eq!(tree["/t"], "Symlink 777 7:8 2 nowhere");
    assert!(!tree.contains_key("/dir/x"));
}

#[test]
fn xattrs_with_line_feeds_and_fractions_of_seconds_arrive() {
    let records: [(&[u8], &[u8]); 3] = [
        (b"SCHILY.xattr.security.capability", b"\x01\n\0\0=\n"),
        (b"mtime", b"1700000000.1234567"),
        (b"uid", b"4000000"),
    ];
    let view = stack([Tar::new().records(&records).file("ping", "")]).view();
    let file = view.image().find(&ImagePath::parse("ping").unwrap()).unwrap().unwrap();
    assert_eq!(&*view.xattr(file.id, b"security.capability").unwrap(), b"\x01\n\0\0=\n");
    let attributes = view.attributes(file.id).unwrap();
    assert_eq!(attributes.modified.unix_nanos(), 1_700_000_000_123_456_700);
    assert_eq!((attributes.uid, attributes.gid), (4_000_000, 8));
}

#[test]
fn large_files_arrive_in_full() {
    let data: String = (0..2_000_000).map(|i| char::from(b'a' + (i % 23) as u8)).collect();
    let stack = stack([Tar::new().file("large", &data).file("small", "x")]);
    assert!(stack.tree()["/large"].ends_with(&data));
}

#[test]
fn links_on_the_way_are_followed() {
    let lower = || {
        Tar::new()
            .file("usr/lib/old", "")
            .file("usr/lib/gone", "")
            .file("usr/lib/o/old", "")
            .symlink("lib", "usr/lib")
            .symlink("abs", "/../usr/./lib/")
            .symlink("up", "usr/lib/../lib/o/..")
            .symlink("both", "abs")
            .symlink("run", "var/run")
    };
    for lib in ["lib", "abs", "up", "both"] {
        let upper = Tar::new()
            .file(&format!("{lib}/new"), "")
            .whiteout(&format!("{lib}/.wh.gone"))
            .whiteout(&format!("{lib}/o/.wh..wh..opq"))
            .link(&format!("{lib}/n/link"), &format!("{lib}/old"))
            .file("run/pid", "");
        let tree = stack([lower(), upper]).tree();
        let below: Vec<_> = tree.keys().filter(|path| path.starts_with("/usr/lib/")).collect();
        let expected = ["/usr/lib/n", "/usr/lib/n/link", "/usr/lib/new", "/usr/lib/o", "/usr/lib/old"];
        assert_eq!(below, expected, "{lib}");
        assert!(tree["/lib"].starts_with("Symlink") && tree["/run"].starts_with("Symlink"));
        assert!(tree.contains_key("/var/run/pid"));
    }
}

#[test]
fn a_link_at_the_end_of_a_path_is_replaced() {
    let lower = Tar::new().file("usr/lib/old", "").symlink("lib", "usr/lib").symlink("f", "usr/lib/old");
    let tree = stack([lower, Tar::new().dir("lib").file("lib/new", "").file("f", "own")]).tree();
    let expected = ["/f", "/lib", "/lib/new", "/usr", "/usr/lib", "/usr/lib/old"];
    assert_eq!(tree.keys().collect::<Vec<_>>(), expected);
}

#[test]
fn links_to_each_other_are_not_followed_forever() {
    let mut stack = stack([Tar::new().symlink("a", "b").symlink("b", "a")]);
    stack.import(Tar::new().file("a/x", "")).unwrap();
    let error = stack.commit().unwrap_err().to_string();
    assert_eq!(error, "/b leads through too many symbolic links");
}

#[test]
fn the_same_layer_makes_the_same_files() {
    let files = || {
        let mut stack = stack([]);
        let layer = Tar::new().dir("a").file("a/b", "data").link("c", "a/b").link("d", "c").whiteout(".wh.e");
        stack.import(layer).unwrap();
        let directory = &stack.directory;
        let names = directory.list().unwrap().into_iter();
        names
            .map(|name| (name.clone(), directory.open(&name).unwrap().as_slice().to_vec()))
            .collect::<Vec<_>>()
    };
    assert!(files() == files());
}
