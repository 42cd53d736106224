#!/usr/bin/env bash
# Installs strace, which kills processes at a system call for tests/crash. Does nothing where it is there.
set -euo pipefail

if ! command -v strace >/dev/null; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends strace
fi
