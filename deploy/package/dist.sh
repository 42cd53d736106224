#!/usr/bin/env bash
# Makes all that is released, in target/dist. PROFILE=dev does it with programs that take less long to build.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/package/lib.sh

mkdir -p "$dist"
find "$dist" -maxdepth 1 -type f -delete
for step in 'build.sh linux' 'build.sh windows' linux.sh windows.sh deb.sh sbom.sh; do
    echo "$step"
    # shellcheck disable=SC2086
    deploy/package/$step
done
cd "$dist"
sha256sum -- cimsnap* >SHA256SUMS
cat SHA256SUMS
