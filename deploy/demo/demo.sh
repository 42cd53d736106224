#!/usr/bin/env bash
# Shows cimsnap at work: builds it, has containerd pull an image of Windows and one of Linux with it, looks into both, and
# measures. Everything takes place below target/demo and in namespaces of its own, which end with this script however it ends.
#
#   CIMSNAP_DEMO_PROFILE=dev    builds without optimisation
#   CIMSNAP_DEMO_MIB=8          makes smaller images
#   CIMSNAP_DEMO_ROUNDS=1       measures less often
set -euo pipefail
cd "$(dirname "$0")/../.."
. deploy/demo/say.sh
. deploy/demo/machine.sh

export demo=$PWD/target/demo
profile=${CIMSNAP_DEMO_PROFILE:-release}
programs=target/${profile/#dev/debug}
stage=

install_missing() {
    for script in build containerd; do
        quietly "$demo/setup.log" "tests/setup/$script.sh"
    done
}

build() {
    local go=(go -C tests/containerd build -o "$PWD/target/tools/bin/" ./cmd/push ./cmd/sample)
    show cargo build --quiet --locked --profile "$profile" --bin cimsnap --example make-image
    show "${go[@]}"
}

# The first process of the new namespaces. All others end with it, and it ends with this one.
begin_stage() {
    setpriv --pdeathsig KILL \
        unshare --mount --propagation private --pid --fork --kill-child=KILL --mount-proc deploy/demo/stage.sh &
    stage=$!
    wait "$stage"
    stage=
}

end_stage() {
    local first
    if [ -n "$stage" ] && kill -0 "$stage" 2>/dev/null; then
        read -r first <"/proc/$stage/task/$stage/children" || true
        # Who waits for the first process goes when all processes are gone.
        kill -KILL "${first:-$stage}" 2>/dev/null || true
        wait "$stage" || true
    fi
}

clean_up() {
    local code=0
    end_stage
    rm -rf --one-file-system "$demo/state" || code=$?
    control_groups | xargs --no-run-if-empty rmdir || code=$?
    return "$code"
}

# Whoever asks how the demo ended is told of that, and not of what could not be cleaned up after it.
finish() {
    local code=$?
    clean_up || [ "$code" != 0 ] || code=1
    exit "$code"
}

check_left() {
    local now
    now=$(leftovers)
    if [ "$now" != "$1" ]; then
        echo "left behind:" >&2
        diff <(echo "$1") <(echo "$now") >&2
        return 1
    fi
    echo "no mount, no process, no network namespace, no control group is left; images for the next run are in target/demo"
}

# One demo at a time: they share a directory.
lock() {
    exec {lock}>"$demo/lock"
    flock --nonblock "$lock" || {
        echo "another demo runs in $demo" >&2
        exit 1
    }
}

tidy() {
    clean_up
    check_left "$1"
}

main() {
    local begun before
    begun=$(now)
    check_machine
    lock
    PATH=$PWD/$programs:$PWD/$programs/examples:$PWD/target/tools/bin:$PATH:/usr/local/go/bin:$PWD/target/tools/go/bin
    before=$(leftovers)
    step "Install what is missing" install_missing
    step "Build" build
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    clean_up
    begin_stage
    step "Clean up" tidy "$before"
    printf '\nThe whole took %s\n' "$(seconds $(($(now) - begun)))"
}

main
