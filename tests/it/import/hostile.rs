//! Layers that mean harm.

use std::error::Error as _;
use std::io::Cursor;

use cimsnap::cim::ErrorKind;
use cimsnap::engine::Portable;
use cimsnap::layer::import::{
    EntryError, ImportError, ImportLimits, ImportOptions, LayerOs, NameError, import,
};
use cimsnap::layer::stream::{Expected, LayerStream, StreamErrorKind, StreamOptions};
use cimsnap::layer::tar::TarError;
use tar::EntryType;

use super::Stack;
use super::tars::Tar;
use crate::support::path;

/// Imports a layer that must be refused, and checks that nothing is left of it.
fn refusal(layer: Tar) -> ImportError {
    let mut stack = Stack::new(LayerOs::Linux);
    let error = stack.import(layer).err().expect("a refusal");
    assert_eq!(stack.directory.list().unwrap(), Vec::<String>::new());
    error
}

fn limited(layer: Tar, limits: ImportLimits) -> ImportError {
    let stack = Stack::new(LayerOs::Linux);
    let stream = LayerStream::open(Cursor::new(layer.bytes()), StreamOptions::default()).unwrap();
    let engine = Portable::new(stack.directory.clone(), stack.guid(1), false);
    let error = import(stream, engine, &ImportOptions { os: None, limits }).expect_err("a refusal");
    assert_eq!(stack.directory.list().unwrap(), Vec::<String>::new());
    error
}

#[test]
fn no_path_leaves_the_root() {
    let tree = Stack::of(
        LayerOs::Linux,
        [Tar::new()
            .file("../../etc/passwd", "own")
            .file("/abs", "")
            .link("link", "../../../etc/passwd")
            .symlink("out", "/../../../etc")
            .whiteout("../.wh.x")],
    )
    .tree();
    assert_eq!(tree.keys().collect::<Vec<_>>(), ["/abs", "/etc", "/etc/passwd", "/link", "/out"]);
    assert_eq!(tree["/link"], "Regular 644 7:8 2 own");
    let error = refusal(Tar::new().file("..", ""));
    assert!(error.to_string().contains(".."), "{error}");
}

#[test]
fn names_that_cannot_be_are_named() {
    let raw = |name: &[u8]| refusal(Tar::new().raw(EntryType::Regular, name, b"", b"", |_| {}));
    let error = raw(&[b'x'; 256]);
    assert!(error.to_string().contains("xxx") && error.source().is_some(), "{error}");
    raw("x/".repeat(20_000).as_bytes());
    let nul = refusal(Tar::new().records(&[(b"path", b"a\0b")]).file("x", ""));
    assert!(matches!(nul, ImportError::Entry { source: EntryError::Name(NameError::Nul), .. }), "{nul}");
    for whiteout in [".wh.", "a/.wh..", "a/.wh..."] {
        assert!(matches!(refusal(Tar::new().file(whiteout, "")), ImportError::Entry { .. }), "{whiteout}");
    }
}

#[test]
fn links_to_nothing_and_to_themselves_are_errors() {
    assert!(matches!(refusal(Tar::new().link("a", "b").link("b", "a")), ImportError::LinkCycle { .. }));
    for lost in
        [Tar::new().link("a", "nowhere"), Tar::new().dir("d").link("a", "d"), Tar::new().link("a", "")]
    {
        let mut stack = Stack::new(LayerOs::Linux);
        stack.import(lost).unwrap();
        let error = stack.commit().unwrap_err();
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::PathNotFound | ErrorKind::AccessDenied), "{kind:?}");
        assert!(error.is_of_hard_link() && error.source().is_some());
        assert!(error.to_string().starts_with(r#"cannot make hard link "/a" to "/"#), "{error}");
    }
}

#[test]
fn depth_is_no_danger() {
    let deep = "d/".repeat(1_000);
    let stack = Stack::of(LayerOs::Linux, [Tar::new().file(&format!("{deep}f"), "x")]);
    assert_eq!(stack.paths().len(), 1_001);
    let upper = Tar::new().whiteout(&format!("{deep}.wh.f")).whiteout("d/.wh.d");
    let mut stack = stack;
    stack.import(upper).unwrap();
    stack.commit().unwrap();
    assert_eq!(stack.paths(), ["/d"]);
}

