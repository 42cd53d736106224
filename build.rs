//! Generates what speaks with containerd from `proto/`, and the version resource of the library for Windows.

use std::io::{Error, Result};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// What the daemon serves.
const SERVED: &[&str] = &["proto/containerd/services/diff/v1/diff.proto"];

/// What it asks of containerd.
const ASKED: &[&str] = &[
    "proto/containerd/services/content/v1/content.proto",
    "proto/containerd/services/leases/v1/leases.proto",
    "proto/containerd/services/namespaces/v1/namespace.proto",
    "proto/containerd/services/version/v1/version.proto",
];

/// What administrators ask of the daemon, which is both sides of it.
const OWN: &[&str] = &["proto/cimsnap/v1/admin.proto"];

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=proto");
    tonic_build::configure()
        .build_client(false)
        .extern_path(".containerd.types.Mount", "::containerd_snapshots::api::types::Mount")
        .compile(SERVED, &["proto"])?;
    tonic_build::configure().build_server(false).compile(ASKED, &["proto"])?;
    tonic_build::configure().type_attribute(".", "#[derive(serde::Serialize)]").compile(OWN, &["proto"])?;
    version_resource()
}

/// Links a version resource into `cimsnap.dll`. `windres` belongs to the same package as the linker of MinGW; other
/// toolchains build the library without the resource.
fn version_resource() -> Result<()> {
    println!("cargo:rerun-if-env-changed=WINDRES");
    let target = |key: &str| env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    if (target("OS").as_str(), target("ENV").as_str()) != ("windows", "gnu") {
        return Ok(());
    }
    let directory = env::var_os("OUT_DIR").ok_or_else(|| Error::other("OUT_DIR is not set"))?;
    let (script, object) =
        (Path::new(&directory).join("version.rc"), Path::new(&directory).join("version.o"));
    fs::write(&script, version_script())?;
    let windres = env::var("WINDRES").unwrap_or_else(|_| format!("{}-w64-mingw32-windres", target("ARCH")));
    let status =
        Command::new(&windres).args(["--output-format=coff", "--output"]).args([&object, &script]).status();
    let status = status.map_err(|error| Error::other(format!("cannot run {windres}: {error}")))?;
    if !status.success() {
        return Err(Error::other(format!("{windres}: {status}")));
    }
    println!("cargo:rustc-link-arg-cdylib={}", object.display());
    Ok(())
}

/// Returns the source of the version resource. Numbers are those of `Cargo.toml`.
fn version_script() -> String {
    let part = |part: &str| env::var(format!("CARGO_PKG_VERSION_{part}")).unwrap_or_default();
    let numbers = format!("{},{},{},0", part("MAJOR"), part("MINOR"), part("PATCH"));
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    format!(
        r#"1 VERSIONINFO
FILEVERSION {numbers}
PRODUCTVERSION {numbers}
FILEOS 0x40004
FILETYPE 2
BEGIN
    BLOCK "StringFileInfo"
    BEGIN
        BLOCK "040904b0"
        BEGIN
            VALUE "FileDescription", "CimFS interface of cimsnap"
            VALUE "FileVersion", "{version}"
            VALUE "InternalName", "cimsnap"
            VALUE "LegalCopyright", "Apache License 2.0"
            VALUE "OriginalFilename", "cimsnap.dll"
            VALUE "ProductName", "cimsnap"
            VALUE "ProductVersion", "{version}"
        END
    END
    BLOCK "VarFileInfo"
    BEGIN
        VALUE "Translation", 0x409, 1200
    END
END
"#
    )
}
