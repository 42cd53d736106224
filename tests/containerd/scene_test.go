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

// id names a container. runc keeps those of all containerds of a machine in one place.
func (s *scene) id(name string) string { return name + filepath.Base(s.Dir) }

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

// files maps each file below a directory to how many bytes it takes on disk. What is mounted there takes none, and databases
// are left out, which keep the room that they once took.
func (s *scene) files(dir string) map[string]int64 {
	s.T.Helper()
	var top syscall.Stat_t
	s.no(syscall.Stat(dir, &top))
	found := map[string]int64{}
	s.no(filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || filepath.Ext(path) == ".redb" || filepath.Ext(path) == ".db" {
			return nil
		}
		var stat syscall.Stat_t
		if err == nil {
			err = syscall.Lstat(path, &stat)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.IsDir() && stat.Dev != top.Dev:
			return fs.SkipDir
		case !entry.IsDir():
			found[path] = stat.Blocks * 512
		}
		return nil
	}))
	return found
}

// freed fails where the files of the snapshotter are not those that there were before images and containers came and went.
func (s *scene) freed(before map[string]int64) {
	s.T.Helper()
	var left map[string]int64
	if bed.Await(time.Minute, func() bool { left = s.files(s.snapshotter.Root); return maps.Equal(left, before) }) {
		return
	}
	for path, bytes := range left {
		if was, there := before[path]; !there || was != bytes {
			s.T.Errorf("%s is left with %d bytes, and had %d", path, bytes, was)
		}
	}
	for path := range before {
		if _, there := left[path]; !there {
			s.T.Errorf("%s is gone", path)
		}
	}
}

// remove removes an image and waits for the collection of garbage.
func (s *scene) remove(namespace, reference string) {
	s.T.Helper()
	s.no(s.containerd.ImageService().Delete(bed.Context(namespace), reference, images.SynchronousDelete()))
}
