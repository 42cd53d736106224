#!/usr/bin/env bash
# Puts into target/tools/bin what reads the rules for Prometheus as Prometheus does.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh

unpack_programs "$PWD/target/tools" prometheus usr/bin/promtool
