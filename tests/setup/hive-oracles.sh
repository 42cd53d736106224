#!/usr/bin/env bash
# Installs the independent hive readers that tests/it/hive_oracles.rs compares with. Does nothing where they are there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

python=/usr/bin/python3
modules=target/oracles/python
packages=(libhivex-bin libwin-hivex-perl python3-hivex python3-pip reglookup)

install_packages "${packages[@]}"

if ! PYTHONPATH=$modules "$python" -c 'import pyregf, Registry' 2>/dev/null; then
    rm -rf "$modules"
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$modules" \
        python-registry==1.3.1 libregf-python==20260526
fi
