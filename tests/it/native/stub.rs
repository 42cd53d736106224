//! Libraries that are not as they should be, compiled from a few lines of C.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use cimsnap::engine::native::Cimfs;

/// Compiles a library from its source, in a directory.
pub(crate) fn compile(directory: &Path, source: &str) -> PathBuf {
    let (code, library) = (directory.join("stub.c"), directory.join("stub.so"));
    fs::write(&code, source).unwrap();
    let compiled = Command::new("cc")
        .args(["-std=gnu11", "-Wall", "-Werror", "-shared", "-fPIC", "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/capi"))
        .arg("-o")
        .args([&library, &code])
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    library
}

/// A library of which each function answers S_OK, but one. Compiled once; a file beside each copy says which one.
pub(crate) fn failing(directory: &Path, function: &str, result: u32) -> Cimfs {
    static COMPILED: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let directory = tempfile::tempdir().unwrap();
        fs::read(compile(directory.path(), include_str!("failing.c"))).unwrap()
    });
    let library = directory.join("failing.so");
    fs::write(&library, &*COMPILED).unwrap();
    fs::write(directory.join("failing.so.says"), format!("{function} {result:#x}\n")).unwrap();
    Cimfs::open(&library).unwrap()
}

/// The same, which leaves a file behind for each image that it begins.
pub(crate) fn leaving(directory: &Path, function: &str, result: u32) -> Cimfs {
    let source = concat!("#define LEAVES_FILES\n", include_str!("failing.c"));
    let library = compile(directory, source);
    fs::write(directory.join("stub.so.says"), format!("{function} {result:#x}\n")).unwrap();
    Cimfs::open(&library).unwrap()
}
