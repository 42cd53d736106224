#!/usr/bin/env bash
# Writes down which crates each program is made of, in the format of CycloneDX: target/dist/cimsnap-VERSION-SYSTEM.cdx.json.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/package/lib.sh

tool=$project/target/tools/bin/cargo-cyclonedx

# Names the crate itself by where it lies, which is no business of anybody.
bill() {
    "$tool" cyclonedx --quiet --format json --spec-version 1.5 --target "$1" --override-filename bom
    sed "s,file://$project,file:///cimsnap,g" bom.json >"$dist/cimsnap-$version-$2.cdx.json"
    rm bom.json
}
bill x86_64-unknown-linux-gnu linux-amd64
bill "$windows" windows-amd64
