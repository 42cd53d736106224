#!/usr/bin/env bash
# Makes the layers of this folder anew. What becomes of them must then be pinned anew, too: see README.md.
set -euo pipefail
cd "$(dirname "$0")/../../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for system in windows linux; do
    cargo run --quiet --locked --example make-image -- "$system" --synthetic --seed 1 --size 320KiB --layers 6 \
        --gzip --to "$work/$system" |
        awk 'NR > 1 { print NR - 1, tolower($1), $6 }' |
        while read -r number shape digest; do
            cp "$work/$system/blobs/sha256/$digest" "tests/data/layers/$system-$number-$shape.tar.gz"
        done
done
