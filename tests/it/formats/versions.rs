//! Images of versions 1 and 3, as another writer makes them, read as what was put into them.

use std::collections::BTreeMap;
use std::sync::Arc;

use cimsnap::cim::check::{CheckOptions, Report, Severity, check_in};
use cimsnap::cim::dump::{DumpOptions, dump};
use cimsnap::cim::io::{Directory, MemoryDirectory};
use cimsnap::cim::reader::File;
use cimsnap::cim::{CimError, ErrorKind, Fault, FileId, Image, ImagePath, Writer, WriterOptions};

use crate::support::format_writer::{Data, Files, Inherited, Node, Style, Tree, sample, samples, write};
use crate::support::{image_name, name, path};

pub(super) fn directory(files: &Files) -> Arc<dyn Directory> {
    let directory = MemoryDirectory::new();
    for (name, bytes) in files {
        directory.create(name).unwrap().write_at(bytes, 0).unwrap();
    }
    Arc::new(directory)
}

pub(super) fn written(tree: &Tree, style: &Style) -> Arc<dyn Directory> {
    let mut files = Files::new();
    write(&mut files, "a.cim", 0x11, tree, style, Inherited::default());
    directory(&files)
}

pub(super) fn open(directory: &Arc<dyn Directory>, image: &str) -> Image {
    Image::open_in(directory.clone(), &image_name(image)).unwrap()
}

pub(super) fn check(directory: &Arc<dyn Directory>, image: &str) -> Report {
    let options = CheckOptions { deep: true, max_findings: 50 };
    check_in(directory.clone(), &image_name(image), options).unwrap()
}

pub(super) fn listing(image: &Image) -> String {
    let mut out = Vec::new();
    dump(image, &mut out, DumpOptions::default()).unwrap();
    String::from_utf8(out).unwrap()
}

fn styles() -> Vec<Style> {
    let mut styles = Vec::new();
    for major in 1..=3 {
        let usual = Style::of_version(major);
        let regions: [&[u8]; 8] =
            [&[0, 1, 2], &[2, 1, 0], &[0], &[1], &[2], &[0, 1], &[2, 0, 1, 1, 0, 2, 0], &[1, 2, 0, 0, 0]];
        for regions in regions {
            styles.push(Style { regions: regions.to_vec(), ..usual.clone() });
        }
        styles.push(Style { reserved: 0xAB, ..usual.clone() });
        styles.push(Style { version: (major, 7), object_ids: false, ..usual.clone() });
        for entry_size in [88, 92, 96, 104, 128] {
            styles.push(Style { entry_size, ..usual.clone() });
        }
    }
    styles
}

/// The bytes that a stream reads as; `None` where it is longer than anybody reads.
fn bytes_of(data: &Data) -> Option<Vec<u8>> {
    match data {
        Data::Plain(bytes) | Data::Expanded(bytes, _) => Some(bytes.clone()),
        Data::Sparse(len) if *len < 1 << 20 => Some(vec![0; *len as usize]),
        Data::Sparse(_) | Data::Unknown(_) => None,
    }
}

fn read(image: &Image, stream: cimsnap::cim::format::Stream) -> Option<Vec<u8>> {
    let data = image.data(stream).unwrap();
    if data.len() >= 1 << 20 {
        return None;
    }
    let mut bytes = vec![0; data.len() as usize];
    assert_eq!(data.read_at(&mut bytes, 0), bytes.len());
    // Each byte alone, too, where the stream is short: runs end anywhere.
    for at in (0..bytes.len()).step_by(509) {
        let mut one = [0];
        assert_eq!((data.read_at(&mut one, at as u64), one[0]), (1, bytes[at]));
    }
    Some(bytes)
}

