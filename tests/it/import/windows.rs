//! Layers of Windows.

use cimsnap::cim::check::{CheckOptions, check};
use cimsnap::cim::dump::{DumpOptions, dump};
use cimsnap::cim::reparse::Reparse;
use cimsnap::cim::{Attributes, Image, security};
use tar::EntryType;

use super::tars::Tar;
use super::{ImportError, LayerOs, Stack, registry};
use crate::support::{cat, name, path};

fn image(layers: impl IntoIterator<Item = Tar>) -> Image {
    Stack::of(LayerOs::Windows, layers).image()
}

fn refusal(layer: Tar) -> ImportError {
    Stack::new(LayerOs::Windows).import(layer).err().expect("a refusal")
}

fn with_attributes(tar: Tar, attributes: &str) -> Tar {
    tar.records(&[(b"MSWINDOWS.fileattr", attributes.as_bytes())])
}

#[test]
fn records_become_metadata() {
    let records: [(&[u8], &[u8]); 4] = [
        (b"MSWINDOWS.fileattr", b"38"),
        (b"MSWINDOWS.sd", b"O:BAG:SYD:(A;;FA;;;BA)"),
        (b"LIBARCHIVE.creationtime", b"1.5"),
        (b"MSWINDOWS.xattr.EA", b"dmFsdWU="),
    ];
    let image =
        image([Tar::new().dir("Files").records(&records).file("Files/a", "data").file("Files/b", "")]);
    let file = image.find(&path("Files/a")).unwrap().unwrap();
    let expected = Attributes::from_bits_retain(38);
    assert_eq!(file.attributes() & expected, expected);
    assert_eq!(file.creation_time.unix_nanos(), 1_500_000_000);
    assert_eq!(image.security(&file).unwrap().unwrap().len(), 20 + 16 + 12 + 32);
    assert!(!image.eas(&file).unwrap().is_empty());
    assert_eq!(cat(&image, "files/A").unwrap(), b"data");
    let plain = image.find(&path("Files/b")).unwrap().unwrap();
    assert_eq!(image.security(&plain).unwrap(), Some(&security::DEFAULT[..]));
}

#[test]
fn streams_follow_their_files() {
    let layer = Tar::new()
        .dir("Files")
        .file("Files/a", "main")
        .file("files/A:one", "1")
        .file("Files/a:two:$DATA", "22")
        .dir("Files/d/")
        .file("Files/d:zone", "3");
    let image = image([layer]);
    let streams = |at: &str| {
        let file = image.find(&path(at)).unwrap().unwrap();
        let streams = image.list_streams(&file).unwrap();
        streams.map(|stream| stream.unwrap().0.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        (streams("Files/a"), streams("Files/d")),
        (vec!["one".into(), "two".into()], vec!["zone".into()])
    );
    let file = image.find(&path("Files/a")).unwrap().unwrap();
    let stream = image.stream(&file, name("two").as_ref()).unwrap().unwrap();
    assert_eq!(image.data(stream).unwrap().len(), 2);
    for lone in [
        Tar::new().file("Files/a:s", ""),
        Tar::new().file("Files/a", "").file("Files/b", "").file("Files/a:s", ""),
        Tar::new().file("Files/a", "").link("Files/b", "Files/a").file("Files/b:s", ""),
        Tar::new().file("Files/a", "").dir("Files/a:s"),
    ] {
        let error = refusal(lone);
        assert!(matches!(error, ImportError::Entry { .. }), "{error}");
    }
}

#[test]
fn links_lead_to_files_of_any_layer() {
    let lower = Tar::new().dir("Files").file("Files/old", "old").file("Files/replaced", "old");
    let upper = Tar::new()
        .link("Files/x", "Files/REPLACED")
        .link("Files/y", "files/old")
        .link("Files/z", "Files/X")
        .link("Files/bare", "old")
        .file("Files/replaced", "new");
    let image = image([lower, upper]);
    for (at, data) in [("x", "new"), ("y", "old"), ("z", "new"), ("bare", "old")] {
        assert_eq!(cat(&image, &format!("Files/{at}")).unwrap(), data.as_bytes(), "{at}");
    }
}

#[test]
fn a_junction_takes_over_nothing() {
    let lower = Tar::new().dir("Files/d").file("Files/d/old", "");
    let junction = |tar| {
        let records: [(&[u8], &[u8]); 2] =
            [(b"MSWINDOWS.fileattr", b"1040"), (b"MSWINDOWS.mountpoint", b"1")];
        Tar::records(tar, &records).symlink("Files/d", "C:\\x")
    };
    let mut stack = Stack::of(LayerOs::Windows, [lower, junction(Tar::new())]);
    let image = stack.image();
    let file = image.find(&path("Files/d")).unwrap().unwrap();
    assert!(file.is_directory() && file.is_reparse_point());
    let reparse = Reparse::parse(image.reparse(&file).unwrap().unwrap()).unwrap();
    assert!(matches!(reparse, Reparse::MountPoint { .. }), "{reparse:?}");
    assert!(image.find(&path("Files/d/old")).unwrap().is_none());
    stack.import(Tar::new().file("Files/d/x/y", "")).unwrap();
    let error = stack.commit().unwrap_err();
    assert_eq!(error.to_string(), "/Files/d is a link to a directory: nothing can be in it");
}

#[test]
fn whiteouts_and_opaque_marks_act_on_the_parent() {
    let lower = Tar::new().file("Files/D/old", "").file("Files/gone", "").file("Files/o/old", "");
    let upper = Tar::new()
        .file("Files/d/new", "")
        .whiteout("Files/.wh.d")
        .whiteout("Files/.wh.GONE")
        .whiteout("Files/o/.wh..wh..opq");
    let image = image([lower, upper]);
    let has = |at: &str| image.find(&path(at)).unwrap().is_some();
    assert!(has("Files/d/new") && has("Files/o"));
    assert!(!has("Files/d/old") && !has("Files/gone") && !has("Files/o/old"));
}

#[test]
fn order_does_not_matter() {
    let entries: [fn(Tar) -> Tar; 6] = [
        |tar| tar.dir("Files"),
        |tar| tar.dir("Files/a"),
        |tar| tar.file("Files/a/f", "f"),
        |tar| tar.link("Files/a/l", "Files/b/g"),
        |tar| with_attributes(tar, "32").file("Files/b/g", "g"),
        |tar| tar.whiteout("Files/.wh.c"),
    ];
    let tree = |order: Vec<usize>| {
        let layer = order.into_iter().fold(Tar::new(), |tar, i| entries[i](tar));
        let lower = Tar::new().dir("Files").dir("Files/b").file("Files/c", "");
        let mut listing = Vec::new();
        dump(&image([lower, layer]), &mut listing, DumpOptions::default()).unwrap();
        String::from_utf8(listing).unwrap()
    };
    let expected = tree((0..6).collect());
    for order in [vec![5, 4, 3, 2, 1, 0], vec![3, 0, 5, 1, 4, 2], vec![2, 3, 4, 0, 1, 5]] {
        assert_eq!(tree(order.clone()), expected, "{order:?}");
    }
}

#[test]
fn what_windows_does_not_have_is_refused() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
        assert!(matches!(refusal(Tar::new().entry(kind, "Files/a", "", b"")), ImportError::Entry { .. }));
    }
    for bad in ["etc/passwd", "Files/../a", "Files/a:b/c", "Files/a?", "UtilityVM/a", "Files/\u{1}"] {
        assert!(matches!(refusal(Tar::new().file(bad, "")), ImportError::Entry { .. }), "{bad}");
    }
}

