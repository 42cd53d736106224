#!/usr/bin/env bash
# Packs the archive for Linux, to be unpacked below a prefix: target/dist/cimsnap-VERSION-linux-amd64.tar.gz.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/package/lib.sh

name=cimsnap-$version-linux-amd64
root=$(stage linux)
deploy/package/tree.sh "$root/$name"
install -D --mode=644 deploy/linux/cimsnap.service "$root/$name/lib/systemd/system/cimsnap.service"
settle "$root"
tar --create --directory "$root" --format=gnu --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 \
    --numeric-owner "$name" | gzip -9n >"$dist/$name.tar.gz"
