//! Images of Windows that containerd for Windows pulls.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use serde::Deserialize;

use crate::convert::{cimsnap, convert};
use crate::generator::{Options, Os, generate};
use crate::node::{NAMESPACE, Node, SNAPSHOTTER, until};
use crate::wine::windows_path;

/// An image in the registry of a node, and what it is converted to on Linux.
struct Pulled {
    node: Node,
    reference: String,
    /// The images of its layers, the lowest first.
    images: Vec<String>,
    /// What the daemon had before the first pull.
    before: Files,
}

/// Each file below a directory, with its length and when it was written.
type Files = BTreeMap<PathBuf, (u64, SystemTime)>;

/// What `ctr` prints of a mount.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    r#type: String,
    source: String,
    target: String,
    options: Vec<String>,
}

impl Pulled {
    /// Starts a node, and brings an image into its registry.
    fn start(name: &str, size: u64) -> Self {
        let node = Node::start(name);
        let (layout, converted) = (node.daemon.place().join("layout"), node.daemon.place().join("linux"));
        generate(&Options::new(Os::Windows, size), &layout).unwrap();
        let images = convert(cimsnap, layout.to_str().unwrap(), converted.to_str().unwrap());
        let reference = node.push(&layout);
        let before = files(node.daemon.root());
        Self { node, reference, images, before }
    }

    fn pull(&self, namespace: &str) {
        let output = self.node.pulling(namespace, &self.reference).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Compares what the daemon made with what was converted on Linux.
    fn is_as_on_linux(&self) {
        let dump = |at: PathBuf, image: &str| cimsnap(&["cim", "dump", at.join(image).to_str().unwrap()]);
        for image in &self.images {
            let pulled = dump(self.node.daemon.root().join("cim"), image);
            assert!(pulled == dump(self.node.daemon.place().join("linux"), image), "{image} differs");
            assert!(pulled.lines().count() > 10, "{image}: {pulled}");
        }
    }

    /// Returns what containerd calls the snapshot of the whole image.
    fn top(&self) -> String {
        self.images.last().unwrap().trim_end_matches(".cim").replace('-', ":")
    }

    /// Has `ctr` do something with snapshots.
    fn snapshots(&self, words: &[&str]) -> String {
        self.node.ctr(NAMESPACE, &of_snapshots(words))
    }

    /// Makes a snapshot over the image, and returns its one mount.
    fn over(&self, verb: &str, key: &str) -> Mount {
        let printed = self.snapshots(&[verb, "--mounts", key, &self.top()]);
        let mounts: Vec<Mount> = serde_json::from_str(&printed).unwrap();
        let [mount] = <[Mount; 1]>::try_from(mounts).unwrap();
        mount
    }

    /// Checks that a mount tells the shim all that it asks for.
    fn is_for_the_shim(&self, mount: &Mount, mode: &str) {
        let images = self.node.daemon.root().join("cim");
        let images: Vec<_> = self.images.iter().rev().map(|name| windows_path(&images.join(name))).collect();
        let [said, own, directories, below] = &mount.options[..] else { panic!("{mount:?}") };
        assert_eq!((mount.r#type.as_str(), mount.target.as_str(), said.as_str()), ("CimFS", "", mode));
        assert!(own.starts_with("cimpath=Z:\\") && own.ends_with(".cim"), "{own}");
        assert_eq!(below, &format!("parentCimPaths={}", serde_json::to_string(&images).unwrap()));
        let text = directories.strip_prefix("parentLayerPaths=").unwrap();
        let directories: Vec<String> = serde_json::from_str(text).unwrap();
        assert_eq!(
            (directories.len(), serde_json::to_string(&directories).unwrap()),
            (images.len(), text.into())
        );
        assert!(directories.iter().all(|path| linux_path(path).is_dir()), "{directories:?}");
        assert_eq!(fs::read(linux_path(&mount.source).join("sandbox.vhdx")).unwrap(), b"blank");
    }

    /// Checks that what a container wrote cannot become a layer.
    fn is_not_committed(&self, key: &str) {
        let refused = self.node.asked(NAMESPACE, &of_snapshots(&["commit", "layer", key])).output().unwrap();
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && text.contains("was filled with no layer"), "{text}");
    }

    /// Waits until containerd finds a daemon again: for a while it does not try.
    fn is_found_again(&self) {
        let probe = "extract-1 probe";
        until("containerd finds the daemon again", || {
            let asked = self.node.asked(NAMESPACE, &of_snapshots(&["prepare", probe])).output();
            asked.unwrap().status.success()
        });
        self.snapshots(&["rm", probe]);
    }

    /// Removes the image, and waits until nothing is left of it.
    fn is_freed(&self) {
        self.node.remove(NAMESPACE, &self.reference);
        let mut left = Files::new();
        until("nothing is left", || {
            left = files(self.node.daemon.root());
            left.keys().eq(self.before.keys())
        });
        assert_eq!(left, self.before);
    }
}

/// The words of `ctr` about snapshots.
fn of_snapshots<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["snapshots", "--snapshotter", SNAPSHOTTER], words].concat()
}

