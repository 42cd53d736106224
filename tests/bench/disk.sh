#!/usr/bin/env bash
# A fresh ext4 in a loop file for benchmarks: a root file system that has seen many deletions creates files slowly.
#   disk.sh mount IMAGE DIR [SIZE]    makes the file system and mounts it
#   disk.sh umount IMAGE DIR          unmounts it and removes the file
set -euo pipefail
verb=$1 image=$2 dir=$3
case $verb in
mount)
    mkdir -p "$dir"
    rm -f "$image"
    fallocate -l "${4:-20G}" "$image"
    mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$image"
    mount -o loop "$image" "$dir"
    losetup --direct-io=on "$(findmnt -no SOURCE "$dir")"
    ;;
umount)
    umount "$dir"
    rm -f "$image"
    rmdir "$dir"
    ;;
*)
    echo "disk.sh: unknown verb $verb" >&2
    exit 2
    ;;
esac
