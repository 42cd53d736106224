#!/usr/bin/env bash
# Installs what the build needs besides Rust: a C compiler, and the compiler of the protocol of containerd. Does nothing where
# they are there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

command -v cc >/dev/null || install_packages gcc libc6-dev
command -v protoc >/dev/null || install_packages protobuf-compiler
