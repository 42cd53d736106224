//! Layers that the native engine writes, with our own library in the place of `cimfs.dll`.

use std::path::Path;

use crate::convert::{cimsnap, convert};
use crate::generator::{Options, Os, generate};
use crate::wine::{WINE, windows_path};

/// Lists an image without its root, which the library makes by itself.
fn listing(image: &Path) -> Vec<String> {
    cimsnap(&["cim", "dump", image.to_str().unwrap()]).lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn a_library_for_windows_writes_the_same() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let layers = generate(&Options::new(Os::Windows, 4 << 20), &at("layout")).unwrap();
    let portable = convert(cimsnap, at("layout").to_str().unwrap(), at("portable").to_str().unwrap());
    std::fs::create_dir(at("native")).unwrap();
    let library = windows_path(&WINE.library);
    let import = ["layer", "import", "--engine", "native", "--cimfs-library", &library, "--os", "windows"];
    let mut below: Option<String> = None;
    for (layer, portable) in layers.iter().zip(&portable) {
        let blob = windows_path(&at("layout/blobs/sha256").join(&layer.digest));
        let image = windows_path(&at("native").join(portable));
        let parent = below.iter().flat_map(|below| ["--parent", below]);
        WINE.cimsnap(&import.into_iter().chain(parent).chain([&*blob, &*image]).collect::<Vec<_>>());
        assert!(
            listing(&at("native").join(portable)) == listing(&at("portable").join(portable)),
            "{portable}"
        );
        below = Some(image);
    }
    assert_eq!(portable.len(), 7);
}
