#!/usr/bin/env bash
# Packs the package for Debian: target/dist/cimsnap_VERSION_amd64.deb.
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/package/lib.sh

from=deploy/package/debian
root=$(stage deb)
deploy/package/tree.sh "$root/usr"

# What a package of Debian has elsewhere, or in another form.
documents=$root/usr/share/doc/cimsnap
install -D --mode=644 "$documents/examples/config.toml" "$root/etc/cimsnap/config.toml"
mkdir -p "$root/usr/lib/systemd/system" "$root/usr/share/zsh/vendor-completions"
sed 's,/usr/local/bin/,/usr/bin/,' deploy/linux/cimsnap.service >"$root/usr/lib/systemd/system/cimsnap.service"
mv "$root/usr/share/zsh/site-functions/_cimsnap" "$root/usr/share/zsh/vendor-completions/"
rm -r "$root/usr/share/zsh/site-functions" "$documents/LICENSE"
cp "$from/copyright" "$documents/copyright"
{
    printf 'cimsnap (%s) unstable; urgency=medium\n\n  * CHANGELOG.md has what is new.\n\n' "$version"
    printf ' -- %s  %s\n' "$(sed -n 's/^Maintainer: //p' "$from/control.in")" "$(date --rfc-email --date="@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$documents/changelog.gz"

# Which libraries of Debian the program is linked with, as dpkg tells it from a directory that has a debian/control.
libraries() {
    local directory
    directory=$(stage shlibs)
    mkdir "$directory/debian"
    printf 'Source: cimsnap\n\nPackage: cimsnap\nArchitecture: amd64\n' >"$directory/debian/control"
    (cd "$directory" && dpkg-shlibdeps -O "$(linux_program)" 2>/dev/null) | sed 's/^shlibs:Depends=//'
}

mkdir "$root/DEBIAN"
kibibytes=$(find "$root" -type f -printf '%s\n' | awk '{ sum += int(($1 + 1023) / 1024) } END { print sum }')
sed -e "s/@VERSION@/$version/" -e "s/@SIZE@/$kibibytes/" -e "s/@LIBRARIES@/$(libraries)/" "$from/control.in" \
    >"$root/DEBIAN/control"
cp "$from/conffiles" "$root/DEBIAN/"
install --mode=755 "$from/postinst" "$from/prerm" "$from/postrm" "$root/DEBIAN/"
(cd "$root" && find usr -type f | sort | xargs -d '\n' md5sum >DEBIAN/md5sums)
settle "$root"
dpkg-deb --root-owner-group "-Z${COMPRESSION:-xz}" --threads-max=1 --build "$root" "$dist/cimsnap_${version}_amd64.deb" >/dev/null
