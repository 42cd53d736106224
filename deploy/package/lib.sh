# shellcheck shell=bash
# What the scripts beside this one share, which source it from the top of the project. DIST is where they work, CIMSNAP
# another program to pack for Linux than the one that they build, PROFILE how they build.

# What is built of the same commit has the same times, wherever and whenever that is.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
umask 022

project=$PWD
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
profile=${PROFILE:-release}
dist=${DIST:-$project/target/dist}
build=$dist/build
windows=x86_64-pc-windows-gnu
export project version profile dist build windows

# Where cargo leaves what it builds with a profile.
profile_directory() {
    case $profile in
    dev) echo debug ;;
    *) echo "$profile" ;;
    esac
}

linux_program() {
    echo "${CIMSNAP:-$build/$(profile_directory)/cimsnap}"
}

windows_program() {
    echo "$build/$windows/$(profile_directory)/cimsnap.exe"
}

# Makes an empty directory below target/dist to put together what is packed: `stage NAME`.
stage() {
    rm -rf "$dist/stage/$1"
    mkdir -p "$dist/stage/$1"
    echo "$dist/stage/$1"
}

# Gives all in a directory the same modes and times wherever it was put together: `settle DIRECTORY`.
settle() {
    chmod -R u=rwX,go=rX "$1"
    find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}
