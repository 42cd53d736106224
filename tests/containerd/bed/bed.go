// Package bed is a test bed: a registry, containerd and the cimsnap daemon in one temporary directory, and nothing of
// them left afterwards.
package bed

import (
	"os"
	"path/filepath"
	"runtime"
)

// T is what a bed asks of a test; a bench can be one as well.
type T interface {
	Helper()
	Cleanup(func())
	Failed() bool
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Bed is a directory with all that runs in it.
type Bed struct {
	T
	Dir string
}

// New makes a bed in the directory for temporary files.
func New(t T) *Bed {
	t.Helper()
	return In(t, os.TempDir())
}

// In makes a bed in a directory, whose path is short: those of sockets have at most 108 bytes.
func In(t T, parent string) *Bed {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "bed-")
	if err != nil {
		t.Fatalf("make the directory of the bed: %v", err)
	}
	b := &Bed{T: t, Dir: dir}
	t.Cleanup(b.clear)
	return b
}

// Path names a file in the bed.
func (b *Bed) Path(name ...string) string {
	return filepath.Join(append([]string{b.Dir}, name...)...)
}

// Mkdir makes a directory in the bed.
func (b *Bed) Mkdir(name ...string) string {
	b.Helper()
	path := b.Path(name...)
	b.check(os.MkdirAll(path, 0o755))
	return path
}

func (b *Bed) write(name, text string) string {
	b.Helper()
	path := b.Path(name)
	b.check(os.WriteFile(path, []byte(text), 0o644))
	return path
}

func (b *Bed) check(err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("%v", err)
	}
}

// Tool names a program that tests/setup/containerd.sh put into place.
func Tool(name string) string {
	return filepath.Join(toolDir(), name)
}

func toolDir() string {
	return filepath.Join(projectDir(), "target", "tools", "bin")
}

func projectDir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}
