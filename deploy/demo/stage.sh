#!/usr/bin/env bash
# What the demo shows. demo.sh starts it as the first process of namespaces of its own, so that it may mount what it likes.
set -eEuo pipefail
: "${demo:?is told by demo.sh}"
. deploy/demo/say.sh
. deploy/demo/services.sh
. deploy/demo/scenes.sh

state=$demo/state
config=$state/cimsnap.toml
mkdir -p "$state/tmp" "$state/root" "$demo/images"
export TMPDIR=$state/tmp
# Of containerd about the machine; the demo is not about that.
export CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=1
# Sockets, and what containerd and runc keep while they run.
mount -t tmpfs demo /run
trap 'tail -n 15 "$state"/*.log >&2' ERR

step "Make an image of Windows and one of Linux" make_images
step "Start a registry, cimsnap and containerd" start_services
step "Push the images to the registry" push_images
step "Pull the image of Windows" pull_windows
step "Look into the image of Windows" look_into_windows
step "Pull the image of Linux, and run a container" run_linux
step "Measure beside overlayfs" measure
step "Stop containerd, cimsnap and the registry" stop_services
