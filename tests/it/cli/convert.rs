//! Images of OCI layouts become images.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use cimsnap::cim::io::{Directory, DiskDirectory};
use cimsnap::layer::digest::Digest;
use serde_json::json;

use super::oci::{DOCKER_LIST, Layer, Oci};
use super::{Shell, is_left};
use crate::import::registry;
use crate::import::tars::Tar;

const CONVERT: &str = "image convert oci:layout --to out";

fn lowest() -> Tar {
    Tar::new().dir("etc").file("etc/a", "one").file("etc/b", "two").symlink("s", "etc/a")
}

/// Four layers, the third of which has nothing in it.
fn linux() -> [Layer; 4] {
    [
        Layer::gzip(&lowest().bytes()),
        Layer::zstd(&Tar::new().whiteout("etc/.wh.a").file("etc/c", "three").bytes()),
        Layer::gzip(&Tar::new().bytes()),
        Layer::plain(&Tar::new().link("etc/d", "etc/b").bytes()),
    ]
}

/// Converts, and returns the names of the images and what became of each.
fn convert(shell: &Shell, words: &str) -> (Vec<String>, Vec<String>) {
    let rows = shell.json(words);
    let column = |key: &str| rows.iter().map(|row| row[key].as_str().unwrap().to_owned()).collect();
    (column("image"), column("state"))
}

/// Changes a byte of a blob, and returns the bytes that it had.
fn damage(oci: &Oci, digest: &str) -> Vec<u8> {
    let path = oci.path(&json!(digest));
    let good = fs::read(&path).unwrap();
    let mut bad = good.clone();
    *bad.last_mut().unwrap() ^= 1;
    fs::write(path, bad).unwrap();
    good
}

#[test]
fn every_layer_becomes_an_image() {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    oci.list("latest", oci.image("linux", &linux()));
    let rows = shell.json(CONVERT);
    assert!(rows.iter().all(|row| row["state"] == "made" && row["seconds"].as_f64().unwrap() > 0.0));
    let images: Vec<&str> = rows.iter().map(|row| row["image"].as_str().unwrap()).collect();
    assert_eq!(images[0], linux()[0].diff_id.replace(':', "-") + ".cim");
    for (image, names) in images.iter().zip(["a b", "b c", "b c", "b c d"]) {
        assert!(shell.ok(&format!("check --deep out/{image}")).starts_with("sound"));
        assert_eq!(shell.ok(&format!("ls out/{image} etc")).lines().collect::<Vec<_>>().join(" "), names);
    }
    // A second run has nothing to do, and needs nobody's leave for it.
    let before = is_left(&shell.path("out"));
    let busy = DiskDirectory::new(shell.path("out")).lock().unwrap();
    assert_eq!(convert(&shell, &format!("{CONVERT} --platform linux/amd64")).1, ["kept"; 4]);
    let text = shell.ok("image convert oci:layout:latest --to out");
    assert!(text.lines().all(|line| line.contains(".cim: was there; ")), "{text}");
    drop(busy);
    assert_eq!(is_left(&shell.path("out")), before);
}

#[test]
fn windows_layers_of_docker_get_their_registry() {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    let layers = [
        Layer::docker(&registry::base().bytes()),
        Layer::docker(&registry::delta("SYSTEM", "new", "value").bytes()),
    ];
    let list = json!({"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [
        oci.image("linux", &linux()), oci.image("windows", &layers),
    ]});
    oci.list("both", oci.document(DOCKER_LIST, &list));
    let (code, text) = shell.fails("image convert oci:layout --to out --platform windows/arm64");
    assert_eq!(code, 4);
    assert!(text.contains("not for windows/arm64, but linux/amd64, windows/amd64\nhint: "), "{text}");
    let (images, states) = convert(&shell, &format!("{CONVERT} --platform windows/amd64"));
    assert_eq!(states, ["made"; 2]);
    let dump = |image: &str| shell.ok(&format!("dump --no-times out/{image}"));
    let hive = |image: &str, hive: &str| {
        let dump = dump(image);
        let line = dump.lines().find(|line| line.contains(hive)).unwrap().to_owned();
        line.split("data=").nth(1).unwrap().split(' ').next().unwrap().to_owned()
    };
    assert_ne!(hive(&images[0], "Hives/SYSTEM_BASE"), hive(&images[1], "Hives/SYSTEM_BASE"));
    assert_eq!(hive(&images[0], "Hives/SAM_BASE"), hive(&images[1], "Hives/SAM_BASE"));
    assert_eq!(convert(&shell, &format!("{CONVERT} --platform linux")).1, ["made"; 4]);
}

