# shellcheck shell=bash
# The Go that the setup scripts compile with. Needs packages.sh.

go_version=1.26.8
go_sum=h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=

# Puts a Go of at least the pinned version first in PATH: `find_go TOOLS`. Where the machine has none, Debian's older Go
# downloads the pinned one as a module, which becomes TOOLS/go.
find_go() {
    local tools=$1
    PATH=$tools/go/bin:$PATH:/usr/local/go/bin
    is_recent_go || install_go "$tools"
}

is_recent_go() {
    local version
    version=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
    printf '%s\n' "go$go_version" "$version" | sort --version-sort --check=quiet
}

install_go() {
    local tools=$1 modules
    local module=golang.org/toolchain@v0.0.1-go$go_version.linux-amd64
    install_packages ca-certificates golang-go
    mkdir -p "$tools"
    modules=$(mktemp -d -p "$tools")
    GOPATH=$modules GOFLAGS=-modcacherw GONOSUMDB=${module%@*} go mod download -json "$module" >"$modules/answer.json"
    grep -qF "\"$go_sum\"" "$modules/answer.json"
    rm -rf "$tools/go"
    mv "$modules/pkg/mod/$module" "$tools/go"
    # Modules carry no permission to execute.
    chmod --recursive +x "$tools/go/bin" "$tools/go/pkg/tool"
    rm -rf "$modules"
    hash -r
}
