#!/usr/bin/env bash
# Puts into target/tools/bin what tests/containerd needs: containerd, BuildKit and nerdctl as pinned by the go.mod of each, and
# from Debian packages, which are unpacked and not installed so that no service starts: runc, a registry, and a busybox to make
# images of. Does nothing where they are there. The tests themselves are compiled each time, which the cache of Go makes quick.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh
. tests/setup/lib/go.sh

tools=$PWD/target/tools
module=tests/containerd
mkdir -p "$tools/bin"

# Builds the tools of a module, unless they were built of the same versions: `build_tools MODULE RECORD`.
build_tools() {
    cmp --quiet "$1/go.sum" "$tools/bin/$2" && return
    go -C "$1" build -o "$tools/bin/" -ldflags '-s -w' tool
    cp "$1/go.sum" "$tools/bin/$2"
}

unpack_programs "$tools" runc usr/sbin/runc
unpack_programs "$tools" docker-registry usr/bin/docker-registry
unpack_programs "$tools" busybox-static bin/busybox
find_go "$tools"
build_tools "$module" .go.sum
build_tools "$module/buildkit" .buildkit.go.sum
build_tools "$module/nerdctl" .nerdctl.go.sum
go -C "$module" test -c -o "$tools/bin/" .
