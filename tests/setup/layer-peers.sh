#!/usr/bin/env bash
# Installs the library that inflates faster, its header that the tests compare with, and what the benches of layers
# measure beside. Does nothing where they are there.
set -euo pipefail

packages=(gcc libc6-dev libisal2 libisal-dev squashfs-tools-ng)

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        missing+=("$package")
done
if [ ${#missing[@]} -ne 0 ]; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
fi
