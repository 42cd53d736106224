#!/usr/bin/env bash
# Runs the commands of a file, one a line, as on a machine of their own: `machine.sh DIRECTORY` keeps in DIRECTORY all that they
# write, and runs DIRECTORY/commands in DIRECTORY/home. Its processes and mounts end with it.
set -eEuo pipefail
cd "$(dirname "$0")/../../.."

if [ "${STAGE:-}" != begun ]; then
    export STAGE=begun
    exec setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child=KILL --mount-proc "$0" "$@"
fi

directory=$1
project=$PWD
export logs=$directory/logs
. tests/deploy/machine/words.sh

# What is written in a directory goes elsewhere.
overlay() { # DIRECTORY
    local kept=$directory/overlays$1
    mkdir -p "$kept/upper" "$kept/work"
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$kept/upper,workdir=$kept/work" "$1"
}

lay_out() {
    mkdir -p "$logs" "$directory/lib/systemd" "$directory/bin" "$project/target/release"
    mount -t tmpfs run /run
    mkdir -p /run/systemd/system
    overlay /etc
    overlay /usr
    # Where this comes from nothing is to start by itself.
    rm -f /usr/sbin/policy-rc.d
    # Images that others have mounted.
    umount --all --lazy --types fuse.cimsnap
    # No overlay: those of containers lie in there.
    cp --archive /var/lib/dpkg "$directory/lib/"
    mount --bind "$directory/lib" /var/lib
    # What a release build leaves, for `make install`.
    mount -t tmpfs release "$project/target/release"
    cp "$directory/home/cimsnap" "$project/target/release/"
    ln -s /bin/true "$directory/bin/cargo"
    cp tests/deploy/machine/systemctl "$directory/bin/"
    go -C tests/containerd build -o "$directory/bin/" ./cmd/push ./cmd/sample ./cmd/crictl
    mkdir -p /etc/containerd
    cp tests/deploy/machine/containerd.toml /etc/containerd/config.toml
}

PATH=$PATH:/usr/local/go/bin:$project/target/tools/go/bin
lay_out
PATH=$directory/bin:$project/target/tools/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
export TMPDIR=/run
start_registry
systemctl start containerd

cd "$directory/home"
exec 3<"$directory/commands"
while read -r line <&3; do
    echo "# $line"
    # shellcheck disable=SC2294
    eval "$line" </dev/null 2>&1 || {
        echo "this ends with $?; the logs:" >&2
        tail -n 8 "$logs"/* >&2
        exit 1
    }
done
systemctl stop containerd
printf '\nall is run\n'
