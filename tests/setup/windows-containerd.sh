#!/usr/bin/env bash
# Builds containerd for Windows into target/tools/windows, as pinned by the go.mod of tests/containerd, a program that makes
# images of layers with the library that containerd does that with, and one that keeps a daemon busy. Run after containerd.sh,
# which brings Go.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh
. tests/setup/lib/go.sh

tools=$PWD/target/tools
built=$tools/windows
module=tests/containerd

# Go removes directories in a way that Wine 8 does not know, and has another way where Windows says so. Wine uses another word
# for it (STATUS_NOT_IMPLEMENTED), which Go is taught here.
teach_go() {
    local source
    source=$(go env GOROOT)/src/internal/syscall/windows/at_windows.go
    sed 's/case STATUS_INVALID_INFO_CLASS,/case NTStatus(0xC0000002), STATUS_INVALID_INFO_CLASS,/' "$source" \
        >"$built/at_windows.go"
    if cmp --quiet "$source" "$built/at_windows.go"; then
        echo "$source is not as this expects it" >&2
        exit 1
    fi
    echo "{\"Replace\": {\"$source\": \"$built/at_windows.go\"}}" >"$built/overlay.json"
}

build() { # PACKAGE...
    GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go -C "$module" build -overlay "$built/overlay.json" -o "$built/" \
        -ldflags '-s -w' "$@"
}

build_containerd() {
    build github.com/containerd/containerd/v2/cmd/{containerd,ctr}
    cp "$module/go.sum" "$built/.go.sum"
}

mkdir -p "$built"
find_go "$tools"
teach_go
cmp --quiet "$module/go.sum" "$built/.go.sum" || build_containerd
build ./cmd/{hcsshim,rounds}
