#!/usr/bin/env bash
# Installs what the build needs besides Rust: the compiler of the protocol of containerd. Does nothing where it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

command -v protoc >/dev/null || install_packages protobuf-compiler
