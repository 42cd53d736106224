#!/usr/bin/env bash
# Installs the compiler of the fuzzer that tests/fuzz is linked with. Does nothing where it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

command -v c++ >/dev/null || install_packages g++
