//! Generated images of both systems, from a layout on disk to the last detail of the topmost image.

mod listing;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cimsnap::cim::{Image, files};
use cimsnap::layer::import::LayerOs;
use listing::{Listing, listing};

use crate::generator::{self, Compression, Options, Os};

/// A directory with a layout, and the images that are made of it.
struct Site {
    root: tempfile::TempDir,
}

impl Site {
    fn new(options: &Options) -> Self {
        let site = Self { root: tempfile::tempdir().unwrap() };
        generator::generate(options, &site.layout()).unwrap();
        site
    }

    fn layout(&self) -> PathBuf {
        self.root.path().join("layout")
    }

    fn images(&self) -> PathBuf {
        self.root.path().join("images")
    }

    fn run(&self, words: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cimsnap"));
        let output = command.args(words).current_dir(self.root.path()).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Converts all layers, and returns the names of their images, each of which is sound.
    fn convert(&self) -> Vec<String> {
        let words = ["--json", "image", "convert", "oci:layout", "--platform"];
        let rows = self.run(&[&words[..], &[self.platform(), "--to", "images"]].concat());
        let rows = rows.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap());
        let images: Vec<String> = rows.map(|row| row["image"].as_str().unwrap().to_owned()).collect();
        for image in &images {
            let report = self.run(&["cim", "check", "--deep", &format!("images/{image}")]);
            assert!(report.starts_with("sound"), "{image}: {report}");
        }
        images
    }

    fn platform(&self) -> &'static str {
        let index = fs::read_to_string(self.layout().join("index.json")).unwrap();
        if index.contains("windows") { "windows/amd64" } else { "linux/amd64" }
    }

    fn open(&self, image: &str) -> Image {
        Image::open(&self.images().join(image)).unwrap()
    }

    /// What an application of the layers that knows nothing of ours makes of them.
    fn expected(&self) -> Listing {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/images/oracle.py");
        let output = Command::new("/usr/bin/python3").arg(script).arg(self.layout()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| line.split_once('\t').unwrap());
        lines.map(|(path, facts)| (unhex(path), facts.to_owned())).collect()
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

/// Data of a hive that was merged; `hive_oracles` looks into those.
const MERGED: &str = " data=merged";

#[track_caller]
fn assert_same(mut found: Listing, expected: Listing) {
    for (path, _) in expected.iter().filter(|(_, facts)| facts.ends_with(MERGED)) {
        let facts = found.get_mut(path).expect("a merged hive");
        let before = facts.split(" data=").next().unwrap().len();
        facts.replace_range(before.., MERGED);
    }
    let paths: std::collections::BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let differ = paths.into_iter().filter(|path| found.get(*path) != expected.get(*path));
    let differences: Vec<String> = differ.map(|path| difference(path, &found, &expected)).collect();
    let (count, total) = (differences.len(), expected.len());
    let shown = differences.into_iter().take(8).collect::<String>();
    assert_eq!(count, 0, "of {total} paths {count} differ{shown}");
}

fn difference(path: &[u8], found: &Listing, expected: &Listing) -> String {
    let path_text = String::from_utf8_lossy(path);
    format!("\n{path_text}\n  found    {:?}\n  expected {:?}", found.get(path), expected.get(path))
}

fn windows() -> Options {
    Options::new(Os::Windows, 12 << 20)
}

fn linux() -> Options {
    Options { compression: Compression::Plain, ..Options::new(Os::Linux, 8 << 20) }
}

#[test]
fn an_image_of_windows_is_what_its_layers_say() {
    let site = Site::new(&windows());
    let images = site.convert();
    assert_eq!(images.len(), 7);
    assert_same(listing(site.open(&images[6]), LayerOs::Windows), site.expected());
}

#[test]
fn an_image_of_linux_is_what_its_layers_say() {
    let site = Site::new(&linux());
    let images = site.convert();
    assert_eq!(images.len(), 7);
    assert_same(listing(site.open(&images[6]), LayerOs::Linux), site.expected());
}

/// A small image whose data follows from the seed.
fn synthetic(os: Os) -> Options {
    Options { content: generator::Content::Synthetic, ..Options::new(os, 2 << 20) }
}

#[test]
fn the_order_of_entries_does_not_matter() {
    for (os, of) in [(Os::Windows, LayerOs::Windows), (Os::Linux, LayerOs::Linux)] {
        let [shuffled, sorted] = [false, true].map(|sorted| {
            let site = Site::new(&Options { sorted, ..synthetic(os) });
            let images = site.convert();
            (images[4].clone(), listing(site.open(&images[6]), of))
        });
        assert_ne!(shuffled.0, sorted.0, "the layers have different digests");
        assert_same(shuffled.1, sorted.1);
    }
}

#[test]
fn two_conversions_give_the_same_bytes() {
    for os in [Os::Windows, Os::Linux] {
        let [gzip, zstd] = [Compression::Gzip, Compression::Zstd].map(|compression| {
            let site = Site::new(&Options { compression, ..synthetic(os) });
            let images = site.convert();
            files_without_random_ids(&site, &images)
        });
        assert!(gzip.len() > 20);
        assert!(gzip == zstd, "{:?} {:?}", gzip.keys(), zstd.keys());
    }
}

/// Returns all files, with numbers for the random ids of the sets that belong to one image alone.
fn files_without_random_ids(site: &Site, images: &[String]) -> BTreeMap<String, Vec<u8>> {
    let own = |image: &String| site.open(image).header().sets().last().map(|set| set.guid).unwrap();
    let ids: Vec<_> = images.iter().map(own).collect();
    let all = fs::read_dir(site.images()).unwrap().map(|entry| entry.unwrap());
    let named = all.map(|entry| (entry.file_name().into_string().unwrap(), entry));
    // Notes of blobs are named after them, and blobs differ.
    let images = named.filter(|(name, _)| !files::is_note(name));
    images
        .map(|(name, entry)| {
            let id = files::set_of(&name).and_then(|id| ids.iter().position(|own| *own == id));
            let mut bytes = fs::read(entry.path()).unwrap();
            for (number, id) in ids.iter().enumerate() {
                replace(&mut bytes, &id.to_windows_bytes(), &[u8::try_from(number).unwrap(); 16]);
            }
            match id {
                Some(number) => (name.replace(&ids[number].to_string(), &number.to_string()), bytes),
                None => (name, bytes),
            }
        })
        .collect()
}

fn replace(bytes: &mut [u8], old: &[u8; 16], new: &[u8; 16]) {
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(16).position(|window| window == old) {
        at += found;
        bytes[at..at + 16].copy_from_slice(new);
    }
}

#[test]
fn the_same_seed_gives_the_same_image() {
    for os in [Os::Windows, Os::Linux] {
        let layers = |seed| {
            let root = tempfile::tempdir().unwrap();
            generator::generate(&Options { seed, ..synthetic(os) }, root.path()).unwrap()
        };
        assert_eq!(layers(1), layers(1));
        assert_ne!(layers(1), layers(2));
    }
}
