package bed

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// named finds processes whose command line names the bed, such as shims that outlived containerd. The directory was made
// for this bed alone, so they belong to it.
func (b *Bed) named() []int {
	var found []int
	for pid := range parents() {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if pid != os.Getpid() && bytes.Contains(line, []byte(b.Dir+"/")) {
			found = append(found, pid)
		}
	}
	return found
}

// Family is processes and all that descend from them.
func Family(heads []int) []int {
	all := parents()
	belongs := map[int]bool{}
	for _, pid := range heads {
		belongs[pid] = true
	}
	var found []int
	for pid := range all {
		ancestor := pid
		for ancestor != 0 && !belongs[ancestor] {
			ancestor = all[ancestor]
		}
		if ancestor != 0 {
			found = append(found, pid)
		}
	}
	return found
}

// parents maps each process to the one that started it.
func parents() map[int]int {
	found := map[int]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		var pid, parent int
		text, _ := os.ReadFile(file)
		// The name between the two may hold anything.
		_, _ = fmt.Sscan(string(text), &pid)
		_, _ = fmt.Sscanf(string(text[bytes.LastIndexByte(text, ')')+1:]), " %c %d", new(rune), &parent)
		found[pid] = parent
	}
	return found
}
