#!/usr/bin/env bash
# Lays out what is installed on Linux, as it stands below a prefix: `tree.sh DIRECTORY`.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/package/lib.sh

to=$1
program=$(linux_program)
install -D --mode=755 "$program" "$to/bin/cimsnap"
"$program" man "$to/share/man/man1"
gzip -9n "$to"/share/man/man1/*.1

complete() {
    mkdir -p "$to/share/$(dirname "$2")"
    "$program" completions "$1" >"$to/share/$2"
}
complete bash bash-completion/completions/cimsnap
complete fish fish/vendor_completions.d/cimsnap.fish
complete zsh zsh/site-functions/_cimsnap

documents=$to/share/doc/cimsnap
mkdir -p "$documents/examples"
cp -r README.md CHANGELOG.md LICENSE docs "$documents/"
python3 deploy/package/notices.py x86_64-unknown-linux-gnu >"$documents/THIRD-PARTY.txt"
cp -r deploy/linux/containerd.toml deploy/grafana deploy/prometheus "$documents/examples/"
"$program" config default >"$documents/examples/config.toml"
