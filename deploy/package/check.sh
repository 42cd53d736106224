#!/usr/bin/env bash
# Checks what is released (Debian, as root): two builds, in two directories, give the same bytes; the package can be installed
# into a bare Debian, works there, and leaves nothing but data when it is purged.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/package/lib.sh

check=$project/target/dist-check
other=$check/other/place
root=$check/root
rm -rf "$check"
mkdir -p "$(dirname "$other")"

echo 'twice the same'
deploy/package/dist.sh
git clone --quiet "$project" "$other"
mkdir -p "$other/target"
ln -s "$project/target/tools" "$other/target/tools"
"$other/deploy/package/dist.sh" >/dev/null
diff "$dist/SHA256SUMS" "$other/target/dist/SHA256SUMS"

echo 'a bare Debian'
debootstrap --variant=minbase --include=man-db bookworm "$root" >"$check/debootstrap.log"
printf 'path-include=/usr/share/doc/*\npath-include=/usr/share/man/*\n' >"$root/etc/dpkg/dpkg.cfg.d/zz-cimsnap"
cp "$dist"/*.deb "$root/cimsnap.deb"
in_root() { chroot "$root" "$@"; }
all() { (cd "$root" && find etc usr var/lib -not -path 'var/lib/dpkg/*' | sort); }

before=$(all)
in_root dpkg --install /cimsnap.deb
in_root cimsnap --version | grep -F "$version"
in_root cimsnap config check
in_root man --pager=cat cimsnap-snapshot-info | grep -q 'Show everything about a snapshot'
in_root test -e /etc/systemd/system/multi-user.target.wants/cimsnap.service
mkdir -p "$root/var/lib/cimsnap"
in_root dpkg --purge cimsnap
left=$(diff <(echo "$before") <(all) | grep '^[<>]' || true)
[ "$left" = '> var/lib/cimsnap' ] || { printf 'left behind:\n%s\n' "$left"; exit 1; }
rm -rf "$check"
echo 'all is well'
