# The scenes of the demo, in their order.

mib=${CIMSNAP_DEMO_MIB:-128}

make_images() {
    windows=$demo/images/windows-$mib
    linux=$demo/images/linux-$mib
    once "$windows" make-image windows --synthetic --size "${mib}MiB" --to "$windows.part"
    once "$linux" sample -size "$mib" "$linux.part"
}

once() { # DIR COMMAND...: runs a command that makes DIR.part, unless DIR is there
    local directory=$1
    shift
    if [ -e "$directory" ]; then
        echo "${directory#"$PWD/"} is there from an earlier run"
        return
    fi
    rm -rf "$directory.part"
    show "$@"
    mv "$directory.part" "$directory"
}

push_images() {
    show push "$windows" "$registry/windows:demo"
    show push "$linux" "$registry/linux:demo"
}

pull() { # REFERENCE PLATFORM
    quietly "$state/pull.log" ctr images pull --plain-http --snapshotter cimsnap --platform "$2" "$1"
}

pull_windows() {
    pull "$registry/windows:demo" windows/amd64
    image=$state/cimsnap/cim/$(top | sed 's/:/-/').cim
    echo "each layer has become an image over the one below; the uppermost one shares all files of the others:"
    show cimsnap cim regions "$image" | sed '6,$ { $!d; s/^/   ...\n/ }'
}

# The snapshot that lies over all others.
top() {
    ctr snapshots --snapshotter cimsnap list |
        awk 'NR > 1 { keys[$1]; parents[$2] } END { for (key in keys) if (!(key in parents)) print key }'
}

look_into_windows() {
    local root=$state/root whiteouts
    show cimsnap --quiet cim mount "$image" "$root"
    (cd "$root" && show ls -xF --width=110 . Files Files/Windows)
    echo "the registry, merged from the hives of all layers:"
    show find "$root/Hives" -name '*_BASE' -printf '%f: %s bytes, which begin with ' -exec head -c 4 {} \; -printf '\n'
    echo "an alternate stream, which says that a file came from the network:"
    show cimsnap cim cat "$image" 'Files/Program Files/Layer 1/download.exe' --stream Zone.Identifier
    whiteouts=$(names "$windows" | grep -c '/\.wh\.')
    echo "the layers delete with $whiteouts whiteouts; of them the image shows: $(find "$root" -name '.wh.*' | wc -l)"
    show cimsnap cim check "$image"
    show cimsnap cim umount "$root"
}

# The names in all layers of a layout.
names() { # LAYOUT
    local blob
    for blob in "$1"/blobs/sha256/*; do
        # The documents are no layers.
        gzip --test "$blob" 2>/dev/null && tar --list --gzip --warning=no-unknown-keyword --file "$blob"
    done
    return 0
}

run_linux() {
    pull "$registry/linux:demo" linux/amd64
    show ctr run --rm --snapshotter cimsnap --cgroup /cimsnap-demo "$registry/linux:demo" demo sh -c \
        'echo written in a container >/data/note; cat /data/note; find /data -type f | wc -l'
    # What cimsnap has already would not be unpacked again.
    quietly "$state/remove.log" ctr images rm --sync "$registry/linux:demo"
}

measure() {
    show cimsnap bench --config "$config" --image "$registry/linux:demo" --plain-http --rounds "${CIMSNAP_DEMO_ROUNDS:-3}"
}
