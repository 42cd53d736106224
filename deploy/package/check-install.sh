#!/usr/bin/env bash
# Checks a package (Debian, as root): `check-install.sh PACKAGE` installs it into a bare Debian, where the program and its manual
# have to speak, and purges it, which has to leave nothing but data.
set -euo pipefail
package=$(realpath "$1")
cd "$(dirname "$0")/../.."
. deploy/package/lib.sh

root=$project/target/dist-check/root
rm -rf "$root"
mkdir -p "$root"
debootstrap --variant=minbase --include=man-db bookworm "$root" >"$root.log"
printf 'path-include=/usr/share/doc/*\npath-include=/usr/share/man/*\n' >"$root/etc/dpkg/dpkg.cfg.d/zz-cimsnap"
cp "$package" "$root/cimsnap.deb"
in_root() { chroot "$root" "$@"; }
all() { (cd "$root" && find etc usr var/lib -not -path 'var/lib/dpkg/*' | sort); }

before=$(all)
in_root dpkg --install /cimsnap.deb
in_root cimsnap --version | grep -F "$version"
in_root cimsnap config check
in_root man --pager=cat cimsnap-snapshot-info | grep -F 'Show everything about a snapshot'
in_root test -e /etc/systemd/system/multi-user.target.wants/cimsnap.service
mkdir -p "$root/var/lib/cimsnap"
in_root dpkg --purge cimsnap
left=$(diff <(echo "$before") <(all) | grep '^[<>]' || true)
[ "$left" = '> var/lib/cimsnap' ] || { printf 'left behind:\n%s\n' "$left"; exit 1; }
rm -rf "$root"
echo 'all is well'
