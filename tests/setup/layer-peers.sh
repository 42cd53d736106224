#!/usr/bin/env bash
# Installs the library that inflates faster, its header that the tests compare with, and what the benches of layers
# measure beside. Does nothing where they are there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

install_packages gcc libc6-dev libisal2 libisal-dev squashfs-tools-ng