#[test]
fn what_images_share_is_converted_once() {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    let [one, two, three, four] = linux();
    oci.list("a", oci.image("linux", &[one.clone(), two.clone()]));
    oci.list("b", oci.image("linux", &[one.clone(), two.clone(), three.clone(), four]));
    oci.list("c", oci.image("linux", &[three.clone(), one, three, two]));
    let (code, text) = shell.fails(CONVERT);
    assert!(code == 1 && text.contains("more than one image: a, b, c\nhint: "), "{text}");
    let tag = |tag: &str| convert(&shell, &format!("image convert oci:layout:{tag} --to out"));
    assert_eq!(tag("a").1, ["made", "made"]);
    assert_eq!(tag("b").1, ["kept", "kept", "made", "made"]);
    assert_eq!(tag("c").1, ["committed"; 4]);
    let last = tag("c").0.pop().unwrap();
    assert_eq!(shell.ok(&format!("ls out/{last} etc")), "b\nc\n");
}

#[test]
fn a_layer_that_is_not_what_the_image_says_leaves_nothing() {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    let mut layers = linux();
    layers[3].diff_id = Digest::of(b"something else").to_string();
    oci.list("diff", oci.image("linux", &layers));
    let good = oci.image("linux", &linux());
    oci.list("good", good);
    let (code, text) = shell.fails("image convert oci:layout:diff --to out");
    assert_eq!(code, 5);
    assert!(text.contains("layer 4 of 4") && text.contains("not the expected"), "{text}");

    let blob = Digest::of(&linux()[1].blob).to_string();
    let path = oci.path(&json!(blob));
    let bytes = damage(&oci, &blob);
    let (code, text) = shell.fails("image convert oci:layout:good --to other");
    assert!(code != 0 && text.contains("layer 2 of 4"), "{text}");
    fs::write(&path, &bytes[1..]).unwrap();
    let (code, text) = shell.fails("image convert oci:layout:good --to other");
    assert!(code == 5 && text.contains("bytes, not"), "{text}");
    fs::remove_file(&path).unwrap();
    let (code, text) = shell.fails("image convert oci:layout:good --to other");
    assert!(code == 4 && text.contains(&format!("the layout has no layer {blob}\nhint: ")), "{text}");

    let parts = |names: &[String]| names.iter().filter(|name| name.ends_with(".part")).count();
    assert_eq!(parts(&is_left(&shell.path("out"))) + parts(&is_left(&shell.path("other"))), 0);
    fs::write(&path, bytes).unwrap();
    for directory in ["out", "other"] {
        let (images, _) = convert(&shell, &format!("image convert oci:layout:good --to {directory}"));
        assert_eq!(shell.ok(&format!("ls {directory}/{} etc", images[3])), "b\nc\nd\n");
    }
}

/// Layers that take a while.
fn slow() -> Vec<Layer> {
    let noise = |seed: u64| {
        let mut state = seed;
        let bytes = std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        });
        bytes.take(24 << 20).collect::<Vec<u8>>()
    };
    let tar = |seed| Tar::new().entry(tar::EntryType::Regular, "noise", "", &noise(seed)).bytes();
    (1..4).map(|seed| Layer::plain(&tar(seed))).collect()
}

#[test]
fn a_killed_run_is_taken_up_again() {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    oci.list("", oci.image("linux", &slow()));
    let words = Shell::words(CONVERT);
    let mut child = shell.command(&words).stdout(Stdio::null()).spawn().unwrap();
    let begun = || fs::read_dir(shell.path("out")).is_ok_and(|_| is_left(&shell.path("out")).len() >= 3);
    while !begun() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = is_left(&shell.path("out"));
    assert!(left.iter().any(|name| name.ends_with(".part")), "it was too fast: {left:?}");
    let (images, _) = convert(&shell, CONVERT);
    let left = is_left(&shell.path("out"));
    assert!(!left.iter().any(|name| name.ends_with(".part")), "{left:?}");
    assert!(shell.ok(&format!("check --deep out/{}", images[2])).starts_with("sound"));
    assert_eq!(convert(&shell, CONVERT).1, ["kept"; 3]);
}

#[test]
fn two_runs_do_not_harm_each_other() {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    oci.list("", oci.image("linux", &slow()));
    let run = || {
        let mut command = shell.command(&Shell::words(CONVERT));
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let outputs = [run(), run()].map(|child| child.wait_with_output().unwrap());
    assert!(outputs.iter().any(|output| output.status.success()));
    for output in outputs.iter().filter(|output| !output.status.success()) {
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("another writer is at work in out\nhint: "), "{text}");
    }
    let (images, states) = convert(&shell, CONVERT);
    assert_eq!(states, ["kept"; 3]);
    assert!(shell.ok(&format!("check --deep out/{}", images[2])).starts_with("sound"));
}

