//! Forks of images that another writer made.

use std::sync::Arc;

use cimsnap::cim::format::FileTable;
use cimsnap::cim::io::Directory;
use cimsnap::cim::{Image, Writer, WriterOptions};

use super::versions::{assert_holds, check, directory, listing, open, written};
use crate::support::format_writer::{Data, Inherited, Style, Tree, sample, samples, write};
use crate::support::{cat, image_name, path, put};

const OPTIONS: WriterOptions = WriterOptions { sync: false, ..WriterOptions::DEFAULT };

fn fork(directory: &Arc<dyn Directory>, from: &str, to: &str) -> Writer {
    Writer::fork(directory.clone(), &image_name(from), &image_name(to), OPTIONS).unwrap()
}

fn tables(image: &Image) -> Vec<FileTable> {
    (0..image.tables().len()).map(|index| image.table(index).unwrap().unwrap().0).collect()
}

#[test]
fn a_fork_that_changes_nothing_holds_the_same() {
    for major in [1, 2] {
        let directory = directory(&samples(&Style::of_version(major)));
        fork(&directory, "b.cim", "c.cim").commit().unwrap();
        let (b, c) = (open(&directory, "b.cim"), open(&directory, "c.cim"));
        assert_eq!(c.version().to_string(), "2.0");
        assert_eq!(listing(&b), listing(&c));
        assert_eq!(tables(&b), tables(&c), "tables that nobody touched are shared");
        assert_eq!(c.filesystem().upcase, b.filesystem().upcase, "and so is the upcase table");
        let report = check(&directory, "c.cim");
        assert!(report.findings.is_empty(), "{:#?}", report.findings);
    }
}

/// A tree of three file tables, with a file in two directories.
fn tall() -> Tree {
    let mut tree = Tree::new();
    let directories = [tree.directory(0, "a"), tree.directory(0, "b")];
    for number in 0..2500 {
        let at = directories[number % 2];
        tree.file(at, &format!("file {number}"), Data::Plain(format!("data of {number}").into()));
    }
    tree.link(directories[1], "link", 10);
    tree
}

#[test]
fn rewritten_records_of_version_1_get_their_parents() {
    let tree = tall();
    let directory = written(&tree, &Style::of_version(1));
    assert_holds(&open(&directory, "a.cim"), &tree);
    let mut writer = fork(&directory, "a.cim", "c.cim");
    writer.delete(&path("a/file 2400")).unwrap();
    put(&mut writer, "b/new", b"new");
    writer.commit().unwrap();
    let image = open(&directory, "c.cim");
    let sizes: Vec<u16> = tables(&image).iter().map(|table| table.entry_size).collect();
    assert_eq!(sizes, [96, 88, 96], "the first has the directories, the last what was deleted");
    for at in ["a/file 2", "b/file 2001", "b/new", "a", "a/file 1500"] {
        let file = image.find(&path(at)).unwrap().unwrap();
        let above = image.find(&path(at).parent().unwrap()).unwrap().unwrap();
        assert_eq!(image.parent(&file).unwrap(), Some(above.id), "{at}");
        let stated = !matches!(at, "b/file 2001" | "a/file 1500");
        assert_eq!(file.parent.is_some(), stated, "{at}");
    }
    assert_eq!(cat(&image, "a/file 2400"), None);
    assert_eq!(cat(&image, "b/link").unwrap(), cat(&image, &format!("{}/file 7", "b")).unwrap());
    let report = check(&directory, "c.cim");
    assert!(report.findings.is_empty(), "{:#?}", report.findings);

    // A fork of the fork still has the middle table of version 1.
    let mut writer = fork(&directory, "c.cim", "d.cim");
    writer.delete(&path("a/file 1500")).unwrap();
    writer.link(&path("again"), &path("b/file 1501")).unwrap();
    writer.delete(&path("b/file 1501")).unwrap();
    writer.commit().unwrap();
    let image = open(&directory, "d.cim");
    assert_eq!(tables(&image)[1].entry_size, 96);
    assert_eq!(cat(&image, "again").unwrap(), b"data of 1501");
    let report = check(&directory, "d.cim");
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}

