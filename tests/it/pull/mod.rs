//! Images that come from elsewhere: registries that are real, or break in a chosen way, and archives.

mod archive;
mod faults;
mod mirrors;
mod names;
mod proof;
mod registry;
mod remote;
mod secrets;
mod server;
mod slow;
mod terminal;

use std::path::Path;

use serde_json::Value;

use crate::cli::Shell;
use crate::cli::oci::{Layer, Oci};
use crate::import::tars::Tar;
use registry::Registry;
use server::Server;

/// An image in a layout, and the same in a registry.
struct Bed {
    shell: Shell,
    registry: Registry,
    image: Value,
}

/// The user and the password of registries that ask for them.
const USER: &str = "me";
const PASSWORD: &str = "secret";

impl Bed {
    fn new() -> Self {
        Self::with(Registry::start(), None)
    }

    fn with(registry: Registry, login: Option<(&str, &str)>) -> Self {
        let shell = Shell::new();
        let mut oci = Oci::new(&shell.path("layout"));
        let image = oci.image("linux", &layers());
        oci.list("", image.clone());
        registry.push(&oci, &image, "own/app", "1", login);
        Self { shell, registry, image }
    }

    /// Puts a server before the registry.
    fn before(
        &self,
        answer: impl Fn(&server::Request, &Registry) -> server::Reply + Send + Sync + 'static,
    ) -> Server {
        let registry = self.registry.clone();
        Server::start(move |request| answer(request, &registry))
    }

    fn reference(&self) -> String {
        format!("{}/own/app:1", self.registry.host())
    }

    /// The path of a layer's blob on a registry, counted from the lowest.
    fn blob(&self, layer: usize) -> String {
        format!("/v2/own/app/blobs/{}", self.manifest()["layers"][layer]["digest"].as_str().unwrap())
    }

    fn manifest(&self) -> Value {
        let digest = self.image["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let path = self.shell.path("layout/blobs/sha256").join(digest);
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    /// Checks that a directory has what is made of the layout.
    fn is_converted(&self, directory: &str) {
        is_converted(&self.shell, "oci:layout", directory);
    }
}

/// Checks that a directory has what is made of a source.
fn is_converted(shell: &Shell, source: &str, directory: &str) {
    let rows = shell.json(&format!("image convert {source} --to converted"));
    assert!(!rows.is_empty());
    for row in rows {
        let name = row["image"].as_str().unwrap();
        let [pulled, converted] =
            [directory, "converted"].map(|directory| shell.ok(&format!("dump {directory}/{name}")));
        assert!(pulled == converted && !pulled.is_empty(), "{name}");
    }
}

/// Three layers, the middle one of some megabytes that cannot be compressed.
fn layers() -> [Layer; 3] {
    let lowest = Tar::new().dir("etc").file("etc/a", "one").file("etc/b", "two").symlink("s", "etc/a");
    let large = Tar::new().file("large", &noise(3 << 20));
    let highest = Tar::new().whiteout("etc/.wh.a").file("etc/c", "three");
    [Layer::gzip(&lowest.bytes()), Layer::zstd(&large.bytes()), Layer::plain(&highest.bytes())]
}

/// Text that looks random, and is always the same.
fn noise(len: usize) -> String {
    let mut state = 1_u64;
    let step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b' ' + u8::try_from((state >> 33) % 90).unwrap())
    };
    std::iter::repeat_with(step).take(len).collect()
}

/// Returns what became of each layer, and the last line, which tells of the image.
fn pull(shell: &Shell, words: &str) -> (Vec<String>, Value) {
    let mut rows = shell.json(&format!("pull {words}"));
    let last = rows.pop().unwrap_or_else(|| panic!("{:?}", shell.run(&format!("pull {words}"))));
    (rows.iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect(), last)
}

/// Returns whether images, or parts of such, lie in a directory.
fn has_images(directory: &Path) -> bool {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.any(|name| !name.starts_with('.'))
}
