package containerd

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"cimsnap/tests/containerd/bed"
)

// nerdctl runs nerdctl in the default namespace and returns what it prints.
func (s *scene) nerdctl(args ...string) string {
	s.T.Helper()
	global := []string{"--address", s.Path("containerd.sock"), "--namespace", bed.Namespace, "--snapshotter", s.snapshotter.Name,
		"--data-root", s.Mkdir("nerdctl"), "--cni-path", s.Mkdir("cni"), "--cni-netconfpath", s.Mkdir("cni.d"),
		"--cgroup-manager", "cgroupfs", "--insecure-registry"}
	command := exec.Command(bed.Tool("nerdctl"), append(global, args...)...)
	command.Env = append(os.Environ(), "PATH="+bed.Tool("")+":"+os.Getenv("PATH"))
	var complaint strings.Builder
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		s.T.Fatalf("nerdctl %s: %v: %s", strings.Join(args, " "), err, complaint.String())
	}
	return string(output)
}

// TestNerdctl pulls, runs, commits, saves, loads and removes.
func TestNerdctl(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	before := s.files(s.snapshotter.Root)
	base := s.push("linux", linux, linuxImage(t)...)
	committed := s.registry.Reference("committed")
	s.nerdctl("pull", "--quiet", base)
	s.nerdctl("run", "--net", "none", "--name", s.id("writer"), base, "/bin/sh", "-c", edits+" && ln /data/owned /data/hard")
	if got := s.nerdctl("diff", s.id("writer")); !strings.Contains(got, "A /data/new\n") || !strings.Contains(got, "D /data/big\n") {
		t.Errorf("nerdctl diff printed %q", got)
	}
	s.nerdctl("commit", s.id("writer"), committed)
	const look = "cat /data/new /data/changed /data/opaque/only /data/hard && ls /data/opaque"
	read := func(reference string) {
		t.Helper()
		got := s.nerdctl("run", "--rm", "--net", "none", reference, "/bin/sh", "-c", look)
		if want := "new\nchangedmore\nreplaced\nownedonly\n"; got != want {
			t.Errorf("the container printed %q", got)
		}
	}
	read(committed)
	archive := s.Path("committed.tar")
	s.nerdctl("save", "--output", archive, committed)
	s.nerdctl("push", "--quiet", committed)
	s.nerdctl("rm", s.id("writer"))
	s.nerdctl("rmi", "--force", committed, base)
	s.nerdctl("load", "--quiet", "--input", archive)
	read(committed)
	s.nerdctl("rmi", "--force", committed)
	s.freed(before)
}