fn assert_node(image: &Image, file: &File, tree: &Tree, node: &Node, at: &str) {
    let id = FileId::from_raw(file.id.raw()).unwrap();
    assert_eq!(file.flags.bits(), node.flags, "{at}");
    let times = [file.creation_time, file.last_write_time, file.change_time, file.last_access_time];
    assert_eq!(times.map(|time| time.raw()), node.times, "{at}");
    assert_eq!(image.security(file).unwrap().unwrap_or_default(), node.security, "{at}");
    assert_eq!(image.eas(file).unwrap(), node.eas, "{at}");
    assert_eq!(image.reparse(file).unwrap().unwrap_or_default(), node.reparse, "{at}");
    assert_eq!(file.is_directory(), node.data.is_none(), "{at}");
    if let Some(data) = &node.data {
        assert_eq!(read(image, file.data), bytes_of(data), "{at}");
    }
    let found: BTreeMap<String, _> = image
        .list_streams(file)
        .unwrap()
        .map(|entry| entry.map(|(name, stream)| (name.to_string(), read(image, stream))).unwrap())
        .collect();
    let expected: BTreeMap<String, _> =
        node.streams.iter().map(|(name, data)| (name.clone(), bytes_of(data))).collect();
    assert_eq!(found, expected, "{at}");
    for (stream, _) in &node.streams {
        let shouted = name(&stream.to_uppercase());
        assert!(image.stream(file, shouted.as_ref()).unwrap().is_some(), "{stream} of {at}");
    }
    // Where records do not state the directory of the first name, any directory that holds a name will do.
    let number = file.id.raw() as usize - 1;
    let holds = |at: &Node| at.names.iter().any(|(_, other)| *other == number);
    let parent = image.parent(file).unwrap().unwrap().raw() as usize - 1;
    match file.parent {
        Some(_) => assert_eq!(parent, node.parent, "{at}"),
        None => assert!(number == 0 || holds(&tree.nodes[parent]), "{at}"),
    }
    assert_eq!(image.file(id).unwrap(), *file);
}

/// Checks that an image holds a tree, name by name, and that names are found by look-ups.
pub(super) fn assert_holds(image: &Image, tree: &Tree) {
    let mut left = vec![(ImagePath::ROOT, 0)];
    let mut names = 0;
    while let Some((at, number)) = left.pop() {
        let node = &tree.nodes[number];
        let file = image.find(&at).unwrap().unwrap_or_else(|| panic!("{at} is not found"));
        assert_eq!(file.id.raw() as usize, number + 1, "{at}");
        assert_node(image, &file, tree, node, &at.to_string());
        let listed: Vec<String> =
            image.list(&file).unwrap().map(|entry| entry.unwrap().0.to_string()).collect();
        assert_eq!(listed.len(), node.names.len(), "{at}");
        for (child, number) in &node.names {
            names += 1;
            assert!(listed.contains(child), "{child} in {at}");
            let there = at.join(name(child).as_ref()).unwrap();
            let other_case = at.join(name(&child.to_ascii_uppercase()).as_ref()).unwrap();
            assert_eq!(image.find(&other_case).unwrap().unwrap().id.raw() as usize, number + 1);
            left.push((there, *number));
        }
        assert!(image.find(&at.join(name("absent").as_ref()).unwrap()).unwrap().is_none());
    }
    let mut walked = 0;
    image
        .walk(|_| {
            walked += 1;
            Ok::<_, CimError>(())
        })
        .unwrap();
    assert_eq!(walked, names + 1);
}

#[test]
fn every_version_and_layout_reads_as_the_same_tree() {
    let tree = sample();
    let expected = listing(&open(&written(&tree, &Style::of_version(2)), "a.cim"));
    for style in styles() {
        let directory = written(&tree, &style);
        let image = open(&directory, "a.cim");
        assert_eq!(image.version().to_string(), format!("{}.{}", style.version.0, style.version.1));
        assert_eq!(image.is_experimental(), style.version.0 == 3);
        assert_holds(&image, &tree);
        assert_eq!(listing(&image), expected, "{style:?}");
        let report = check(&directory, "a.cim");
        assert!(report.findings.is_empty(), "{style:?}: {:#?}", report.findings);
        assert_eq!(report.seen.hashed > 0, style.object_ids);
        let file = image.find(&path("many/link")).unwrap().unwrap();
        assert_eq!(image.links().unwrap().count(file.id), 3, "{style:?}");
    }
}