#[test]
fn hard_links_of_version_1_are_known_when_names_go() {
    let directory = written(&tall(), &Style::of_version(1));
    let linked = {
        let image = open(&directory, "a.cim");
        let file = image.find(&path("b/link")).unwrap().unwrap();
        assert_eq!(image.links().unwrap().count(file.id), 2);
        file.id
    };
    let mut writer = fork(&directory, "a.cim", "c.cim");
    writer.delete(&path("b/file 7")).unwrap();
    writer.commit().unwrap();
    let image = open(&directory, "c.cim");
    let file = image.find(&path("b/link")).unwrap().unwrap();
    assert_eq!((file.id, image.links().unwrap().count(file.id)), (linked, 1));
    assert_eq!(cat(&image, "b/link").unwrap(), b"data of 7");
    assert!(check(&directory, "c.cim").findings.is_empty());
}

#[test]
fn clearing_and_replacing_directories_of_version_1_works() {
    let directory = written(&sample(), &Style::of_version(1));
    let mut writer = fork(&directory, "a.cim", "c.cim");
    writer.clear_directory(&path("many")).unwrap();
    writer.delete(&path("d0")).unwrap();
    put(&mut writer, "program.exe", b"plain now");
    put(&mut writer, "many/file 1", b"again");
    writer.commit().unwrap();
    let image = open(&directory, "c.cim");
    assert_eq!(cat(&image, "program.exe").unwrap(), b"plain now");
    assert_eq!(cat(&image, "many/file 1").unwrap(), b"again");
    assert_eq!(cat(&image, "many/file 2"), None);
    let report = check(&directory, "c.cim");
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
}

#[test]
fn an_image_of_version_1_can_be_replaced() {
    let directory = written(&sample(), &Style::of_version(1));
    let mut writer = Writer::extend(directory.clone(), &image_name("a.cim"), OPTIONS).unwrap();
    put(&mut writer, "added", b"added");
    writer.commit().unwrap();
    let image = open(&directory, "a.cim");
    assert_eq!(image.version().to_string(), "2.0");
    assert_eq!(
        (cat(&image, "added").unwrap(), cat(&image, "d0/file").unwrap().len()),
        (b"added".to_vec(), 50)
    );
    assert!(check(&directory, "a.cim").findings.is_empty());
}

#[test]
fn duplicates_are_found_by_the_ids_of_windows() {
    for style in [Style::of_version(1), Style { regions: vec![0], ..Style::of_version(2) }] {
        let directory = written(&sample(), &style);
        let data = |image: &Image, at: &str| image.find(&path(at)).unwrap().unwrap().data.offset;
        let mut writer = fork(&directory, "a.cim", "c.cim");
        for at in ["many/file 3", "70000 bytes", "alpha"] {
            let bytes = cat(&open(&directory, "a.cim"), at).unwrap();
            put(&mut writer, &format!("copy of {}", at.replace('/', " ")), &bytes);
        }
        writer.commit().unwrap();
        let image = open(&directory, "c.cim");
        for at in ["many/file 3", "70000 bytes", "alpha"] {
            let copy = format!("copy of {}", at.replace('/', " "));
            assert_eq!(data(&image, &copy), data(&image, at), "{at} {style:?}");
        }
        assert!(check(&directory, "c.cim").findings.is_empty());
    }
}

#[test]
fn longer_records_are_kept_but_never_written() {
    let mut tree = tall();
    let style = Style { entry_size: 112, ..Style::of_version(2) };
    let directory = written(&tree, &style);
    let mut writer = fork(&directory, "a.cim", "c.cim");
    writer.delete(&path("a/file 2400")).unwrap();
    writer.commit().unwrap();
    let sizes: Vec<u16> = tables(&open(&directory, "c.cim")).iter().map(|table| table.entry_size).collect();
    assert_eq!(sizes, [96, 112, 96]);
    assert!(check(&directory, "c.cim").findings.is_empty());
    // What is not known cannot be written in a shorter record.
    tree.nodes[2450].tail = vec![1];
    let mut files = crate::support::format_writer::Files::new();
    write(&mut files, "a.cim", 0x11, &tree, &style, Inherited::default());
    let mut writer = fork(&super::versions::directory(&files), "a.cim", "c.cim");
    let error = writer.delete(&path("a/file 2400")).unwrap_err();
    assert!(error.to_string().contains("a nonzero record tail is not known"), "{error}");
}
