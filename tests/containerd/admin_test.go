package containerd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cimsnap/tests/containerd/bed"
)

// TestFsckReadsBlobsOfContainerd loses a file of each layer, which is made again of the file of the blob, and then of
// what containerd serves.
func TestFsckReadsBlobsOfContainerd(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	reference := s.push("linux", linux, linuxImage(t)...)
	s.containerd.Pull(reference)
	before := s.rootfs(bed.Namespace, reference, s.snapshotter.Name, linux)
	for range 2 {
		s.loseJournals()
		printed, err := s.daemon.Ask("fsck", "--repair")
		if err != nil || !strings.Contains(printed, "repaired: layer ") {
			s.T.Fatalf("%v: %s", err, printed)
		}
		// Directories of views that containerd has not collected yet may be told of. They are no fault.
		printed, err = s.daemon.Ask("fsck", "--deep")
		if err != nil || strings.Contains(printed, "error: ") {
			s.T.Fatalf("%v: %s", err, printed)
		}
		s.same(s.rootfs(bed.Namespace, reference, s.snapshotter.Name, linux), before)
		s.daemon.Stop()
		s.daemon.HideBlobs()
		s.daemon.Restart()
	}
}

func (s *scene) loseJournals() {
	s.T.Helper()
	journals, err := filepath.Glob(filepath.Join(s.snapshotter.Root, "cim", "journal_*"))
	s.no(err)
	if len(journals) < 2 {
		s.T.Fatalf("there are %d layers", len(journals))
	}
	for _, journal := range journals {
		s.no(os.Remove(journal))
	}
}

// TestDoctorFindsNoFault looks at a containerd that works with the daemon.
func TestDoctorFindsNoFault(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	// Whether something is wrong with the directory for temporary files is not asked here, so errors may be told.
	printed, _ := s.daemon.Ask("doctor", "--json", "--containerd-config", s.Path("containerd.toml"))
	var report struct {
		Symptoms []struct{ Health, Seen string }
	}
	s.no(json.Unmarshal([]byte(printed), &report))
	for _, symptom := range report.Symptoms {
		if symptom.Health != "ok" && !strings.HasPrefix(symptom.Seen, s.snapshotter.Root) {
			s.T.Errorf("%s: %s", symptom.Health, symptom.Seen)
		}
	}
	if !strings.Contains(printed, "the transfer service unpacks with cimsnap") {
		s.T.Error(printed)
	}
}
