#!/usr/bin/env bash
# cargo, for Windows: `tests/windows/cargo.sh build --release` leaves cimsnap.exe below target/x86_64-pc-windows-gnu.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=x86_64-pc-windows-gnu
command=$1
shift
if rustup target list --installed 2>/dev/null | grep -qx "$target"; then
    exec cargo "$command" --target "$target" "$@"
fi
# Debian has the sources of the library. That it may be built is a matter of nightly compilers otherwise.
RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc exec /usr/bin/cargo "$command" -Zbuild-std=std,panic_abort --target "$target" "$@"
