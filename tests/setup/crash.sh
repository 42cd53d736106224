#!/usr/bin/env bash
# Installs strace, which kills processes at a system call for tests/crash. Does nothing where it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

command -v strace >/dev/null || install_packages strace
