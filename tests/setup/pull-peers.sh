#!/usr/bin/env bash
# Puts into target/tools/peers what containerd unpacks faster with, and the pulls are measured beside: mkfs.erofs, which is too
# old in Debian 12 to read tars and is compiled of the sources in Debian 13, and igzip. Does nothing where they are there.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

tools=$PWD/target/tools
version=1.8.6
sources=http://deb.debian.org/debian/pool/main/e/erofs-utils/erofs-utils_$version.orig.tar.gz
sha256=5b221dc3fd6d151425b30534ede46fb7a90dc233a8659cba0372796b0a066547

build_erofs() {
    local scratch
    install_packages autoconf automake ca-certificates curl gcc libc6-dev libtool make pkg-config uuid-dev
    scratch=$(mktemp -d -p "$tools")
    curl --fail --silent --show-error --location --output "$scratch/sources.tar.gz" "$sources"
    echo "$sha256  $scratch/sources.tar.gz" | sha256sum --check --quiet
    tar --extract --file "$scratch/sources.tar.gz" --directory "$scratch"
    (cd "$scratch/erofs-utils-$version" && ./autogen.sh && ./configure --disable-lz4 && make -j"$(nproc)") >"$tools/erofs.log" 2>&1 ||
        { tail "$tools/erofs.log" >&2 && return 1; }
    install "$scratch/erofs-utils-$version/mkfs/mkfs.erofs" "$tools/peers/bin/"
    rm -rf "$scratch"
}

install_packages libisal2
mkdir -p "$tools/peers/bin"
unpack_programs "$tools/peers" isal usr/bin/igzip
[ -x "$tools/peers/bin/mkfs.erofs" ] || build_erofs