fn linux_path(windows: &str) -> PathBuf {
    windows.strip_prefix("Z:").unwrap().replace('\\', "/").into()
}

/// Lists files, without databases, which keep the room that they once took.
fn files(root: &Path) -> Files {
    let mut found = Files::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().map(Result::unwrap) {
            // Who is at work here removes files meanwhile.
            let Ok(metadata) = entry.metadata() else { continue };
            match metadata.is_dir() {
                true => directories.push(entry.path()),
                false if entry.path().extension().is_some_and(|end| end == "redb") => {}
                false => drop(found.insert(entry.path(), (metadata.len(), metadata.modified().unwrap()))),
            }
        }
    }
    found
}

#[test]
fn an_image_that_is_pulled_is_the_same_as_on_linux() {
    let pulled = Pulled::start("pull", 8 << 20);
    pulled.pull(NAMESPACE);
    pulled.is_as_on_linux();
    let images = || files(&pulled.node.daemon.root().join("cim"));
    let made = images();
    pulled.pull("other");
    assert_eq!(images(), made, "what is there was made again");
    pulled.node.remove("other", &pulled.reference);
    pulled.is_freed();
}

#[test]
fn the_shim_is_told_what_it_asks_for() {
    let pulled = Pulled::start("shim", 1 << 20);
    pulled.pull(NAMESPACE);
    let template = pulled.node.daemon.root().join("sandbox.vhdx");
    fs::write(&template, "blank").unwrap();
    let container = pulled.over("prepare", "container");
    pulled.is_for_the_shim(&container, "rw");
    pulled.is_for_the_shim(&pulled.over("view", "view"), "ro");
    let options = container.options.join(",");
    let said = format!("mount -t CimFS {} Z:\\ -o {options}\n", container.source);
    assert_eq!(pulled.snapshots(&["mounts", "Z:\\", "container"]), said);
    pulled.is_not_committed("container");
    // Once something was removed, containerd collects views by itself: `ctr` does not hold them.
    pulled.snapshots(&["rm", "view", "container"]);
    fs::remove_file(&template).unwrap();
    pulled.is_freed();
}

#[test]
fn an_image_is_pulled_after_the_daemon_was_killed() {
    let mut pulled = Pulled::start("killed", 48 << 20);
    let images = pulled.node.daemon.root().join("cim");
    let mut command = pulled.node.pulling(NAMESPACE, &pulled.reference);
    let mut pull = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until("the daemon writes", || files(&images).values().any(|(length, _)| *length > 1 << 20));
    pulled.node.daemon.kill();
    assert!(!pull.wait().unwrap().success());
    pulled.node.daemon.restart();
    pulled.is_found_again();
    pulled.pull(NAMESPACE);
    pulled.is_as_on_linux();
    pulled.is_freed();
}
