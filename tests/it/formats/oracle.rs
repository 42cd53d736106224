//! Images of this library, read by a program in Python that was made from the description of the format.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use cimsnap::cim::format::DigestKind;
use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::cim::{
    Attributes, FileTime, Guid, LayerSet, LayerSetWriter, Metadata, ObjectLayout, Writer, WriterOptions,
};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::expanded::executable;
use crate::support::{image_name, mkdir, name, path};

/// Reads an image, and returns what is said of every path.
fn read(directory: &Path, image: &str, ids: bool) -> BTreeMap<String, Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/formats/reader.py");
    let mut python = Command::new("python3");
    python.arg(script).arg(directory).arg(image).args(ids.then_some("--ids"));
    let output = python.output().unwrap();
    assert!(output.status.success(), "{image}: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let values = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    values.map(|value| (value["path"].as_str().unwrap().to_owned(), value)).collect()
}

fn options(expand_pe: bool, object_ids: DigestKind) -> WriterOptions {
    let layout = ObjectLayout { expand_pe, object_ids, ..ObjectLayout::default() };
    WriterOptions { sync: false, layout, ..WriterOptions::DEFAULT }
}

fn contents() -> Vec<(&'static str, Vec<u8>)> {
    let bytes = |len: usize| -> Vec<u8> { (0..len).map(|at| (at % 241) as u8 + 1).collect() };
    vec![
        ("d/one", bytes(1)),
        ("d/1024", bytes(1024)),
        ("d/1025", bytes(1025)),
        ("d/page", bytes(4096)),
        ("d/large", bytes(3_000_000)),
        ("d/huge", bytes(9_000_000)),
        ("d/program.exe", executable(&[(0x400, 0x1600), (0x1A00, 0x200)], 0x123, 0x1D23)),
        ("d/unsigned.dll", executable(&[(0x400, 0x200), (0x600, 0xA00)], 0, 0x1007)),
        ("d/aligned.sys", executable(&[(0x1000, 0x1000), (0x2000, 0x80)], 0, 0x2080)),
        ("d/same.exe", executable(&[(0x400, 0x1600), (0x1A00, 0x200)], 0x123, 0x1D23)),
        ("d/broken.exe", executable(&[(0x400, 0x9000)], 0, 0x800)),
    ]
}

const EAS: [u8; 20] = *b"\x00\0\0\0\0\x06\x04\0$LXUID\0\xE8\x03\0\0\0";
const SECURITY: [u8; 20] = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn metadata() -> Metadata<'static> {
    Metadata { attributes: Attributes::ARCHIVE, eas: &EAS[..19], security: &SECURITY, ..Metadata::default() }
        .with_time(FileTime::UNIX_EPOCH)
}

fn assert_contents(found: &BTreeMap<String, Value>, expands: bool) {
    for (at, bytes) in contents() {
        let says = &found[&format!("/{at}")];
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(says["sha256"], digest, "{at}");
        assert_eq!(says["size"], bytes.len(), "{at}");
        let is_executable = at.contains('.') && at != "d/broken.exe";
        assert_eq!(says["expanded"], expands && is_executable, "{at}");
        let eas = says["eas"].as_array().unwrap();
        assert_eq!(eas[0], serde_json::json!(["$LXUID", "e8030000"]), "{at}");
        let digests = if !(expands && is_executable) { 0 } else { 1 + usize::from(!at.ends_with(".exe")) };
        assert_eq!(eas.len(), 1 + digests, "{at}");
        assert_eq!(says["security"].as_str().unwrap().len(), 40);
    }
    assert_eq!(found["/d/link"]["id"], found["/d/one"]["id"]);
    assert_eq!(found["/d/zeros"]["sha256"], "sparse");
    assert_eq!(found["/d/one"]["streams"]["side"]["size"], 5000);
}

