#!/usr/bin/env bash
# Builds containerd for Windows into target/tools/windows, as pinned by the go.mod of tests/containerd. Run after containerd.sh,
# which brings Go. Does nothing where it is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=$PWD/target/tools
built=$tools/windows
module=tests/containerd
programs=(github.com/containerd/containerd/v2/cmd/{containerd,ctr})

cmp --quiet "$module/go.sum" "$built/.go.sum" && exit
mkdir -p "$built"

# Go removes directories in a way that Wine 8 does not know, and has another way where Windows says so. Wine uses another word
# for it (STATUS_NOT_IMPLEMENTED), which Go is taught here.
PATH=$PATH:/usr/local/go/bin:$tools/go/bin
source=$(go env GOROOT)/src/internal/syscall/windows/at_windows.go
sed 's/case STATUS_INVALID_INFO_CLASS,/case NTStatus(0xC0000002), STATUS_INVALID_INFO_CLASS,/' "$source" >"$built/at_windows.go"
if cmp --quiet "$source" "$built/at_windows.go"; then
    echo "$source is not as this expects it" >&2
    exit 1
fi
echo "{\"Replace\": {\"$source\": \"$built/at_windows.go\"}}" >"$built/overlay.json"

GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go -C "$module" build -overlay "$built/overlay.json" -o "$built/" \
    -ldflags '-s -w' "${programs[@]}"
cp "$module/go.sum" "$built/.go.sum"
