#!/usr/bin/env bash
# Compiles what checks deploy/, and installs what that reads with: parsers of PowerShell and of shells, systemd's check of
# units. Run after containerd.sh, which brings Go and containerd.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup/lib/packages.sh
. tests/setup/lib/go.sh

tools=$PWD/target/tools
parsers=target/deploy/python
packages=(python3-pip systemd shellcheck dpkg-dev zip)

install_packages "${packages[@]}"

if ! PYTHONPATH=$parsers /usr/bin/python3 -c 'import tree_sitter, tree_sitter_powershell' 2>/dev/null; then
    rm -rf "$parsers"
    /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$parsers" \
        tree-sitter==0.26.1 tree-sitter-powershell==0.26.4
fi

find_go "$tools"
go -C tests/deploy test -c -o "$tools/bin/" .
