//! Libraries that are not as they should be, compiled from a few lines of C.

use std::path::{Path, PathBuf};
use std::process::Command;

use cimsnap::engine::native::Cimfs;

/// Compiles a library from its source, in a directory.
pub(super) fn compile(directory: &Path, source: &str) -> PathBuf {
    let (code, library) = (directory.join("stub.c"), directory.join("stub.so"));
    std::fs::write(&code, source).unwrap();
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

/// A library of which each function answers S_OK, but one.
pub(super) fn failing(directory: &Path, function: &str, result: u32) -> Cimfs {
    let answer = |name: &str| if name == function { result } else { 0 };
    let define = |(name, arguments): &(&str, &str)| {
        format!("HRESULT {name}({arguments}) {{ return (HRESULT){:#x}u; }}\n", answer(name))
    };
    let functions: String = FUNCTIONS.iter().map(define).collect();
    let close =
        "void CimCloseStream(CIMFS_STREAM_HANDLE s) {}\nvoid CimCloseImage(CIMFS_IMAGE_HANDLE i) {}\n";
    Cimfs::open(&compile(directory, &format!("#include \"cimfs.h\"\n{functions}{close}"))).unwrap()
}

const FUNCTIONS: [(&str, &str); 7] = [
    ("CimCreateImage", "PCWSTR a, PCWSTR b, PCWSTR c, CIMFS_IMAGE_HANDLE *d"),
    ("CimCommitImage", "CIMFS_IMAGE_HANDLE a"),
    ("CimCreateFile", "CIMFS_IMAGE_HANDLE a, PCWSTR b, const CIMFS_FILE_METADATA *c, CIMFS_STREAM_HANDLE *d"),
    ("CimCreateAlternateStream", "CIMFS_IMAGE_HANDLE a, PCWSTR b, UINT64 c, CIMFS_STREAM_HANDLE *d"),
    ("CimWriteStream", "CIMFS_STREAM_HANDLE a, const void *b, UINT32 c"),
    ("CimCreateHardLink", "CIMFS_IMAGE_HANDLE a, PCWSTR b, PCWSTR c"),
    ("CimDeletePath", "CIMFS_IMAGE_HANDLE a, PCWSTR b"),
];
