#!/usr/bin/env bash
# Installs the PE files that tests/make_image puts into images of Windows. Does nothing where they are there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

install_packages libwine python3-pip

# Launchers whose sections lie 512 bytes apart in the file, not 4096 as those of Wine.
launchers=target/images/distlib
if ! [ -e "$launchers/t64.exe" ]; then
    rm -rf "$launchers"
    /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile \
        --no-deps --target target/images distlib==0.3.9
fi
