#!/usr/bin/env bash
# Compiles for cargo, which calls this with the compiler and its arguments. What reads the bytes of others is told to count what it
# runs, and to show what it compares, so that the fuzzer learns from it.
set -euo pipefail

counted=(
    --cfg fuzzing -C passes=sancov-module -C llvm-args=-sanitizer-coverage-level=4
    -C llvm-args=-sanitizer-coverage-inline-8bit-counters -C llvm-args=-sanitizer-coverage-pc-table
    -C llvm-args=-sanitizer-coverage-trace-compares
)
case ${CARGO_PKG_NAME:-}:" $* " in
*' build_script_build '*) exec "$@" ;;
cimsnap:* | cimsnap-fuzz:* | tar:* | zlib-rs:*) exec "$@" "${counted[@]}" ;;
*) exec "$@" ;;
esac
