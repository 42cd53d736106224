#!/usr/bin/env bash
# Installs the PE files that tests/make_image puts into images of Windows. Does nothing where they are there.
set -euo pipefail
cd "$(dirname "$0")/../.."

missing=()
for package in libwine python3-pip; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        missing+=("$package")
done
if [ ${#missing[@]} -ne 0 ]; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
fi

# Launchers whose sections lie 512 bytes apart in the file, not 4096 as those of Wine.
launchers=target/images/distlib
if ! [ -e "$launchers/t64.exe" ]; then
    rm -rf "$launchers"
    /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile \
        --no-deps --target target/images distlib==0.3.9
fi
