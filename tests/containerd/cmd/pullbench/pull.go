package main

import (
	"io/fs"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	ctrimages "github.com/containerd/containerd/v2/core/images"

	"cimsnap/tests/containerd/bed"
)

// store is the namespace that keeps the blobs, while those of the pulls lose all that they have.
const store = "store"

// images are those to be pulled.
type images struct {
	// whole is what is pulled where nothing is there.
	whole string
	// step is the same with a layer of one file on top.
	step     string
	platform string
}

// fill fetches the blobs into containerd's store.
func (i images) fill(b *bed.Bed) {
	c := b.Containerd(bed.Options{Snapshotter: b.Overlayfs()})
	for _, reference := range []string{i.whole, i.step} {
		_, err := c.TryCtrIn(store, "content", "fetch", "--plain-http", "--platform", i.platform, reference)
		if err != nil {
			b.Fatalf("%v", err)
		}
	}
	c.Stop()
}

// pull pulls with a containerd that was just started, and removes what it has pulled.
func (i images) pull(r *run, b *bed.Bed, v variant, to *result) {
	r.check(v.choose())
	snapshotter, process := v.make(b)
	c := b.Containerd(bed.Options{Snapshotter: snapshotter, Unpacks: v.unpacks})
	before := used(snapshotter.Root)
	syscall.Sync()
	pids := []int{c.Pid()}
	if process != nil {
		pids = append(pids, process.Pid())
	}
	to.cost = costOf(pids, func() { c.Pull(i.whole, "--platform", i.platform) })
	to.DiskMB = float64(used(snapshotter.Root)-before) / 1e6
	to.steps = i.takeSteps(r, c)
	r.remove(c, i.whole)
	c.Stop()
	if process != nil {
		process.Stop()
	}
}

// steps are what pulls take where all is there but one layer of one file, or all.
type steps struct {
	NothingS float64 `json:"nothing_s"`
	OneFileS float64 `json:"one_file_s"`
}

// stepCount is how many of each there are. What counts is the median.
const stepCount = 11

func (i images) takeSteps(r *run, c *bed.Containerd) steps {
	var nothing, oneFile []float64
	for range stepCount {
		nothing = append(nothing, seconds(func() { c.Pull(i.whole, "--platform", i.platform) }))
		oneFile = append(oneFile, seconds(func() { c.Pull(i.step, "--platform", i.platform) }))
		r.remove(c, i.step)
	}
	slices.Sort(nothing)
	slices.Sort(oneFile)
	return steps{NothingS: nothing[stepCount/2], OneFileS: oneFile[stepCount/2]}
}

func seconds(do func()) float64 {
	start := time.Now()
	do()
	return time.Since(start).Seconds()
}

func (r *run) remove(c *bed.Containerd, reference string) {
	r.check(c.ImageService().Delete(bed.Context(bed.Namespace), reference, ctrimages.SynchronousDelete()))
}

// used is how many bytes a directory takes on disk, without what is mounted in it. What goes meanwhile does not count.
func used(dir string) int64 {
	var sum int64
	var top syscall.Stat_t
	_ = syscall.Stat(dir, &top)
	seen := map[uint64]bool{}
	_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		var stat syscall.Stat_t
		if err != nil || syscall.Lstat(path, &stat) != nil {
			return nil
		}
		if entry.IsDir() && stat.Dev != top.Dev {
			return fs.SkipDir
		}
		if !seen[stat.Ino] {
			sum += stat.Blocks * 512
		}
		seen[stat.Ino] = true
		return nil
	})
	return sum
}
