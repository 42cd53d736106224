package containerd

import (
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/mount"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/tree"
)

// run runs a command in a container, which stays if it has a name, and returns what the command prints.
func (s *scene) run(reference, id string, command ...string) string {
	s.T.Helper()
	args := []string{"run", "--snapshotter", s.snapshotter.Name}
	return s.containerd.Ctr(append(append(args, reference, s.id(id)), command...)...)
}

// TestContainerRuns runs a command in an image, and leaves nothing of it.
func TestContainerRuns(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	reference := s.push("linux", linux, linuxImage(t)...)
	s.containerd.Pull(reference)
	before := s.files(s.snapshotter.Root)
	if got := s.run(reference, "c", "/bin/cat", "/data/changed"); got != "changed" {
		t.Errorf("the container printed %q", got)
	}
	s.containerd.Ctr("containers", "rm", s.id("c"))
	s.freed(before)
}

// TestContainersShareAnImage runs two containers at once, which do not see what the other one writes.
func TestContainersShareAnImage(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	reference := s.push("linux", linux, linuxImage(t)...)
	s.containerd.Pull(reference)
	for _, id := range []string{"one", "two"} {
		s.start(reference, id)
		s.exec(id, "/bin/sh", "-c", "echo "+id+" > /data/changed")
	}
	for _, id := range []string{"one", "two"} {
		if got := s.exec(id, "/bin/cat", "/data/changed"); strings.TrimSpace(got) != id {
			t.Errorf("container %s sees %q", id, got)
		}
		s.end(id)
	}
}

// start starts a container that waits.
func (s *scene) start(reference, id string) {
	s.T.Helper()
	s.containerd.Ctr("run", "--detach", "--snapshotter", s.snapshotter.Name, reference, s.id(id), "/bin/sleep", "3600")
	s.T.Cleanup(func() { _, _ = s.containerd.TryCtr("tasks", "delete", "--force", s.id(id)) })
}

// exec runs a command in a container that was started.
func (s *scene) exec(id string, command ...string) string {
	s.T.Helper()
	return s.containerd.Ctr(append([]string{"tasks", "exec", "--exec-id", "e", s.id(id)}, command...)...)
}

// end ends a container and removes it.
func (s *scene) end(id string) {
	s.T.Helper()
	s.containerd.Ctr("tasks", "delete", "--force", s.id(id))
	s.containerd.Ctr("containers", "rm", s.id(id))
}

const edits = `echo new > /data/new && rm /data/big && rm -r /data/opaque && mkdir /data/opaque &&
echo replaced > /data/opaque/only && echo more >> /data/changed && rm -r /data/sticky && echo file > /data/sticky`

// TestCommittedContainerIsAnImage writes in a container, makes an image of it, and looks at that.
func TestCommittedContainerIsAnImage(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	reference := s.push("linux", linux, linuxImage(t)...)
	s.containerd.Pull(reference)
	s.run(reference, "writer", "/bin/sh", "-c", edits)
	written := s.containerTree("writer")
	s.commit(reference, "writer", "committed")
	s.same(s.rootfs(bed.Namespace, "committed", s.snapshotter.Name, linux).WholeSeconds(), written.WholeSeconds())
	if got := s.run("committed", "reader", "/bin/cat", "/data/new", "/data/changed"); got != "new\nchangedmore\n" {
		t.Errorf("the container printed %q", got)
	}
}

func (s *scene) containerTree(id string) tree.Tree {
	s.T.Helper()
	service := s.containerd.SnapshotService(s.snapshotter.Name)
	mounts, err := service.Mounts(bed.Context(bed.Namespace), s.id(id))
	s.no(err)
	root := s.Mkdir("container")
	s.no(mount.All(mounts, root))
	defer func() { s.no(mount.UnmountAll(root, 0)) }()
	found, err := tree.Read(root)
	s.no(err)
	return found
}
