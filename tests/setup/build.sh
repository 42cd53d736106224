#!/usr/bin/env bash
# Installs what the build needs besides Rust: the compiler of the protocol of containerd. Does nothing where it is there.
set -euo pipefail

if ! command -v protoc >/dev/null; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends protobuf-compiler
fi
