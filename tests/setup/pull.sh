#!/usr/bin/env bash
# Installs what tests/it/pull makes certificates with. The registry comes with containerd.sh. Does nothing where it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

command -v openssl >/dev/null || install_packages openssl
