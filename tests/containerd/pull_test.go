package containerd

import (
	"errors"
	"testing"

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

// TestPullThroughTheClient unpacks with containerd's diff service rather than its transfer service, as nerdctl does.
func TestPullThroughTheClient(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	reference := s.push("linux", linux, linuxImage(t)...)
	s.containerd.Pull(reference, "--local")
	s.sameAsOverlay(bed.Namespace, reference)
}
