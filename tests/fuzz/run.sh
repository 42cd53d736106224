#!/usr/bin/env bash
# Fuzzes each target for so many seconds, as many at a time as there are cores: `run.sh SECONDS`. What they learn is kept in
# target/fuzz/corpus for the next time, and each input with which one fails in target/fuzz/found.
set -euo pipefail
cd "$(dirname "$0")/../.."
export seconds=$1 fuzz=target/fuzz
export CARGO_TARGET_DIR=$PWD/$fuzz RUSTC_WRAPPER=$PWD/tests/fuzz/rustc.sh RUST_BACKTRACE=0

fuzz() { # NAME
    local log=$fuzz/$1.log
    mkdir -p "$fuzz/corpus/$1" "$fuzz/found"
    if "$fuzz/debug/$1" "$fuzz/corpus/$1" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 \
        -artifact_prefix="$fuzz/found/$1-" >"$log" 2>&1; then
        echo "$1: $(sed -n 's/^Done //p' "$log")"
    else
        tail -n 15 "$log"
        echo "fuzzing $1 has found a fault; to see it again: cd $PWD && $fuzz/debug/$1 $(sed -n 's/.*written to //p' "$log")"
        return 1
    fi
}
export -f fuzz

# Both are made of the same versions.
[ tests/fuzz/Cargo.lock -nt Cargo.lock ] || cp Cargo.lock tests/fuzz/Cargo.lock
cargo build --quiet --manifest-path tests/fuzz/Cargo.toml
basename --suffix=.rs tests/fuzz/fuzz_targets/*.rs | xargs --max-procs="$(nproc)" --replace bash -c 'fuzz {}'
