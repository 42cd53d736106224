package containerd

import (
	"testing"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"cimsnap/tests/containerd/bed"
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
	s.containerd.Ctr("images", "pull", "--plain-http", "--snapshotter", bed.Overlayfs.Name, reference)
	found := s.rootfs(bed.Namespace, reference, s.containerd.Snapshotter.Name, linux)
	s.same(found, s.rootfs(bed.Namespace, reference, bed.Overlayfs.Name, linux))
}