#[test]
fn links_without_attributes_lead_to_what_the_whole_tree_has() {
    let lower = registry::base().dir("Files/lower").file("Files/plain", "");
    let upper = Tar::new()
        .dir("Files/d/e")
        .symlink("Files/d/below", "e")
        .symlink("Files/d/parents", "../lower")
        .symlink("Files/d/drive", "/lower")
        .symlink("Files/d/letter", "c:/lower")
        .symlink("Files/chain", "d/parents/../d/below")
        .symlink("Files/past the root", "../../lower")
        .symlink("Files/file", "plain")
        .symlink("Files/nowhere", "absent")
        .symlink("Files/loop", "loop")
        .symlink("Files/share", "//server/share");
    let upper = with_attributes(upper, "32").symlink("Files/told", "lower");
    let upper = upper.symlink("Files/two", "lower").link("Files/names", "Files/two");
    let image = registry::stack([lower, upper]).image();
    let is_directory = |at: &str| {
        let file = image.find(&path(&format!("Files/{at}"))).unwrap().unwrap();
        assert!(file.is_reparse_point(), "{at}");
        file.is_directory()
    };
    for at in ["d/below", "d/parents", "d/drive", "d/letter", "chain", "past the root"] {
        assert!(is_directory(at), "{at}");
    }
    for at in ["file", "nowhere", "loop", "share", "told", "two", "names"] {
        assert!(!is_directory(at), "{at}");
    }
    let report = check(&image, CheckOptions::default());
    assert!(report.is_sound(), "{report:?}");
}

#[test]
fn a_link_that_is_replaced_decides_nothing() {
    let told = |tar| with_attributes(tar, "32").symlink("Files/told", "d");
    // What takes the place of a link: another one that says what it is, and a link above that leads past it.
    let upper = told(Tar::new().symlink("Files/Told", "d"));
    let upper = upper.symlink("Files/a/e", "e").file("Files/a/e", "").symlink("Files/a", "d");
    let image = registry::stack([registry::base().dir("Files/d/e"), upper]).image();
    let find = |at: &str| image.find(&path(at)).unwrap().unwrap();
    assert!(!find("Files/told").is_directory());
    assert!(find("Files/a").is_directory() && find("Files/a").is_reparse_point());
}
