// Pullbench measures how long containerd takes to unpack images, with one snapshotter beside others.
//
//	pullbench [-rounds N] [-variants A,B] [-dir DIR] LAYOUT...
//	pullbench -against A,B [-rounds N] [-dir DIR] LAYOUT...
//
// Each LAYOUT is the directory of an OCI layout. Blobs are in containerd's store before the clock starts. Variants take
// turns, after one round for each that does not count. Each line of the output is one pull, as JSON. DIR should be on a file
// system that was made for this: what others left in one slows it down. The second form measures containers.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/image"
)

// result is one pull.
type result struct {
	Image   string `json:"image"`
	Variant string `json:"variant"`
	Round   int    `json:"round"`
	cost
	DiskMB float64 `json:"disk_mb"`
	// steps are pulls over what is there.
	steps
}

func main() {
	rounds := flag.Int("rounds", 5, "pulls of each image with each variant")
	names := flag.String("variants", "overlayfs-seq,overlayfs-par,cimsnap-seq,cimsnap-par", "what to compare: "+strings.Join(known(), ", "))
	dir := flag.String("dir", os.TempDir(), "where everything takes place; a short path")
	platform := flag.String("platform", "linux/amd64", "platform of the images")
	against := flag.String("against", "", "snapshotters of containerd to compare containers with")
	flag.Parse()
	r := &run{}
	defer r.end()
	for _, layout := range flag.Args() {
		if *against != "" {
			compareContainers(r, *dir, *platform, layout, *against, *rounds)
			continue
		}
		measure(r, *dir, *platform, layout, strings.Split(*names, ","), *rounds)
	}
}

func measure(r *run, dir, platform, layout string, names []string, rounds int) {
	b := bed.In(r, dir)
	registry := b.Registry()
	i := images{whole: registry.Reference("image"), step: registry.Reference("step"), platform: platform}
	below, above := image.Layout(layout), image.Layout(b.Path("step"))
	r.check(below.Push(context.Background(), i.whole))
	r.check(above.WriteOver(below, image.Gzip(image.Dir("step"), image.File("step/file", []byte("one file")))))
	r.check(above.Push(context.Background(), i.step))
	i.fill(b)
	output := json.NewEncoder(os.Stdout)
	for round := range rounds + 1 {
		for _, name := range names {
			result := result{Image: filepath.Base(layout), Variant: name, Round: round}
			i.pull(r, b, find(r, name), &result)
			if round > 0 {
				r.check(output.Encode(result))
			}
		}
	}
}
