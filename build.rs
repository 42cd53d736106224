//! Generates what speaks with containerd from `proto/`.

use std::io::Result;

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
    tonic_build::configure().type_attribute(".", "#[derive(serde::Serialize)]").compile(OWN, &["proto"])
}
