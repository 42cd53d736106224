# What the demo needs from the machine, and what must not be left on it.

wants=()

want() { # WHAT COMMAND...: notes what is missing if the command fails
    local what=$1
    shift
    "$@" >/dev/null 2>&1 || wants+=("$what")
}

has_file_system() { # NAME
    grep -qw "$1" /proc/filesystems || modprobe "$1"
}

is_root() { [ "$(id -u)" = 0 ]; }

takes_overlays() { # DIR
    [ "$(stat --file-system --format %T "$1")" != overlayfs ]
}

has_rust() {
    local version
    version=$(cargo --version | cut -d ' ' -f 2)
    [ "$(printf '%s\n' 1.90.0 "$version" | sort --version-sort | head -n 1)" = 1.90.0 ]
}

check_machine() {
    want "Debian or alike: there is no apt-get" command -v apt-get
    want "Rust 1.90 or later: there is no such cargo in PATH" has_rust
    want "an x86-64 processor" test "$(uname -m)" = x86_64
    want "root, to mount images and to run containers" is_root
    if is_root; then
        mkdir -p "$demo"
        want "a file system for target/ that overlays can lie on, such as ext4 or xfs" takes_overlays "$demo"
        want "FUSE: there is no /dev/fuse (modprobe fuse)" test -e /dev/fuse
        want "overlays: modprobe overlay" has_file_system overlay
        want "leave to make namespaces (unshare)" unshare --mount --pid --fork true
    fi
    [ ${#wants[@]} -eq 0 ] && return
    echo "the demo cannot run here. It needs:" >&2
    printf '  * %s\n' "${wants[@]}" >&2
    exit 1
}

# Where control groups of the demo are, of either version.
control_groups() {
    local group
    for group in /sys/fs/cgroup/{,*/}cimsnap-{demo,bench-}*; do
        [ ! -d "$group" ] || echo "$group"
    done
}

# All that the demo could leave outside of target/, a line for each.
leftovers() {
    local file word
    grep -F " $demo/" /proc/self/mountinfo || true
    for file in /proc/[0-9]*/cmdline; do
        while IFS= read -rd '' word; do
            [[ $word != *"$demo/"* ]] || echo "$file: $word"
        done 2>/dev/null <"$file" || true
    done
    ls /run/netns 2>/dev/null || true
    control_groups
}
