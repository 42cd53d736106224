package containerd

import (
	"context"
	"strings"
	"testing"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/image"
)

// TestNamespacesBringTheirBlobs pulls an image into a second namespace, which fetches every blob, so that the image can be
// exported from there. A further image of the first namespace skips the layers that this namespace has.
func TestNamespacesBringTheirBlobs(t *testing.T) {
	for _, unpacks := range []int{1, 4} {
		s := newScene(t, bed.Options{Unpacks: unpacks})
		before := s.files(s.snapshotter.Root)
		layers := linuxImage(t)
		reference := s.push("linux", linux, layers...)
		own := append(layers[:3:3], image.Gzip(image.Dir("./"), image.File("own", noise(1<<20))))
		other := s.push("other", linux, own...)
		for _, namespace := range []string{"first", "second"} {
			s.no(s.containerd.TryPull(namespace, reference))
			s.has(namespace, reference, true, true, true, true)
			_, err := s.containerd.TryCtrIn(namespace, "images", "export", s.Path(namespace+".tar"), reference)
			s.no(err)
		}
		s.no(s.containerd.TryPull("first", other))
		s.sameAsOverlay("first", other)
		for _, namespace := range []string{"first", "second"} {
			s.remove(namespace, reference)
		}
		s.remove("first", other)
		s.freed(before)
	}
}

// TestClaimedDiffIDs pulls images whose configuration claims diff ids of a private image, with garbage in place of its
// blobs. Another namespace must not get the files of that image, whether the claim is of one layer or of the chain.
func TestClaimedDiffIDs(t *testing.T) {
	for _, unpacks := range []int{1, 4} {
		s := newScene(t, bed.Options{Unpacks: unpacks})
		layers := linuxImage(t)
		private := s.push("private", linux, layers...)
		s.no(s.containerd.TryPull("owner", private))
		garbage := []byte(strings.Repeat("garbage ", 1024))
		foreign := image.Gzip(image.Dir("./"), image.File("foreign", []byte("foreign")))
		for name, blob := range map[string]func(image.Layer) ([]byte, error){
			"garbage": func(image.Layer) ([]byte, error) { return garbage, nil },
			"foreign": func(image.Layer) ([]byte, error) { return foreign.Bytes() },
		} {
			layout := image.Layout(s.Mkdir("layouts", name))
			s.no(layout.WriteClaiming(linux, blob, layers...))
			reference := s.registry.Reference(name)
			s.no(layout.Push(context.Background(), reference))
			if err := s.containerd.TryPull("thief", reference); err == nil {
				s.T.Errorf("an image of %s in place of its layers was unpacked", name)
			}
			s.none("thief")
		}
		// The owner has these files anyway: see docs/security.md.
		s.no(s.containerd.TryPull("owner", s.registry.Reference("garbage")))
		s.sameAsOverlay("owner", private)
	}
}

// none says that a namespace has no snapshot.
func (s *scene) none(namespace string) {
	s.T.Helper()
	listed, err := s.containerd.TryCtrIn(namespace, "snapshots", "--snapshotter", s.snapshotter.Name, "list")
	s.no(err)
	if lines := strings.Count(strings.TrimSpace(listed), "\n"); lines > 0 {
		s.T.Errorf("%s has snapshots:\n%s", namespace, listed)
	}
}
