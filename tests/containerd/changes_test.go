package containerd

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/diff"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sys/unix"

	"cimsnap/tests/containerd/bed"
)

// emptyLayer is the diff id that every tool knows as that of no change.
const emptyLayer digest.Digest = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"

// change is a change of a mounted tree.
type change func(root string) error

// TestChangesetsAreThoseOfContainerd makes the same changes in an image of ours and in one of overlayfs, and compares the bytes
// of the layers: ours before and after the commit, and that which containerd's own differ makes.
func TestChangesetsAreThoseOfContainerd(t *testing.T) {
	c := newComparison(t)
	for name, change := range linkChanges {
		t.Run(name, func(t *testing.T) { c.compare(t, name, change) })
	}
	for seed := range int64(60) {
		name := fmt.Sprintf("seed-%02d", seed)
		t.Run(name, func(t *testing.T) { c.compare(t, name, randomChanges(seed)) })
	}
}

// TestNoChangeIsTheEmptyLayer compares snapshots in which nothing changed, or nothing but times of directories.
func TestNoChangeIsTheEmptyLayer(t *testing.T) {
	c := newComparison(t)
	for name, change := range map[string]change{
		"nothing": func(string) error { return nil },
		"directory-times": func(root string) error {
			file := filepath.Join(root, "data/opaque/passing")
			return errors.Join(os.WriteFile(file, nil, 0o644), os.Remove(file), os.Chtimes(root, time.Now(), time.Now()))
		},
	} {
		for _, layer := range c.layers(t, name, change) {
			if got := digest.FromBytes(layer.tar); got != emptyLayer {
				t.Errorf("%s: %s is %s:\n%s", name, layer.name, got, strings.Join(listing(layer.tar), "\n"))
			}
		}
	}
}

// TestSourceDateEpochLimitsTimes has the differs cut times.
func TestSourceDateEpochLimitsTimes(t *testing.T) {
	c := newComparison(t)
	c.options = []diff.Opt{diff.WithSourceDateEpoch(ptr(time.Unix(1_500_000_000, 700_000_000)))}
	c.compare(t, "epoch", func(root string) error {
		name := filepath.Join(root, "data/late")
		return errors.Join(os.WriteFile(name, []byte("late"), 0o644), os.Remove(filepath.Join(root, "data/first")))
	})
}

// TestSocketsHaveNoEntries puts a socket in place of a file. An image has no sockets, so that after the commit the file is
// deleted; before it, our differ leaves out the socket and the change, as containerd's does.
func TestSocketsHaveNoEntries(t *testing.T) {
	c := newComparison(t)
	layers := c.layers(t, "socket", func(root string) error {
		name := filepath.Join(root, "data/owned")
		return errors.Join(os.Remove(name), unix.Mknod(name, syscall.S_IFSOCK|0o600, 0),
			unix.Mknod(filepath.Join(root, "etc/new"), syscall.S_IFSOCK|0o600, 0))
	})
	for _, layer := range layers[:3] {
		if got := digest.FromBytes(layer.tar); got != emptyLayer {
			t.Errorf("%s is %s", layer.name, got)
		}
	}
	var names []string
	for reader := tar.NewReader(bytes.NewReader(layers[3].tar)); ; {
		header, err := reader.Next()
		if err != nil {
			break
		}
		names = append(names, header.Name)
	}
	if !slices.Equal(names, []string{"data/", "data/.wh.owned"}) {
		t.Errorf("%s has %q", layers[3].name, names)
	}
}

func ptr[T any](value T) *T { return &value }

// comparison is a containerd with an image, unpacked by two snapshotters.
type comparison struct {
	*scene
	reference string
	options   []diff.Opt
}

func newComparison(t *testing.T) *comparison {
	s := newScene(t, bed.Options{Unpacks: 1})
	reference := s.push("linux", linux, linuxImage(t)...)
	s.containerd.Pull(reference)
	s.containerd.Ctr("images", "pull", "--plain-http", "--snapshotter", bed.Overlayfs, reference)
	return &comparison{scene: s, reference: reference}
}

