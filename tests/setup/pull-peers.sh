#!/usr/bin/env bash
# Puts into target/tools/peers what containerd unpacks faster with, and the pulls are measured beside: mkfs.erofs, which is too
# old in Debian 12 to read tars and is compiled of the sources in Debian 13, and igzip. Does nothing where they are there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

tools=$PWD/target/tools
version=1.8.6
suite=trixie
sha256=5b221dc3fd6d151425b30534ede46fb7a90dc233a8659cba0372796b0a066547

# Has apt download the sources from a suite of Debian that this machine is not on, from the server that it already uses.
download_sources() { # DIRECTORY
    local site options
    # shellcheck disable=SC2016 # apt expands these.
    site=$(apt-get indextargets --format '$(SITE) $(ORIGIN) $(LABEL)' | awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }')
    mkdir -p "$1/lists/partial"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $site $suite main" >"$1/sources.list"
    options=(-o "Dir::Etc::SourceList=$1/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$1/lists"
        -o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache= -o APT::Sandbox::User=root)
    apt-get "${options[@]}" update
    (cd "$1" && apt-get "${options[@]}" source --download-only erofs-utils)
    echo "$sha256  $1/erofs-utils_$version.orig.tar.gz" | sha256sum --check --quiet
}

build_erofs() {
    local scratch
    install_packages autoconf automake ca-certificates debian-archive-keyring dpkg-dev gcc libc6-dev libtool make pkg-config uuid-dev
    scratch=$(mktemp -d -p "$tools")
    download_sources "$scratch"
    tar --extract --file "$scratch/erofs-utils_$version.orig.tar.gz" --directory "$scratch"
    (cd "$scratch/erofs-utils-$version" && ./autogen.sh && ./configure --disable-lz4 && make -j"$(nproc)") >"$tools/erofs.log" 2>&1 ||
        { tail "$tools/erofs.log" >&2 && return 1; }
    install "$scratch/erofs-utils-$version/mkfs/mkfs.erofs" "$tools/peers/bin/"
    rm -rf "$scratch"
}

install_packages libisal2
mkdir -p "$tools/peers/bin"
unpack_programs "$tools/peers" isal usr/bin/igzip
[ -x "$tools/peers/bin/mkfs.erofs" ] || build_erofs
