#!/usr/bin/env bash
# Puts into target/tools/bin what tests/containerd needs: containerd, BuildKit and nerdctl as pinned by the go.mod of each, and
# from Debian packages, which are unpacked and not installed so that no service starts: runc, a registry, and a busybox to make
# images of. Does nothing where they are there. The tests themselves are compiled each time, which the cache of Go makes quick.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

tools=$PWD/target/tools
module=tests/containerd
go_version=1.26.8
go_sha256=30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7
mkdir -p "$tools/bin"

find_go() {
    PATH=$PATH:/usr/local/go/bin:$tools/go/bin
    command -v go >/dev/null || install_go
}

install_go() {
    local scratch zip=golang.org/toolchain@v0.0.1-go$go_version.linux-amd64
    command -v unzip >/dev/null || install_packages unzip
    command -v curl >/dev/null || install_packages ca-certificates curl
    scratch=$(mktemp -d -p "$tools")
    curl --fail --silent --show-error --location --output "$scratch/go.zip" "https://proxy.golang.org/${zip/@/\/@v\/}.zip"
    echo "$go_sha256  $scratch/go.zip" | sha256sum --check --quiet
    unzip -q "$scratch/go.zip" -d "$scratch"
    chmod --recursive +x "$scratch/$zip/bin" "$scratch/$zip/pkg/tool"
    mv "$scratch/$zip" "$tools/go"
    rm -rf "$scratch"
}

# Builds the tools of a module, unless they were built of the same versions: `build_tools MODULE RECORD`.
build_tools() {
    cmp --quiet "$1/go.sum" "$tools/bin/$2" && return
    go -C "$1" build -o "$tools/bin/" -ldflags '-s -w' tool
    cp "$1/go.sum" "$tools/bin/$2"
}

unpack_programs "$tools" runc usr/sbin/runc
unpack_programs "$tools" docker-registry usr/bin/docker-registry
unpack_programs "$tools" busybox-static bin/busybox
find_go
build_tools "$module" .go.sum
build_tools "$module/buildkit" .buildkit.go.sum
build_tools "$module/nerdctl" .nerdctl.go.sum
go -C "$module" test -c -o "$tools/bin/" .
