package main

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/image"
)

// partly is how `cimsnap bench` ends if something could not be measured.
const partly = 3

// compareContainers has `cimsnap bench` measure an image that runs, and prints what that tells.
func compareContainers(r *run, dir, platform, layout, against string, rounds int) {
	b := bed.In(r, dir)
	reference := b.Registry().Reference("image")
	r.check(image.Layout(layout).Push(context.Background(), reference))
	d := b.Daemon(b.Mkdir("cimsnap"))
	options := bed.Options{Snapshotter: d.Snapshotter(), Unpacks: parallel}
	if slices.Contains(strings.Split(against, ","), "erofs") {
		options.Others = []bed.Snapshotter{{Name: "erofs", Differ: "erofs"}}
	}
	b.Containerd(options)
	command := d.Command("bench", "--json", "--plain-http", "--image", reference, "--platform", platform,
		"--against", against, "--rounds", strconv.Itoa(rounds))
	command.Stderr = os.Stderr
	told, err := command.Output()
	// Its report says what could not be measured, and why.
	if command.ProcessState.ExitCode() != partly {
		r.check(err)
	}
	r.check(json.NewEncoder(os.Stdout).Encode(json.RawMessage(told)))
}
