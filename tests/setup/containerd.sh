#!/usr/bin/env bash
# Puts into target/tools/bin what tests/containerd needs: containerd as pinned by its go.mod, and from Debian packages,
# which are unpacked and not installed so that no service starts: runc, a registry, and a busybox to make images of.
# Does nothing where they are there. The tests themselves are compiled each time, which the cache of Go makes quick.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh
. tests/setup/lib/go.sh

tools=$PWD/target/tools
module=tests/containerd
mkdir -p "$tools/bin"

build_containerd() {
    go -C "$module" build -o "$tools/bin/" -ldflags '-s -w' tool
    cp "$module/go.sum" "$tools/bin/.go.sum"
}

unpack_programs "$tools" runc usr/sbin/runc
unpack_programs "$tools" docker-registry usr/bin/docker-registry
unpack_programs "$tools" busybox-static bin/busybox
find_go "$tools"
cmp --quiet "$module/go.sum" "$tools/bin/.go.sum" || build_containerd
go -C "$module" test -c -o "$tools/bin/" .
