//! An image that containerd for Windows pulls through the daemon.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cimsnap::engine::EngineKind;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::convert::{cimsnap, convert};
use crate::generator::{Options, Os, generate};
use crate::machine::finish;
use crate::node::{NAMESPACE, Node, SNAPSHOTTER, until};
use crate::served::Setting;
use crate::wine::windows_path;

/// An image in the registry of a node, and what it is converted to on Linux.
pub(crate) struct Pulled {
    pub(crate) node: Node,
    pub(crate) reference: String,
    /// The images of its layers, the lowest first.
    pub(crate) images: Vec<String>,
    engine: EngineKind,
    /// What the daemon had before the first pull.
    before: Files,
}

/// Each file below a directory, with its length and when it was written.
pub(crate) type Files = BTreeMap<PathBuf, (u64, SystemTime)>;

/// What `ctr` prints of a mount.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Mount {
    r#type: String,
    pub(crate) source: String,
    target: String,
    pub(crate) options: Vec<String>,
}

impl Pulled {
    /// Starts a node, and brings an image into its registry.
    pub(crate) fn start(name: &str, size: u64) -> Self {
        Self::start_in(name, size, Setting::default(), EngineKind::Portable)
    }

    /// Starts one in another setting, in which that engine writes images.
    pub(crate) fn start_in(name: &str, size: u64, setting: Setting, engine: EngineKind) -> Self {
        let node = Node::start(name, setting);
        let (layout, converted) = (node.daemon.place().join("layout"), node.daemon.place().join("linux"));
        generate(&Options::new(Os::Windows, size), &layout).unwrap();
        let images = convert(cimsnap, layout.to_str().unwrap(), converted.to_str().unwrap());
        let reference = node.push(&layout);
        let before = files(node.daemon.root());
        Self { node, reference, images, engine, before }
    }

    pub(crate) fn pull(&self, namespace: &str) {
        let output = finish(&mut self.node.pulling(namespace, &self.reference));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns where the daemon makes images.
    pub(crate) fn made(&self) -> PathBuf {
        let root = self.node.daemon.root();
        root.join(if self.engine == EngineKind::Native {
            "cim-layers/native/cim-layers"
        } else {
            "cim-layers"
        })
    }

    /// Compares what the daemon made with what was converted on Linux.
    pub(crate) fn is_as_on_linux(&self) {
        // A library makes the root by itself.
        let known = usize::from(self.engine == EngineKind::Native);
        let dump = |at: PathBuf, image: &str| {
            let dump = cimsnap(&["cim", "dump", at.join(image).to_str().unwrap()]);
            dump.lines().skip(known).map(str::to_owned).collect::<Vec<_>>()
        };
        for image in &self.images {
            let pulled = dump(self.made(), image);
            assert!(pulled == dump(self.node.daemon.place().join("linux"), image), "{image} differs");
            assert!(pulled.len() > 10, "{image}: {pulled:#?}");
        }
    }

    /// Checks that nothing is damaged, missing or left over.
    pub(crate) fn is_sound(&self) {
        let daemon = &self.node.daemon;
        let report = daemon.machine.cimsnap(&["fsck", "--deep", "--json", "--config", &daemon.config()]);
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(
            (&report["sound"], &report["unread"], &report["findings"]),
            (&true.into(), &0.into(), &json!([])),
            "{report:#}"
        );
    }

    /// Returns what containerd calls the snapshot of the whole image.
    fn top(&self) -> String {
        self.images.last().unwrap().trim_end_matches(".cim").replace('-', ":")
    }

    /// Has `ctr` do something with snapshots.
    pub(crate) fn snapshots(&self, words: &[&str]) -> String {
        self.node.ctr(NAMESPACE, &of_snapshots(words))
    }

    /// Makes a snapshot over the image, and returns its one mount.
    pub(crate) fn over(&self, verb: &str, key: &str) -> Mount {
        let printed = self.snapshots(&[verb, "--mounts", key, &self.top()]);
        let mounts: Vec<Mount> = serde_json::from_str(&printed).unwrap();
        let [mount] = <[Mount; 1]>::try_from(mounts).unwrap();
        mount
    }

    /// Checks that a mount tells the shim all that it asks for.
    pub(crate) fn is_for_the_shim(&self, mount: &Mount, mode: &str) {
        let images = self.made();
        let images: Vec<_> = self.images.iter().rev().map(|name| windows_path(&images.join(name))).collect();
        let [said, own, layers, below] = &mount.options[..] else { panic!("{mount:?}") };
        assert_eq!((mount.r#type.as_str(), mount.target.as_str(), said.as_str()), ("CimFS", "", mode));
        assert!(own.starts_with("cimpath=Z:\\") && own.ends_with(".cim"), "{own}");
        assert_eq!(below, &format!("parentCimPaths={}", serde_json::to_string(&images).unwrap()));
        let text = layers.strip_prefix("parentLayerPaths=").unwrap();
        let layers: Vec<String> = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&layers).unwrap(), text);
        let known_before_2_1: Vec<_> = layers.iter().map(|layer| image_of(layer)).collect();
        assert_eq!(known_before_2_1, images);
        assert_eq!(fs::read(linux_path(&mount.source).join("sandbox.vhdx")).unwrap(), b"blank");
    }

    /// Checks that what a container wrote cannot become a layer.
    pub(crate) fn is_not_committed(&self, key: &str) {
        let refused = finish(&mut self.node.asked(NAMESPACE, &of_snapshots(&["commit", "layer", key])));
        let text = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success() && text.contains("was filled with no layer"), "{text}");
    }

    /// Waits until containerd finds a daemon again: for a while it does not try.
    pub(crate) fn is_found_again(&self) {
        let probe = "extract-1 probe";
        until("containerd finds the daemon again", || {
            finish(&mut self.node.asked(NAMESPACE, &of_snapshots(&["prepare", probe]))).status.success()
        });
        self.snapshots(&["rm", probe]);
    }

    /// Removes the image, and waits until nothing is left of it.
    pub(crate) fn is_freed(&self) {
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

/// Returns the path at which the shim of containerd 2.0 looks for the image of a layer.
fn image_of(layer: &str) -> String {
    let (directory, name) = layer.rsplit_once('\\').unwrap();
    format!(r"{directory}\cim-layers\{name}.cim")
}

pub(crate) fn linux_path(windows: &str) -> PathBuf {
    windows.strip_prefix("Z:").unwrap().replace('\\', "/").into()
}

/// Lists files, without databases, which keep the room that they once took, and without locks, which stay.
pub(crate) fn files(root: &Path) -> Files {
    let mut found = Files::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().map(Result::unwrap) {
            // Who is at work here removes files meanwhile.
            let Ok(metadata) = entry.metadata() else { continue };
            match metadata.is_dir() {
                true => directories.push(entry.path()),
                false if entry.path().extension().is_some_and(|end| end == "redb" || end == "lock") => {}
                false => drop(found.insert(entry.path(), (metadata.len(), metadata.modified().unwrap()))),
            }
        }
    }
    found
}
