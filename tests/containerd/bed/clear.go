package bed

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"golang.org/x/sys/unix"
)

// clear ends what was left running, takes its mounts away and removes the bed.
func (b *Bed) clear() {
	Await(10*time.Second, func() bool {
		left := b.processes()
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		return len(left) == 0
	})
	if err := Unmount(b.Dir); err != nil {
		b.Errorf("%v", err)
		return
	}
	if err := os.RemoveAll(b.Dir); err != nil {
		b.Errorf("remove the bed: %v", err)
	}
}

// Unmount takes away all mounts at a directory and below it.
func Unmount(dir string) error {
	return mount.UnmountRecursive(dir, unix.MNT_DETACH)
}

// processes finds those whose command line names the bed, such as shims that outlived containerd, and all that they
// started. The directory was made for this bed alone, so they belong to it.
func (b *Bed) processes() []int {
	parents := map[int]int{}
	ours := map[int]bool{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		pid, parent := ids(file)
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		parents[pid] = parent
		ours[pid] = pid != os.Getpid() && bytes.Contains(line, []byte(b.Dir+"/"))
	}
	var found []int
	for pid := range parents {
		for ancestor := pid; ancestor != 0; ancestor = parents[ancestor] {
			if ours[ancestor] {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

// ids reads a process id and that of its parent; the name between them may hold anything.
func ids(stat string) (pid, parent int) {
	text, _ := os.ReadFile(stat)
	_, _ = fmt.Sscanf(string(text), "%d", &pid)
	_, _ = fmt.Sscanf(string(text[bytes.LastIndexByte(text, ')')+1:]), " %c %d", new(rune), &parent)
	return pid, parent
}

// Await asks again and again until a condition holds, and returns whether it did within the time.
func Await(atMost time.Duration, holds func() bool) bool {
	const pause = 5 * time.Millisecond
	for end := time.Now().Add(atMost); !holds(); time.Sleep(pause) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