#[test]
fn images_over_others_read_through_their_regions() {
    for major in 1..=3 {
        let directory = directory(&samples(&Style::of_version(major)));
        let (a, b) = (open(&directory, "a.cim"), open(&directory, "b.cim"));
        assert_eq!((a.regions().len(), b.regions().len()), (3, 6));
        assert!(b.find(&path("1024 bytes")).unwrap().is_none() && a.find(&path("of b")).unwrap().is_none());
        let file = |image: &Image| image.find(&path("70000 bytes")).unwrap().unwrap();
        assert_eq!(file(&a).data, file(&b).data, "what both have lies once");
        let report = check(&directory, "b.cim");
        assert!(report.is_sound(), "{:#?}", report.findings);
    }
}

#[test]
fn trees_of_many_file_tables_read_back() {
    let mut tree = Tree::new();
    for number in 0..5000 {
        let data =
            if number % 2 == 0 { Data::Plain(Vec::new()) } else { Data::Plain(b"like others".to_vec()) };
        let file = tree.file(0, &format!("file {number:04}"), data);
        tree.nodes[file].times = [0; 4];
        tree.nodes[file].flags = 0;
    }
    for major in 1..=3 {
        let directory = written(&tree, &Style::of_version(major));
        assert_holds(&open(&directory, "a.cim"), &tree);
        // Tables of files that are all alike are the same object.
        let findings = check(&directory, "a.cim").findings;
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

#[test]
fn a_root_that_nobody_created_has_nothing_but_names() {
    let mut tree = Tree::new();
    tree.file(0, "file", Data::Plain(b"x".to_vec()));
    let directory = written(&tree, &Style::of_version(1));
    let image = open(&directory, "a.cim");
    let root = image.find(&ImagePath::ROOT).unwrap().unwrap();
    assert_eq!((root.flags.bits(), root.creation_time.raw(), image.security(&root).unwrap()), (0, 0, None));
    assert!(check(&directory, "a.cim").findings.is_empty());
}

#[test]
fn corrupt_mappings_spoil_one_file_alone() {
    let tree = sample();
    for major in 1..=3 {
        let mut files = Files::new();
        let style = Style::of_version(major);
        write(&mut files, "a.cim", 0x11, &tree, &style, Inherited::default());
        let image = open(&directory(&files), "a.cim");
        let program = image.find(&path("program.exe")).unwrap().unwrap();
        let place = image.regions().place(program.data.offset);
        let at = usize::try_from(place.offset).unwrap();
        // A length that is too short, a delta that leads outside, mappings out of order, more mappings than there are.
        for (field, value) in
            [(8, &[1u8, 0][..]), (24 + 15, &[0x7F]), (24, &[0xFF, 0xFF]), (20, &[0xFF, 0xFF])]
        {
            let mut files = files.clone();
            files.get_mut(&place.file).unwrap()[at + field..at + field + value.len()].copy_from_slice(value);
            let directory = directory(&files);
            let image = open(&directory, "a.cim");
            let error = image.data(program.data).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{field}");
            let aligned = image.find(&path("aligned.dll")).unwrap().unwrap();
            assert!(image.data(aligned.data).is_ok());
            assert!(!check(&directory, "a.cim").is_sound(), "{field}");
        }
    }
}

/// A name for the feature, what gives it to a file, and what the error says.
type UnknownCase = (&'static str, fn(&mut Tree, usize), &'static str);

/// Each unknown feature of version 3.
fn unknown() -> [UnknownCase; 4] {
    [
        ("tail", |tree, file| tree.nodes[file].tail = vec![0, 0, 1], "a nonzero record tail"),
        ("flags", |tree, file| tree.nodes[file].flags = 0x20, "record flags 0x0020"),
        ("stream", |tree, file| tree.nodes[file].data = Some(Data::Unknown(3)), "stream type 3"),
        ("high flag", |tree, file| tree.nodes[file].flags = 0x8008, "record flags 0x8000"),
    ]
}

#[test]
fn unknown_features_of_version_3_make_one_file_unreadable() {
    for (what, change, said) in unknown() {
        let mut tree = sample();
        let file = tree.file(0, "odd", Data::Plain(b"data".to_vec()));
        change(&mut tree, file);
        let directory = written(&tree, &Style::of_version(3));
        let image = open(&directory, "a.cim");
        let odd = image.find(&path("odd")).unwrap().unwrap();
        assert_eq!(odd.unknown.map(|feature| feature.to_string()).as_deref(), Some(said), "{what}");
        let failures = [
            image.data(odd.data).map(drop).unwrap_err(),
            image.eas(&odd).map(drop).unwrap_err(),
            image.security(&odd).map(drop).unwrap_err(),
            image.list_streams(&odd).map(drop).unwrap_err(),
        ];
        for error in failures {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{what}");
            assert!(error.to_string().ends_with("is not known to this version"), "{error}");
        }
        assert_eq!(image.data(image.find(&path("eas")).unwrap().unwrap().data).unwrap().len(), 2);
        let line = listing(&image).lines().find(|line| line.starts_with("\"/odd\"")).unwrap().to_owned();
        assert!(line.ends_with(&format!("unknown=\"{said}\"")), "{line}");
        let report = check(&directory, "a.cim");
        let [finding] = &report.findings[..] else { panic!("{:#?}", report.findings) };
        assert_eq!((finding.severity, finding.path.as_deref()), (Severity::Note, Some("/odd")));
        assert!(matches!(finding.fault, Fault::Unknown(_)));
        // The same bytes mean nothing in version 2, but for the type of the stream.
        if what != "stream" {
            let older = written(&tree, &Style { entry_size: 104, ..Style::of_version(2) });
            let odd = open(&older, "a.cim").find(&path("odd")).unwrap().unwrap();
            assert_eq!(open(&older, "a.cim").data(odd.data).unwrap().len(), 4);
            assert!(check(&older, "a.cim").findings.is_empty());
        }
    }
}

#[test]
fn an_unknown_directory_is_visited_but_not_entered() {
    let mut tree = sample();
    let shut = tree.directory(0, "shut");
    tree.file(shut, "inside", Data::Plain(b"x".to_vec()));
    tree.nodes[shut].tail = vec![1];
    let directory = written(&tree, &Style::of_version(3));
    let image = open(&directory, "a.cim");
    assert_eq!(image.find(&path("shut/inside")).unwrap_err().kind(), ErrorKind::Unsupported);
    let text = listing(&image);
    assert!(text.contains("\"/shut\" dir") && !text.contains("inside"), "{text}");
    let report = check(&directory, "a.cim");
    assert!(report.is_sound() && report.notes == 1, "{:#?}", report.findings);
    let other = open(&written(&sample(), &Style::of_version(3)), "a.cim");
    let mut differences = Vec::new();
    cimsnap::cim::diff::diff(&other, &image, |path, _| {
        differences.push(path.to_string());
        Ok::<_, CimError>(())
    })
    .unwrap();
    assert_eq!(differences, ["/shut"]);
}

#[test]
fn a_region_of_an_unknown_type_matters_only_to_what_lies_in_it() {
    let tree = sample();
    let style = Style { regions: vec![0, 1, 2, 2], ..Style::of_version(3) };
    let mut files = Files::new();
    write(&mut files, "a.cim", 0x11, &tree, &style, Inherited::default());
    let last = files.keys().rfind(|name| name.starts_with("region_")).unwrap().clone();
    files.get_mut(&last).unwrap()[34] = 9;
    let directory = directory(&files);
    let image = open(&directory, "a.cim");
    let mut counts = [0, 0];
    image
        .walk(|visit| {
            let readable = visit.file.is_directory() || image.data(visit.file.data).is_ok();
            counts[usize::from(readable)] += 1;
            Ok::<_, CimError>(())
        })
        .unwrap();
    assert!(counts[0] > 5 && counts[1] > 30, "{counts:?}");
    let mut out = Vec::new();
    dump(&image, &mut out, DumpOptions::default()).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("unknown=\"region type 9\""));
}

#[test]
fn images_of_version_3_are_not_written_over() {
    let directory = directory(&samples(&Style::of_version(3)));
    let options = WriterOptions { sync: false, ..WriterOptions::DEFAULT };
    let names = directory.list().unwrap();
    for new in [None, Some(image_name("c.cim"))] {
        let error = Writer::open(directory.clone(), Some(&image_name("b.cim")), new.as_ref(), options);
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("b.cim has format version 3.0"), "{error}");
    }
    let mut left = directory.list().unwrap();
    left.retain(|name| !name.starts_with(".cim"));
    assert_eq!(left, names);
}
