package containerd

import (
	"errors"
	"slices"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/image"
)

func only(platform ocispec.Platform) platforms.MatchComparer { return platforms.Only(platform) }

// TestPullLayerByLayer compares an image with what containerd's own snapshotter makes of it.
func TestPullLayerByLayer(t *testing.T) { pull(t, 1) }

// TestPullSideBySide does so where layers are unpacked before it is known what they lie on.
func TestPullSideBySide(t *testing.T) { pull(t, 4) }

func pull(t *testing.T, unpacks int) {
	s := newScene(t, bed.Options{Unpacks: unpacks})
	reference := s.push("linux", linux, linuxImage(t)...)
	s.containerd.Pull(reference)
	s.sameAsOverlay(bed.Namespace, reference)
}

// sameAsOverlay pulls an image with containerd's own snapshotter too, and compares.
func (s *scene) sameAsOverlay(namespace, reference string) {
	s.T.Helper()
	_, err := s.containerd.TryCtrIn(namespace, "images", "pull", "--plain-http", "--snapshotter", bed.Overlayfs, reference)
	s.no(err)
	found := s.rootfs(namespace, reference, s.snapshotter.Name, linux)
	s.same(found, s.rootfs(namespace, reference, bed.Overlayfs, linux))
}

// TestPullsAtOnce pulls images that share layers, each into two namespaces, all at the same time.
func TestPullsAtOnce(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 4})
	before := s.files(s.snapshotter.Root)
	layers := linuxImage(t)
	other := append(layers[:3:3], image.Gzip(image.Dir("./"), image.File("other", noise(1<<20))))
	references := []string{s.push("one", linux, layers...), s.push("other", linux, other...)}
	namespaces := []string{bed.Namespace, "second"}
	results := make(chan error)
	for _, namespace := range namespaces {
		for _, reference := range references {
			go func() { results <- s.containerd.TryPull(namespace, reference) }()
		}
	}
	var failures error
	for range len(namespaces) * len(references) {
		failures = errors.Join(failures, <-results)
	}
	s.no(failures)
	for _, reference := range references {
		s.sameAsOverlay(bed.Namespace, reference)
	}
	for _, namespace := range namespaces {
		for _, reference := range references {
			s.remove(namespace, reference)
		}
	}
	s.freed(before)
}

// TestKnownLayersAreNotFetched pulls an image of layers that another namespace has, with one of its own on top, where
// namespaces share their layers.
func TestKnownLayersAreNotFetched(t *testing.T) {
	for _, unpacks := range []int{1, 4} {
		s := newStage(t)
		s.daemon.Share()
		s.serve(bed.Options{Unpacks: unpacks})
		before := s.files(s.snapshotter.Root)
		layers := linuxImage(t)
		known := s.push("known", linux, layers...)
		other := s.push("other", linux, append(layers[:3:3], image.Gzip(image.Dir("./"), image.File("own", noise(1<<20))))...)
		s.no(s.containerd.TryPull("first", known))
		s.no(s.containerd.TryPull("second", other))
		s.has("second", other, false, false, false, true)
		s.sameAsOverlay("second", other)
		s.remove("first", known)
		s.remove("second", other)
		s.freed(before)
	}
}

// has says which layers of an image a namespace has the blobs of.
func (s *scene) has(namespace, reference string, expected ...bool) {
	s.T.Helper()
	ctx := bed.Context(namespace)
	found, err := s.containerd.ImageService().Get(ctx, reference)
	s.no(err)
	store := s.containerd.ContentStore()
	manifest, err := images.Manifest(ctx, store, found.Target, only(linux))
	s.no(err)
	var there []bool
	for _, layer := range manifest.Layers {
		_, err := store.Info(ctx, layer.Digest)
		there = append(there, err == nil)
	}
	if !slices.Equal(there, expected) {
		s.T.Errorf("blobs that %s has of %s: %v, expected %v", namespace, reference, there, expected)
	}
}

// TestPullThroughTheClient unpacks with containerd's diff service rather than its transfer service, as nerdctl does.
func TestPullThroughTheClient(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	reference := s.push("linux", linux, linuxImage(t)...)
	s.containerd.Pull(reference, "--local")
	s.sameAsOverlay(bed.Namespace, reference)
}
