package containerd

import (
	"testing"
	"time"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/image"
)

// TestPullAfterTheDaemonWasKilled kills the daemon while it writes a layer. The next pull works, and nothing of the first
// one stays.
func TestPullAfterTheDaemonWasKilled(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 2})
	before := s.files(s.daemon.Root)
	layers := append(linuxImage(t), image.Plain(image.Dir("./"), image.File("huge", noise(128<<20))))
	reference := s.push("huge", linux, layers...)
	failed := make(chan error)
	go func() { failed <- s.containerd.TryPull(bed.Namespace, reference) }()
	s.until("the daemon writes the large layer", func() bool { return total(s.files(s.daemon.Root)) > 16<<20 })
	s.daemon.Kill()
	if err := <-failed; err == nil {
		t.Fatal("the pull did not notice that the daemon died")
	}
	s.daemon.Restart()
	s.reconnected()
	s.containerd.Pull(reference)
	s.sameAsOverlay(bed.Namespace, reference)
	s.remove(bed.Namespace, reference)
	s.freed(before)
}

// reconnected waits until containerd finds a daemon again: for a while it does not try.
func (s *scene) reconnected() {
	s.T.Helper()
	service := s.containerd.SnapshotService(s.snapshotter.Name)
	ctx := bed.Context(bed.Namespace)
	s.until("containerd finds the daemon again", func() bool {
		_, err := service.View(ctx, "probe", "")
		return err == nil
	})
	s.no(service.Remove(ctx, "probe"))
}

// TestContainerOutlivesTheDaemon kills the daemon while a container reads from its image.
func TestContainerOutlivesTheDaemon(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	s.containerOutlives((*bed.Daemon).Kill)
}

// TestContainerOutlivesAnUpdate stops the daemon in good order instead.
func TestContainerOutlivesAnUpdate(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	s.containerOutlives((*bed.Daemon).Stop)
}

func (s *scene) containerOutlives(end func(*bed.Daemon)) {
	s.T.Helper()
	before := s.files(s.daemon.Root)
	reference := s.push("linux", linux, linuxImage(s.T)...)
	s.containerd.Pull(reference)
	s.start(reference, "c")
	read := func() string {
		s.T.Helper()
		return s.exec("c", "/bin/sha256sum", "/data/big", "/data/changed")
	}
	expected := read()
	end(s.daemon)
	if got := read(); got != expected {
		s.T.Errorf("without the daemon the container reads %q, not %q", got, expected)
	}
	s.exec("c", "/bin/sh", "-c", "echo written > /data/written")
	s.daemon.Restart()
	if got := read(); got != expected {
		s.T.Errorf("with the next daemon the container reads %q, not %q", got, expected)
	}
	if got := s.exec("c", "/bin/cat", "/data/written"); got != "written\n" {
		s.T.Errorf("what was written without the daemon reads %q", got)
	}
	s.end("c")
	s.remove(bed.Namespace, reference)
	s.freed(before)
}

func (s *scene) until(what string, holds func() bool) {
	s.T.Helper()
	if !bed.Await(time.Minute, holds) {
		s.T.Fatalf("waited in vain until %s", what)
	}
}

func total(files map[string]int64) int64 {
	var sum int64
	for _, bytes := range files {
		sum += bytes
	}
	return sum
}