#[test]
fn a_diff_id_counts_only_for_a_blob_that_was_read() {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    let [lowest, upper, ..] = linux();
    oci.list("good", oci.image("linux", &[lowest.clone(), upper.clone()]));
    let liar = Layer { diff_id: upper.diff_id.clone(), ..Layer::zstd(&Tar::new().file("evil", "").bytes()) };
    oci.list("twice", oci.image("linux", &[lowest.clone(), upper.clone(), liar.clone()]));
    oci.list("again", oci.image("linux", &[lowest.clone(), liar]));
    // The same tar in another blob is no lie.
    let other = Layer::plain(&Tar::new().whiteout("etc/.wh.a").file("etc/c", "three").bytes());
    assert_eq!(other.diff_id, upper.diff_id);
    let blob = oci.path(&json!(Digest::of(&other.blob).to_string()));
    oci.list("other", oci.image("linux", &[lowest, other]));

    let refused = |tag: &str, to: &str| {
        let (code, text) = shell.fails(&format!("image convert oci:layout:{tag} --to {to}"));
        assert!(code == 5 && text.contains("not the expected"), "{code} {text}");
    };
    refused("twice", "fresh");
    assert_eq!(convert(&shell, "image convert oci:layout:good --to out").1, ["made"; 2]);
    refused("twice", "out");
    // All that this one would need is there.
    refused("again", "out");
    assert_eq!(convert(&shell, "image convert oci:layout:other --to out").1, ["kept"; 2]);
    // It is not read again.
    fs::remove_file(blob).unwrap();
    assert_eq!(convert(&shell, "image convert oci:layout:other --to out").1, ["kept"; 2]);
}

#[test]
fn what_no_image_has_is_removed() {
    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    let [one, two, three, four] = linux();
    oci.list("a", oci.image("linux", &[one.clone(), two.clone()]));
    oci.list("b", oci.image("linux", &[one, three, four]));
    let (kept, _) = convert(&shell, "image convert oci:layout:a --to out");
    let (gone, _) = convert(&shell, "image convert oci:layout:b --to out");
    let before = is_left(&shell.path("out"));
    assert_eq!(shell.json("image prune out")[0]["sets"], 0);
    assert_eq!(is_left(&shell.path("out")), before, "every set is one of an image");
    gone[1..].iter().for_each(|image| fs::remove_file(shell.path("out").join(image)).unwrap());
    let pruned = &shell.json("image prune out")[0];
    // Two layer sets, and what two images have of their own.
    assert!(pruned["sets"] == 4 && pruned["bytes"].as_u64().unwrap() > 0, "{pruned}");
    assert!(is_left(&shell.path("out")).len() < before.len());
    for image in &kept {
        assert!(shell.ok(&format!("check --deep out/{image}")).starts_with("sound"));
    }
    assert_eq!(shell.json("image prune out")[0]["sets"], 0);
    assert_eq!(convert(&shell, "image convert oci:layout:a --to out").1, ["kept"; 2]);
    assert_eq!(convert(&shell, "image convert oci:layout:b --to out").1, ["kept", "made", "made"]);
    let notes = || {
        let names = fs::read_dir(shell.path("out")).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().is_some_and(cimsnap::cim::files::is_note)).count()
    };
    assert_eq!(notes(), 4);
    fs::remove_file(shell.path("out").join(&gone[2])).unwrap();
    shell.ok("image prune out");
    assert_eq!(notes(), 3);
}

/// Bytes that no two files share, which do not compress.
fn content(seed: u32, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

/// Files of 4 to 128 KiB, as many as there are numbers, each twice. They are whole blocks: the format aligns them.
fn files_twice(numbers: std::ops::Range<u32>) -> (Tar, u64) {
    let mut tar = Tar::new();
    let mut unique = 0;
    for number in numbers {
        let data = content(number, 4096 << (number % 6));
        unique += data.len() as u64;
        for copy in ["a", "b"] {
            tar = tar.entry(
                tar::EntryType::Regular,
                &format!("{copy}/{}/file {number}", number % 10),
                "",
                &data,
            );
        }
    }
    (tar, unique)
}

#[cfg(unix)]
#[test]
fn an_image_takes_its_distinct_files_and_little_more() {
    use std::os::unix::fs::MetadataExt;

    let shell = Shell::new();
    let mut oci = Oci::new(&shell.path("layout"));
    let [(lower, lower_unique), (upper, upper_unique)] = [files_twice(0..600), files_twice(600..800)];
    oci.list("", oci.image("linux", &[Layer::gzip(&lower.bytes()), Layer::zstd(&upper.bytes())]));
    shell.ok(CONVERT);
    let files = fs::read_dir(shell.path("out")).unwrap();
    let taken: u64 = files.map(|file| file.unwrap().metadata().unwrap().blocks() * 512).sum();
    let unique = lower_unique + upper_unique;
    assert!(taken >= unique, "{taken} of {unique}");
    assert!(taken * 100 <= unique * 103, "{taken} of {unique}");
}