#[test]
fn declared_sizes_are_not_believed() {
    for size in [10_000, 1 << 40, 1 << 62] {
        let error =
            refusal(Tar::new().raw(EntryType::Regular, b"a", b"", b"data", |header| header.set_size(size)));
        assert!(
            matches!(error, ImportError::Tar(TarError::Truncated { .. }) | ImportError::Entry { .. }),
            "{error}"
        );
    }
}

fn sparse(size: &str, map: &str) -> Tar {
    let records: [(&[u8], &[u8]); 2] =
        [(b"GNU.sparse.size", size.as_bytes()), (b"GNU.sparse.map", map.as_bytes())];
    Tar::new().records(&records).file("hole", "x")
}

#[test]
fn holes_are_bounded_unless_they_are_free() {
    let far = (1u64 << 40).to_string();
    for map in ["1099511627775,1", "0,1"] {
        let error = limited(sparse(&far, map), ImportLimits::default());
        assert!(
            matches!(error, ImportError::TooMuch { what: "bytes of holes in sparse files", .. }),
            "{error}"
        );
    }
    let tree = Stack::of(LayerOs::Linux, [sparse("1000000", "500000,1")]).tree();
    let data = tree["/hole"].rsplit(' ').next().unwrap();
    assert_eq!((data.len(), data.find('x')), (1_000_000, Some(500_000)));
    let records: [(&[u8], &[u8]); 2] = [(b"GNU.sparse.size", far.as_bytes()), (b"GNU.sparse.map", b"0,0")];
    let view = Stack::of(LayerOs::Linux, [Tar::new().records(&records).file("hole", "")]).view();
    let hole = view.image().find(&path("hole")).unwrap().unwrap();
    assert_eq!(hole.size(), 1 << 40);
}

#[test]
fn numbers_of_things_are_bounded() {
    let limits = ImportLimits { entries: 100, ..ImportLimits::default() };
    let many = |count| (0..count).fold(Tar::new(), |tar, i| tar.file(&i.to_string(), ""));
    assert!(matches!(limited(many(101), limits), ImportError::TooMuch { what: "entries", limit: 100 }));
    let parents = (0..30).fold(Tar::new(), |tar, i| tar.file(&format!("{i}/{i}/{i}/{i}"), ""));
    assert!(matches!(limited(parents, limits), ImportError::TooMuch { what: "entries", .. }));
    let limits = ImportLimits { deletion_bytes: 1000, ..ImportLimits::default() };
    let deletions = (0..100).fold(Tar::new(), |tar, i| tar.whiteout(&format!("directory/.wh.{i}")));
    assert!(matches!(limited(deletions, limits), ImportError::TooMuch { what: "bytes of deletions", .. }));
    let limits = ImportLimits { link_bytes: 10_000, ..ImportLimits::default() };
    let links = (0..100).fold(Tar::new(), |tar, i| tar.link(&i.to_string(), "x"));
    assert!(matches!(limited(links, limits), ImportError::TooMuch { what: "bytes of hard links", .. }));
}

#[test]
fn a_layer_of_another_digest_leaves_nothing() {
    let stack = Stack::new(LayerOs::Linux);
    let expected =
        Expected { diff_id: Some(cimsnap::layer::digest::Digest::of(b"other")), ..Expected::default() };
    let options = StreamOptions { expected, ..StreamOptions::default() };
    let stream = LayerStream::open(Cursor::new(Tar::new().file("a", "").bytes()), options).unwrap();
    let engine = Portable::new(stack.directory.clone(), stack.guid(1), false);
    let error = import(stream, engine, &ImportOptions::default()).expect_err("a refusal");
    assert!(
        matches!(&error, ImportError::Stream(error) if error.kind() == StreamErrorKind::DiffIdMismatch),
        "{error}"
    );
    assert_eq!(stack.directory.list().unwrap(), Vec::<String>::new());
}

#[test]
fn errors_of_the_stream_stay_errors_of_the_stream() {
    let mut bytes = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3];
    bytes.extend_from_slice(&[0x55; 40]);
    let stack = Stack::new(LayerOs::Linux);
    let stream = LayerStream::open(Cursor::new(bytes), StreamOptions::default()).unwrap();
    let engine = Portable::new(stack.directory.clone(), stack.guid(1), false);
    let error = import(stream, engine, &ImportOptions::default()).expect_err("a refusal");
    assert!(matches!(error, ImportError::Stream(_)), "{error}");
}
