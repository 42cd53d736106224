package containerd

import (
	"testing"

	"cimsnap/tests/containerd/bed"
)

// TestRemovedImagesLeaveNothing counts the files of the snapshotter.
func TestRemovedImagesLeaveNothing(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 2})
	before := s.files(s.snapshotter.Root)
	layers := linuxImage(t)
	short := s.push("short", linux, layers[:2]...)
	long := s.push("long", linux, layers...)
	s.containerd.Pull(short)
	between := s.files(s.snapshotter.Root)
	s.containerd.Pull(long)
	s.remove(bed.Namespace, long)
	s.freed(between)
	s.remove(bed.Namespace, short)
	s.freed(before)
}

// TestNamespacesStandAlone pulls an image into two namespaces, and removes it from one and then the other.
func TestNamespacesStandAlone(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	before := s.files(s.snapshotter.Root)
	reference := s.push("linux", linux, linuxImage(t)...)
	for _, namespace := range []string{"one", "two"} {
		s.no(s.containerd.TryPull(namespace, reference))
	}
	snapshotter := s.snapshotter.Name
	found := s.rootfs("one", reference, snapshotter, linux)
	s.same(s.rootfs("two", reference, snapshotter, linux), found)
	s.remove("one", reference)
	s.same(s.rootfs("two", reference, snapshotter, linux), found)
	s.remove("two", reference)
	s.freed(before)
}
