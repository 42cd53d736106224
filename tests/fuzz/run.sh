#!/usr/bin/env bash
# Fuzzes each target for the given number of seconds. Installs the toolchain and cargo-fuzz where they are missing.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=$1
toolchain=nightly-2026-03-15
fuzzer=0.13.1
tools=$PWD/target/tools

rustup toolchain install "$toolchain" --profile minimal
[ -x "$tools/bin/cargo-fuzz" ] || cargo install --locked --root "$tools" "cargo-fuzz@$fuzzer"
export PATH=$tools/bin:$PATH

for target in tests/fuzz/fuzz_targets/*.rs; do
    name=$(basename "$target" .rs)
    echo "fuzzing $name for $seconds s"
    cargo "+$toolchain" fuzz run --fuzz-dir tests/fuzz "$name" -- \
        -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1
done
