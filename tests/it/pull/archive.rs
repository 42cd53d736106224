//! What `docker save` has written over the years.

use std::fs;

use cimsnap::layer::digest::Digest;
use serde_json::{Value, json};
use tar::EntryType;

use super::{is_converted, layers, pull};
use crate::cli::Shell;
use crate::cli::oci::{Layer, Oci};
use crate::import::tars::Tar;

/// A layout, which the archives are compared with, and its configuration.
fn layout(shell: &Shell, layers: &[Layer]) -> Vec<u8> {
    let mut oci = Oci::new(&shell.path("layout"));
    let image = oci.image("linux", layers);
    oci.list("", image.clone());
    let manifest: Value = serde_json::from_slice(&fs::read(oci.path(&image["digest"])).unwrap()).unwrap();
    fs::read(oci.path(&manifest["config"]["digest"])).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn add(tar: Tar, name: &str, data: &[u8]) -> Tar {
    tar.raw(EntryType::Regular, name.as_bytes(), b"", data, |_| {})
}

fn manifest(config: &str, tags: &[&str], layers: &[String]) -> String {
    json!([{"Config": config, "RepoTags": tags, "Layers": layers}]).to_string()
}

fn plain() -> Vec<Vec<u8>> {
    let lowest = Tar::new().dir("etc").file("etc/a", "one").file("etc/b", "two");
    [lowest, Tar::new().file("etc/c", "three")].map(Tar::bytes).to_vec()
}

#[test]
fn old_archives_have_a_directory_for_each_layer() {
    let shell = Shell::new();
    let tars = plain();
    // The third layer is the same as the first: a link has its place.
    let all = [&tars[0], &tars[1], &tars[0]];
    let config = layout(&shell, &all.map(|tar| Layer::plain(tar)));
    let tar = add(Tar::new().dir("one"), "one/layer.tar", &tars[0]);
    let tar = add(tar.dir("two"), "two/layer.tar", &tars[1])
        .dir("three")
        .symlink("three/layer.tar", "../one/layer.tar");
    let names = ["one", "two", "three"].map(|name| format!("{name}/layer.tar"));
    let tar = add(tar, "config.json", &config)
        .file("manifest.json", &manifest("config.json", &["own/app:1"], &names));
    fs::write(shell.path("saved.tar"), tar.bytes()).unwrap();
    let (states, told) = pull(&shell, "docker-archive:saved.tar --to out --name own/app:1");
    assert_eq!(
        (states, &told["name"]),
        (["made", "made", "committed"].map(str::to_owned).to_vec(), &json!("docker.io/own/app:1"))
    );
    is_converted(&shell, "oci:layout", "out");
    assert_eq!(pull(&shell, "docker-archive:saved.tar:own/app:1 --to out").0, ["kept"; 3]);
    assert_eq!(shell.json("image convert docker-archive:saved.tar --to again").len(), 3);
    let (code, text) = shell.fails("pull docker-archive:saved.tar:other --to out");
    assert!(code == 4 && text.contains("the archive has no image \"other\", but own/app:1"), "{text}");
}

#[test]
fn new_archives_are_layouts_too() {
    let shell = Shell::new();
    let layers = layers();
    let config = layout(&shell, &layers);
    let mut tar = Tar::new().dir("blobs").dir("blobs/sha256");
    let name = |bytes: &[u8]| format!("blobs/sha256/{}", Digest::of(bytes).hex());
    for layer in &layers {
        tar = add(tar, &name(&layer.blob), &layer.blob);
    }
    tar = add(tar, &name(&config), &config).file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let names: Vec<_> = layers.iter().map(|layer| name(&layer.blob)).collect();
    tar = tar.file("manifest.json", &manifest(&name(&config), &["own/app:1", "own/app:2"], &names));
    fs::write(shell.path("saved.tar"), tar.bytes()).unwrap();
    assert_eq!(pull(&shell, "docker-archive:saved.tar --to out").0, ["made"; 3]);
    is_converted(&shell, "oci:layout", "out");
}

#[test]
fn other_builders_compress_layers() {
    let shell = Shell::new();
    let layers = layers();
    let config = layout(&shell, &layers);
    let names = ["a.tar.gz", "b.tar.zst", "c.tar"].map(str::to_owned);
    let tar = layers.iter().zip(&names).fold(Tar::new(), |tar, (layer, name)| add(tar, name, &layer.blob));
    let tar = tar.file("manifest.json", &manifest("config", &[], &names));
    fs::write(shell.path("saved.tar"), add(tar, "config", &config).bytes()).unwrap();
    assert_eq!(pull(&shell, "docker-archive:saved.tar --to out").0, ["made"; 3]);
    is_converted(&shell, "oci:layout", "out");
}

#[test]
fn archives_that_are_none_are_told() {
    let shell = Shell::new();
    let tars = plain();
    let config = layout(&shell, &[Layer::plain(&tars[0])]);
    let with = |layers: &[&str], layer: &[u8]| {
        let names: Vec<_> = layers.iter().map(|&name| name.to_owned()).collect();
        let tar = add(Tar::new(), "layer.tar", layer);
        add(tar, "config", &config).file("manifest.json", &manifest("config", &[], &names)).bytes()
    };
    let gzip = Layer::gzip(&with(&["layer.tar"], &tars[0])).blob;
    let two = {
        let entry = |tag| json!({"Config": "config", "RepoTags": [tag], "Layers": ["layer.tar"]});
        let other = text(&config).replace("amd64", "arm64");
        let mut entries = [entry("a:1"), entry("b:1")];
        entries[1]["Config"] = "other".into();
        let tar = add(add(Tar::new(), "layer.tar", &tars[0]), "config", &config).file("other", &other);
        tar.file("manifest.json", &json!(entries).to_string()).bytes()
    };
    for (bytes, code, says) in [
        (with(&["missing"], &[]), 4, "saved.tar has no member \"missing\""),
        (with(&["layer.tar"], &tars[1]), 5, "cannot convert layer 1 of 1"),
        (with(&[], &[]), 5, "0 layers, and its configuration diff ids of 1"),
        (Tar::new().file("a", "b").bytes(), 4, "saved.tar has no member \"manifest.json\""),
        (Tar::new().file("manifest.json", "[").bytes(), 5, "manifest.json cannot be understood"),
        (b"no tar".repeat(200), 1, "saved.tar is no archive that can be read"),
        (gzip, 1, "saved.tar is compressed\nhint: decompress it first"),
        (two, 1, "the archive has more than one image: a:1, b:1\nhint: name one"),
    ] {
        fs::write(shell.path("saved.tar"), bytes).unwrap();
        let (got, text) = shell.fails("pull docker-archive:saved.tar --to out");
        assert!(got == code && text.contains(says), "{says}: {got} {text}");
    }
    let (_, text) = shell.fails("pull docker-archive:layout --to out");
    assert!(text.contains("layout is no file"), "{text}");
}
