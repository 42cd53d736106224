# shellcheck shell=bash
# What the scripts beside this directory install with.

# Installs packages of Debian, unless they are there: `install_packages NAME…`.
install_packages() {
    local package missing=()
    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            missing+=("$package")
    done
    if [ ${#missing[@]} -ne 0 ]; then
        apt-get update
        DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
    fi
}

# Unpacks programs of a package, which is not installed, so that nothing of it starts:
# `unpack_programs DIRECTORY PACKAGE PATH-IN-IT…` puts them into DIRECTORY/bin, unless they are there.
unpack_programs() {
    local tools=$1 package=$2 path scratch lacks=
    shift 2
    for path; do
        [ -x "$tools/bin/${path##*/}" ] || lacks=yes
    done
    [ -n "$lacks" ] || return 0
    mkdir -p "$tools/bin"
    scratch=$(mktemp -d -p "$tools")
    (cd "$scratch" && { apt-get download --quiet "$package" || { apt-get update && apt-get download "$package"; }; } 2>&1)
    dpkg --extract "$scratch/$package"_*.deb "$scratch"
    for path; do
        install "$scratch/$path" "$tools/bin/"
    done
    rm -rf "$scratch"
}
