#!/usr/bin/env bash
# Checks what is released (Debian, as root): two builds, in two directories, give the same bytes, and the package can be installed
# and purged.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/package/lib.sh

other=$project/target/dist-check/other/place
rm -rf "$other"
mkdir -p "$(dirname "$other")"

deploy/package/dist.sh
git clone --quiet "$project" "$other"
mkdir -p "$other/target"
ln -s "$project/target/tools" "$other/target/tools"
"$other/deploy/package/dist.sh" >/dev/null
diff "$dist/SHA256SUMS" "$other/target/dist/SHA256SUMS"
rm -rf "$other"

deploy/package/check-install.sh "$dist/cimsnap_${version}_amd64.deb"