fn fill(writer: &mut Writer) {
    mkdir(writer, "d");
    for (at, bytes) in contents() {
        let mut stream = writer.create_file(&path(at), &metadata(), bytes.len() as u64).unwrap();
        bytes.chunks(777).for_each(|piece| stream.append(piece).unwrap());
        stream.finish().unwrap();
    }
    writer.create_file(&path("d/zeros"), &metadata(), 1 << 33).unwrap().finish().unwrap();
    let mut side = writer.create_stream(&path("d/one"), &name("side"), 5000).unwrap();
    side.append(&[7; 5000]).unwrap();
    side.finish().unwrap();
    writer.link(&path("d/link"), &path("d/one")).unwrap();
}

#[test]
fn images_and_their_forks_are_what_the_description_says() {
    for expands in [false, true] {
        for ids in [DigestKind::Blake3, DigestKind::Sha512] {
            let root = tempfile::tempdir().unwrap();
            let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::new(root.path()));
            let options = options(expands, ids);
            let mut writer = Writer::create(directory.clone(), &image_name("a.cim"), options).unwrap();
            fill(&mut writer);
            writer.commit().unwrap();
            let is_windows = ids == DigestKind::Sha512;
            assert_contents(&read(root.path(), "a.cim", is_windows), expands);
            let mut writer =
                Writer::fork(directory, &image_name("a.cim"), &image_name("b.cim"), options).unwrap();
            writer.delete(&path("d/page")).unwrap();
            writer.create_directory(&path("new"), &Metadata::directory()).unwrap();
            for (at, bytes) in contents().into_iter().filter(|(at, _)| at.contains('.')) {
                let at = at.replace("d/", "new/");
                let mut stream = writer.create_file(&path(&at), &metadata(), bytes.len() as u64).unwrap();
                stream.append(&bytes).unwrap();
                stream.finish().unwrap();
            }
            writer.commit().unwrap();
            let fork = read(root.path(), "b.cim", is_windows);
            assert!(!fork.contains_key("/d/page"));
            for (at, _) in contents().into_iter().filter(|(at, _)| at.contains('.')) {
                let (old, new) = (&fork[&format!("/{at}")], &fork[&format!("/{}", at.replace("d/", "new/"))]);
                assert_eq!(
                    (&old["sha256"], &old["expanded"], &old["eas"]),
                    (&new["sha256"], &new["expanded"], &new["eas"])
                );
            }
        }
    }
}

#[test]
fn layers_over_each_other_are_what_the_description_says() {
    for ids in [DigestKind::Blake3, DigestKind::Sha512] {
        let root = tempfile::tempdir().unwrap();
        let directory: Arc<dyn Directory> = Arc::new(DiskDirectory::new(root.path()));
        let options = options(true, ids);
        let mut parent = None;
        for number in 1..=2u8 {
            let guid = Guid::from_content([number; 16]);
            let mut layer = LayerSetWriter::create(directory.clone(), guid, options).unwrap();
            layer.ensure_directory(&path(""), &Metadata::directory()).unwrap();
            layer.ensure_directory(&path("d"), &Metadata::directory()).unwrap();
            for (at, bytes) in contents().into_iter().filter(|(at, _)| number == 1 || at.contains('.')) {
                let at = if number == 1 { at.to_owned() } else { at.replace("d/", "d/upper ") };
                let mut stream = layer.create_file(&path(&at), &metadata(), bytes.len() as u64).unwrap();
                stream.append(&bytes).unwrap();
                stream.finish().unwrap();
            }
            layer.finish().unwrap();
            let new = image_name(&format!("{number}.cim"));
            LayerSet::open(directory.clone(), guid).unwrap().commit(parent.as_ref(), &new, options).unwrap();
            parent = Some(new);
        }
        let found = read(root.path(), "2.cim", ids == DigestKind::Sha512);
        for (at, _) in contents().into_iter().filter(|(at, _)| at.contains('.')) {
            let (lower, upper) =
                (&found[&format!("/{at}")], &found[&format!("/{}", at.replace("d/", "d/upper "))]);
            assert_eq!((&lower["sha256"], &lower["eas"]), (&upper["sha256"], &upper["eas"]), "{at}");
            assert_eq!(lower["expanded"], upper["expanded"], "{at}");
            assert_eq!(lower["expanded"], at != "d/broken.exe", "{at}");
        }
    }
}