// layer is an uncompressed layer, and what it was made of.
type layer struct {
	name string
	tar  []byte
}

// compare fails where the layers of a change differ.
func (c *comparison) compare(t *testing.T, name string, change change) {
	t.Helper()
	layers := c.layers(t, name, change)
	expected := layers[0]
	for _, found := range layers[1:] {
		if !bytes.Equal(found.tar, expected.tar) {
			t.Errorf("%s differs from %s:\n%s", found.name, expected.name, differences(listing(found.tar), listing(expected.tar)))
		}
	}
}

// layers makes a change with both snapshotters, and returns all layers of it, that of overlayfs first.
func (c *comparison) layers(t *testing.T, name string, change change) []layer {
	t.Helper()
	var found []layer
	for _, snapshotter := range []string{bed.Overlayfs, c.snapshotter.Name} {
		ctx, release, err := c.containerd.WithLease(bed.Context(bed.Namespace))
		fatal(t, err)
		service := c.containerd.SnapshotService(snapshotter)
		parent := c.chain(ctx, c.reference, linux)
		active, committed := name+"-"+snapshotter, name+"-"+snapshotter+"-committed"
		mounts, err := service.Prepare(ctx, active, parent)
		fatal(t, err)
		edit(t, mounts, change)
		for _, upper := range []string{active, committed} {
			if upper == committed {
				fatal(t, service.Commit(ctx, committed, active))
			}
			found = append(found, layer{upper, c.layer(t, ctx, service, parent, upper)})
		}
		fatal(t, service.Remove(ctx, committed))
		fatal(t, release(ctx))
	}
	return found
}

// layer has containerd's service compare a snapshot with its parent, as its clients do.
func (c *comparison) layer(t *testing.T, ctx context.Context, service snapshots.Snapshotter, parent, upper string) []byte {
	t.Helper()
	lower, err := service.View(ctx, upper+"-lower", parent)
	fatal(t, err)
	defer func() { fatal(t, service.Remove(ctx, upper+"-lower")) }()
	info, err := service.Stat(ctx, upper)
	fatal(t, err)
	var mounts []mount.Mount
	if info.Kind == snapshots.KindCommitted {
		mounts, err = service.View(ctx, upper+"-view", upper)
		defer func() { fatal(t, service.Remove(ctx, upper+"-view")) }()
	} else {
		mounts, err = service.Mounts(ctx, upper)
	}
	fatal(t, err)
	options := append([]diff.Opt{diff.WithMediaType(ocispec.MediaTypeImageLayer)}, c.options...)
	blob, err := c.containerd.DiffService().Compare(ctx, lower, mounts, options...)
	fatal(t, err)
	bytes, err := content.ReadBlob(ctx, c.containerd.ContentStore(), blob)
	fatal(t, err)
	return bytes
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// edit changes a mounted tree, and gives everything that changed a time that follows from its path.
func edit(t *testing.T, mounts []mount.Mount, change change) {
	t.Helper()
	root := t.TempDir()
	fatal(t, mount.All(mounts, root))
	defer func() { fatal(t, mount.UnmountAll(root, 0)) }()
	began := time.Now()
	fatal(t, change(root))
	fatal(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil || info.ModTime().Before(began.Add(-time.Second)) || path == root {
			return err
		}
		name, _ := filepath.Rel(root, path)
		return setTime(path, timeOf(name, info))
	}))
}

// timeOf returns a time after 2023; some are whole seconds. All names of a file have one.
func timeOf(name string, info fs.FileInfo) time.Time {
	if stat := info.Sys().(*syscall.Stat_t); !info.IsDir() && stat.Nlink > 1 {
		name = "linked"
	}
	sum := int64(digest.FromString(name).Encoded()[0])*7 + int64(len(name))
	return time.Unix(1_700_000_000+sum, sum%3*123_456_700)
}

func setTime(path string, at time.Time) error {
	times := []unix.Timespec{unix.NsecToTimespec(at.UnixNano()), unix.NsecToTimespec(at.UnixNano())}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW)
}
