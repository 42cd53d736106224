#!/usr/bin/env bash
# Packs the archive for Windows, with the program beside its installer: target/dist/cimsnap-VERSION-windows-amd64.zip.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/package/lib.sh

name=cimsnap-$version-windows-amd64
root=$(stage windows)
to=$root/$name
mkdir -p "$to"
cp -r "$(windows_program)" README.md CHANGELOG.md LICENSE docs deploy/windows/. "$to/"
python3 deploy/package/notices.py "$windows" >"$to/THIRD-PARTY.txt"
"$(linux_program)" completions powershell >"$to/completions.ps1"
settle "$root"
rm -f "$dist/$name.zip"
cd "$root"
find "$name" | sort | zip --quiet -X -9 "$dist/$name.zip" -@
