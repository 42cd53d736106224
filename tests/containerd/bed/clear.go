package bed

import (
	"os"
	"syscall"
	"time"

	"github.com/containerd/containerd/v2/core/mount"
	"golang.org/x/sys/unix"
)

// clear ends what was left running, takes its mounts away and removes the bed.
func (b *Bed) clear() {
	Await(10*time.Second, func() bool {
		left := Family(b.named())
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
