#!/usr/bin/env bash
# Builds the programs that are packed: `build.sh linux`, `build.sh windows`. Nothing in them says where they were built.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/package/lib.sh

cargo_home=${CARGO_HOME:-$HOME/.cargo}
sysroot=$(rustc --print sysroot)
remap="-ffile-prefix-map=$project=/cimsnap -ffile-prefix-map=$cargo_home=/cargo"
export CFLAGS=$remap CFLAGS_x86_64_pc_windows_gnu=$remap CARGO_INCREMENTAL=0 CARGO_TARGET_DIR=$build
RUSTFLAGS="-C strip=symbols --remap-path-prefix=$project=/cimsnap --remap-path-prefix=$cargo_home=/cargo"
RUSTFLAGS+=" --remap-path-prefix=$sysroot=/rust"
export RUSTFLAGS

case $1 in
linux)
    cargo build --locked --bin cimsnap --profile "$profile"
    ;;
windows)
    # The linker of MinGW writes down when it ran unless it is told not to.
    RUSTFLAGS+=" -C link-arg=-Wl,--no-insert-timestamp"
    tests/windows/cargo.sh build --locked --bin cimsnap --profile "$profile"
    ;;
esac
