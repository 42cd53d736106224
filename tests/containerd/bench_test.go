package containerd

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cimsnap/tests/containerd/bed"
)

// figures is what a bench tells.
type figures struct {
	Image      string
	Layers     int
	ProgramRan bool `json:"program_ran"`
	Root       struct{ Files, Bytes int64 }
	Measured   []struct {
		Snapshotter, Measure string
		Median               float64
		Rounds               []float64
	}
	NotMeasured []struct{ Snapshotter, Measure, Why string } `json:"not_measured"`
}

// bench runs a bench and returns what it tells, what it complains of, and its exit code.
func (s *scene) bench(args ...string) (figures, string, int) {
	s.T.Helper()
	command := s.daemon.Command(append([]string{"bench", "--json", "--rounds", "1"}, args...)...)
	var complaint strings.Builder
	command.Stderr = &complaint
	output, err := command.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.T.Fatal(err)
	}
	var told figures
	if len(output) > 0 {
		s.no(json.Unmarshal(output, &told))
	}
	return told, complaint.String(), command.ProcessState.ExitCode()
}

// unpacked brings an image into containerd without our snapshotter.
func (s *scene) unpacked() string {
	s.T.Helper()
	reference := s.push("linux", linux, linuxImage(s.T)...)
	_, err := s.containerd.TryCtr("images", "pull", "--plain-http", "--snapshotter", bed.Overlayfs, reference)
	s.no(err)
	return reference
}

// traces is what a bench must leave as it was.
func (s *scene) traces() []string {
	s.T.Helper()
	var found []string
	for _, args := range [][]string{
		{"namespaces", "list", "--quiet"}, {"images", "list"}, {"containers", "list"},
		{"snapshots", "--snapshotter", bed.Overlayfs, "list"}, {"snapshots", "--snapshotter", "cimsnap", "list"},
	} {
		found = append(found, s.containerd.Ctr(args...))
	}
	own := s.Mkdir("tmp")
	entries, err := os.ReadDir(own)
	s.no(err)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "cimsnap-bench") {
			found = append(found, entry.Name())
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	s.no(err)
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, filepath.Join(own, "cimsnap-bench")) {
			found = append(found, line)
		}
	}
	return found
}

// TestBench measures an image that containerd has unpacked with another snapshotter.
func TestBench(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 4})
	reference := s.unpacked()
	traces, files := s.traces(), s.files(s.snapshotter.Root)
	told, complaint, code := s.bench()
	if code != 0 || told.Image != reference || told.Layers != 4 || !told.ProgramRan || len(told.NotMeasured) > 0 {
		t.Fatalf("exit code %d: %+v: %s", code, told, complaint)
	}
	if len(told.Measured) != 10 {
		t.Errorf("there are %d measures", len(told.Measured))
	}
	for _, series := range told.Measured {
		if series.Median <= 0 || len(series.Rounds) != 1 {
			t.Errorf("%+v", series)
		}
	}
	if root := s.rootfs(bed.Namespace, reference, bed.Overlayfs, linux); int64(len(root)) < told.Root.Files || told.Root.Files < 300 {
		t.Errorf("%d files were walked of %d entries", told.Root.Files, len(root))
	}
	if now := s.traces(); !slices.Equal(now, traces) {
		t.Errorf("%q became %q", traces, now)
	}
	s.freed(files)
}

// TestBenchSaysWhatIsNotMeasured asks for what cannot be measured.
func TestBenchSaysWhatIsNotMeasured(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	if _, complaint, code := s.bench(); code != 4 || !strings.Contains(complaint, "--image") {
		t.Errorf("without an image: exit code %d: %s", code, complaint)
	}
	reference := s.unpacked()
	told, _, code := s.bench("--against", "nonsense")
	if code != 3 || len(told.Measured) != 5 || len(told.NotMeasured) != 5 || told.NotMeasured[0].Snapshotter != "nonsense" {
		t.Errorf("exit code %d: %+v", code, told)
	}
	s.containerd.Pull(reference)
	traces := s.traces()
	if _, complaint, code := s.bench("--image", reference); code != 1 || !strings.Contains(complaint, "already") {
		t.Errorf("of an image that cimsnap has: exit code %d: %s", code, complaint)
	}
	if now := s.traces(); !slices.Equal(now, traces) {
		t.Errorf("%q became %q", traces, now)
	}
}

// TestEndedBenchLeavesNothing ends a bench while it measures. What one has left that was killed, the next one removes.
func TestEndedBenchLeavesNothing(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	s.unpacked()
	traces, files := s.traces(), s.files(s.snapshotter.Root)
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		if code := s.endBench(signal); code == 0 || code == 3 {
			t.Errorf("%v: exit code %d", signal, code)
		}
		if signal == syscall.SIGKILL {
			if _, complaint, code := s.bench(); code != 0 {
				t.Errorf("exit code %d: %s", code, complaint)
			}
		}
		if now := s.traces(); !slices.Equal(now, traces) {
			t.Errorf("%v: %q became %q", signal, traces, now)
		}
		s.freed(files)
	}
}

// endBench starts a bench, sends it a signal as soon as it has unpacked something, and returns its exit code.
func (s *scene) endBench(signal syscall.Signal) int {
	s.T.Helper()
	command := s.daemon.Command("bench", "--rounds", "1000")
	// As on a terminal, where all that runs is asked to end at once.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.no(command.Start())
	if !bed.Await(time.Minute, s.benchWorks) {
		s.T.Errorf("no bench unpacks anything")
	}
	target := command.Process.Pid
	if signal == syscall.SIGINT {
		target = -target
	}
	s.no(syscall.Kill(target, signal))
	_ = command.Wait()
	return command.ProcessState.ExitCode()
}

func (s *scene) benchWorks() bool {
	for name := range strings.Lines(s.containerd.Ctr("namespaces", "list", "--quiet")) {
		name = strings.TrimSpace(name)
		if !strings.HasPrefix(name, "cimsnap-bench-") {
			continue
		}
		listed, err := s.containerd.TryCtrIn(name, "snapshots", "--snapshotter", "cimsnap", "list")
		return err == nil && strings.Contains(listed, "Committed")
	}
	return false
}
