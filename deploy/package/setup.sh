#!/usr/bin/env bash
# Installs what packs a release and checks it, below target/tools where Debian does not have it. Does nothing where it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

install_packages debootstrap dpkg-dev python3 zip

tools=target/tools
tool_version=0.5.9
"$tools/bin/cargo-cyclonedx" cyclonedx --version 2>/dev/null | grep -qF "$tool_version" ||
    cargo install --quiet --locked --root "$tools" --version "$tool_version" cargo-cyclonedx
