# shellcheck shell=bash
# What the commands of a page are put into: for machine.sh.

await() { # WHAT COMMAND…: asks until the command succeeds
    local what=$1 deadline=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || { echo "$what does not come" >&2; return 1; }
        sleep 0.05
    done
}

listens() {
    registry=$(sed -n 's|.*listening on \(127.0.0.1:[0-9]*\).*|\1|p' "$logs/registry")
    [ -n "$registry" ]
}

start_registry() {
    sed "s|@STATE@|$directory|g" deploy/demo/registry.yml >"$directory/registry.yml"
    docker-registry serve "$directory/registry.yml" >"$logs/registry" 2>&1 &
    await 'the registry' listens
}

# Brings an image of three layers to the registry, and leaves its layout in $directory/layouts.
push_image() { # NAME:TAG OPTION-OF-SAMPLE…
    local layout=$directory/layouts/$1
    mkdir -p "$layout"
    sample -size 2 "${@:2}" "$layout"
    push "$layout" "$registry/$1"
}

# The machine as it was before anything was installed.
afresh() {
    dpkg --purge cimsnap && rm -rf /var/lib/cimsnap /etc/cimsnap
}

# Runs a program as somebody does who ends it with Ctrl-C once it serves.
foreground() { # COMMAND…
    local pid
    "$@" >"$logs/foreground" 2>&1 &
    pid=$!
    await 'a daemon that serves' test -S /run/cimsnap/cimsnap.sock
    kill -INT "$pid"
    wait "$pid"
}

some_key() {
    cimsnap snapshot ls --json | python3 -c 'import json, sys; print(json.loads(sys.stdin.readline())["key"])'
}

says_nothing() { # COMMAND…
    local said
    said=$("$@")
    [ -z "$said" ] || { echo "$said"; return 1; }
}
