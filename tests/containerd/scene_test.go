package containerd

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	containerd "github.com/containerd/containerd/v2/client"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/image"
	"cimsnap/tests/containerd/tree"
)

var (
	linux   = ocispec.Platform{OS: "linux", Architecture: "amd64"}
	windows = ocispec.Platform{OS: "windows", Architecture: "amd64"}
)

// scene is a bed with a registry, a daemon and a containerd that uses it.
type scene struct {
	*testing.T
	*bed.Bed
	registry    *bed.Registry
	daemon      *bed.Daemon
	snapshotter bed.Snapshotter
	containerd  *bed.Containerd
}

func newScene(t *testing.T, options bed.Options) *scene {
	t.Helper()
	s := newStage(t)
	s.serve(options)
	return s
}

// newStage is a scene before containerd starts.
func newStage(t *testing.T) *scene {
	t.Helper()
	b := bed.New(t)
	s := &scene{T: t, Bed: b, registry: b.Registry()}
	// Another snapshotter can take the place of ours, to tell faults of the tests from faults of the daemon.
	if os.Getenv("CIMSNAP_TEST_SNAPSHOTTER") == bed.Overlayfs {
		s.snapshotter = b.Overlayfs()
	} else {
		s.daemon = b.Daemon(b.Mkdir("cimsnap"))
		s.snapshotter = s.daemon.Snapshotter()
	}
	return s
}

func (s *scene) serve(options bed.Options) {
	s.T.Helper()
	options.Snapshotter = s.snapshotter
	s.containerd = s.Containerd(options)
}

// push brings an image into the registry and returns how to call it.
func (s *scene) push(name string, platform ocispec.Platform, layers ...image.Layer) string {
	s.T.Helper()
	return s.pushRunning(name, platform, []string{"/bin/sh"}, layers...)
}

// pushRunning does so with an image that runs a command where none is asked for.
func (s *scene) pushRunning(name string, platform ocispec.Platform, command []string, layers ...image.Layer) string {
	s.T.Helper()
	layout := image.Layout(s.Mkdir("layouts", name))
	s.no(layout.Write(platform, ocispec.ImageConfig{Cmd: command}, layers...))
	reference := s.registry.Reference(name)
	s.no(layout.Push(context.Background(), reference))
	return reference
}

// rootfs lists what an image looks like in a snapshotter, whose view of it is mounted for that.
func (s *scene) rootfs(namespace, reference, snapshotter string, platform ocispec.Platform) tree.Tree {
	s.T.Helper()
	var found tree.Tree
	s.mounted(namespace, reference, snapshotter, platform, func(root string) {
		var err error
		found, err = tree.Read(root)
		s.no(err)
	})
	return found
}

// mounted does something where an image is mounted.
func (s *scene) mounted(namespace, reference, snapshotter string, platform ocispec.Platform, do func(root string)) {
	s.T.Helper()
	ctx, release, err := s.containerd.WithLease(bed.Context(namespace))
	s.no(err)
	defer func() { s.no(release(ctx)) }()
	service := s.containerd.SnapshotService(snapshotter)
	mounts, err := service.View(ctx, "view", s.chain(ctx, reference, platform))
	s.no(err)
	defer func() { s.no(service.Remove(ctx, "view")) }()
	root := s.Mkdir("rootfs")
	s.no(mount.All(mounts, root))
	defer func() { s.no(mount.UnmountAll(root, 0)) }()
	do(root)
}

// chain names the snapshot of an image's top layer.
func (s *scene) chain(ctx context.Context, reference string, platform ocispec.Platform) string {
	s.T.Helper()
	found, err := s.containerd.ImageService().Get(ctx, reference)
	s.no(err)
	diffIDs, err := containerd.NewImageWithPlatform(s.containerd.Client, found, only(platform)).RootFS(ctx)
	s.no(err)
	return identity.ChainID(diffIDs).String()
}

// same fails where two trees differ.
func (s *scene) same(found, expected tree.Tree) {
	s.T.Helper()
	for _, difference := range found.Differences(expected) {
		s.T.Error(difference)
	}
}

// no fails the test on an error.
func (s *scene) no(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}

// files maps each file below a directory to how many bytes it takes on disk. Databases are left out, which keep the room
// that they once took.
func (s *scene) files(dir string) map[string]int64 {
	s.T.Helper()
	found := map[string]int64{}
	s.no(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || filepath.Ext(path) == ".redb" || filepath.Ext(path) == ".db" {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && !entry.IsDir() {
			found[path] = info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}))
	return found
}

// freed fails where files are left of images and containers that were removed.
func (s *scene) freed(before map[string]int64) {
	s.T.Helper()
	root := s.snapshotter.Root
	var left map[string]int64
	if !bed.Await(time.Minute, func() bool { left = s.files(root); return maps.Equal(left, before) }) {
		s.T.Errorf("not everything was freed: %v is left, %v was there before", left, before)
	}
}

// remove removes an image and waits for the collection of garbage.
func (s *scene) remove(namespace, reference string) {
	s.T.Helper()
	s.no(s.containerd.ImageService().Delete(bed.Context(namespace), reference, images.SynchronousDelete()))
}
