package main

import (
	"io/fs"
	"path/filepath"
	"syscall"

	"github.com/containerd/containerd/v2/core/images"

	"cimsnap/tests/containerd/bed"
)

// store is the namespace that keeps the blobs, while those of the pulls lose all that they have.
const store = "store"

// fill fetches the blobs of an image into containerd's store.
func fill(b *bed.Bed, reference, platform string) {
	c := b.Containerd(bed.Options{Snapshotter: b.Overlayfs()})
	_, err := c.TryCtrIn(store, "content", "fetch", "--plain-http", "--platform", platform, reference)
	if err != nil {
		b.Fatalf("%v", err)
	}
	c.Stop()
}

// pull pulls an image with a containerd that was just started, and removes it.
func pull(r *run, b *bed.Bed, v variant, reference, platform string) (cost, float64) {
	snapshotter, process := v.make(b)
	c := b.Containerd(bed.Options{Snapshotter: snapshotter, Unpacks: v.unpacks})
	before := used(snapshotter.Root)
	syscall.Sync()
	pids := []int{c.Pid()}
	if process != nil {
		pids = append(pids, process.Pid())
	}
	spent := costOf(pids, func() { c.Pull(reference, "--platform", platform) })
	taken := used(snapshotter.Root) - before
	r.check(c.ImageService().Delete(bed.Context(bed.Namespace), reference, images.SynchronousDelete()))
	c.Stop()
	if process != nil {
		process.Stop()
	}
	return spent, float64(taken) / 1e6
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
