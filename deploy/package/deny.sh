#!/usr/bin/env bash
# Checks what the program is made of with cargo-deny: `deny.sh CHECK…`. .deny.toml has the rules.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=target/tools
tool_version=0.20.2
"$tools/bin/cargo-deny" --version 2>/dev/null | grep -qF "$tool_version" ||
    cargo install --debug --quiet --locked --root "$tools" --version "$tool_version" cargo-deny
exec "$tools/bin/cargo-deny" --locked check "$@"
