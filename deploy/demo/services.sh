# Programs that run while the demo does.

services=()

start() { # NAME COMMAND...
    local name=$1
    shift
    shown "$@"
    "$@" >"$state/$name.log" 2>&1 &
    services=("$!" "${services[@]}")
}

await() { # NAME COMMAND...: asks until the command succeeds
    local name=$1 deadline=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $deadline ]; then
            tail -n 20 "$state/$name.log" >&2
            echo "$name does not get ready" >&2
            return 1
        fi
        sleep 0.1
    done
}

configure() { # FILE
    sed "s|@STATE@|$state|g" "deploy/demo/$1" >"$state/$1"
}

listens() {
    registry=$(sed -n 's|.*listening on \(127.0.0.1:[0-9]*\).*|\1|p' "$state/registry.log")
    [ -n "$registry" ]
}

start_services() {
    configure registry.yml
    configure cimsnap.toml
    configure containerd.toml
    start registry docker-registry serve "$state/registry.yml"
    start cimsnap cimsnap daemon --config "$config"
    await registry listens
    await cimsnap test -S /run/cimsnap/cimsnap.sock
    start containerd containerd --config "$state/containerd.toml"
    await containerd ctr version
    echo "$(cimsnap --version), $(containerd --version | cut -d ' ' -f 1,3), Linux $(uname -r)"
}

stop_services() {
    local service
    for service in "${services[@]}"; do
        kill "$service"
        wait "$service" || true
    done
}
