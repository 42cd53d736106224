#!/usr/bin/env bash
# Installs what compiles for Windows, and Wine to run it: below target/wine, with what Wine lacks. Does nothing where it is
# there. Where rustup has no library of Windows to give, tests/windows/cargo.sh builds it with the compiler of Debian.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

target=x86_64-pc-windows-gnu
packages=(gcc-mingw-w64-x86-64 protobuf-compiler wine wine64)
rustup target list --installed 2>/dev/null | grep -qx "$target" || rustup target add "$target" ||
    packages+=(rustc-web cargo-web rust-web-src)

install_packages "${packages[@]}"

export WINEPREFIX=$PWD/target/wine WINEDEBUG=-all WINEDLLOVERRIDES=mscoree,mshtml=
library=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
if ! [ -e "$library" ]; then
    rm -rf "$WINEPREFIX"
    mkdir -p target
    wineboot --init
    wineserver --wait
    x86_64-w64-mingw32-gcc -shared -O2 -o "$library" tests/windows/bcryptprimitives.c -ladvapi32
fi
