#!/usr/bin/env bash
# Installs what tests/it/sddl_oracle.rs compares with: a compiler for Windows programs, and Wine to run them. Does
# nothing where they are there.
set -euo pipefail

packages=(gcc-mingw-w64-x86-64-win32 wine64)

missing=()
for package in "${packages[@]}"; do
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        missing+=("$package")
done
if [ ${#missing[@]} -ne 0 ]; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
fi
