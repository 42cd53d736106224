// Package tree says what a directory holds, entry by entry.
package tree

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/continuity/sysx"
)

// Tree maps each path to a line that says all about it.
type Tree map[string]string

// inode is what the names of one file have in common.
type inode struct{ device, number uint64 }

// Read lists a directory and all below it. The time of the directory itself is left out: snapshotters take that of the
// unpacking.
func Read(root string) (Tree, error) {
	tree, links := Tree{}, map[inode][]string{}
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(path, root), "/")
		line, id, err := describe(path, name != "/")
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		tree[name] = line
		links[id] = append(links[id], name)
		return nil
	})
	for _, names := range links {
		for _, name := range names {
			tree[name] += fmt.Sprintf(" names %q", names)
		}
	}
	return tree, err
}

// tick is the resolution of times in an image.
const tick = 100 * time.Nanosecond

func describe(path string, withTime bool) (string, inode, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return "", inode{}, err
	}
	stat := info.Sys().(*syscall.Stat_t)
	id := inode{stat.Dev, stat.Ino}
	line := fmt.Sprintf("mode %o owner %d:%d", stat.Mode, stat.Uid, stat.Gid)
	if withTime {
		line += fmt.Sprintf(" time %s", info.ModTime().UTC().Truncate(tick))
	}
	if stat.Mode&syscall.S_IFMT == syscall.S_IFCHR || stat.Mode&syscall.S_IFMT == syscall.S_IFBLK {
		line += fmt.Sprintf(" device %x", stat.Rdev)
	}
	content, err := data(path, info)
	if err != nil {
		return "", id, err
	}
	attributes, err := xattrs(path)
	return line + content + attributes, id, err
}

func data(path string, info fs.FileInfo) (string, error) {
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		return fmt.Sprintf(" size %d to %q", info.Size(), target), err
	case info.Mode().IsRegular():
		file, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer file.Close()
		hash := sha256.New()
		_, err = io.Copy(hash, file)
		return fmt.Sprintf(" size %d sha256 %x", info.Size(), hash.Sum(nil)), err
	}
	return "", nil
}

// xattrs lists extended attributes, but for those that an overlay and the kernel keep for themselves.
func xattrs(path string) (string, error) {
	names, err := sysx.LListxattr(path)
	if err != nil {
		return "", err
	}
	slices.Sort(names)
	line := ""
	for _, name := range names {
		if strings.HasPrefix(name, "trusted.overlay.") || name == "security.selinux" {
			continue
		}
		value, err := sysx.LGetxattr(path, name)
		if err != nil {
			return "", err
		}
		line += fmt.Sprintf(" %s=%x", name, value)
	}
	return line, nil
}

var fraction = regexp.MustCompile(`( time \S+ \d\d:\d\d:\d\d)\.\d+`)

// WholeSeconds is the tree as a layer of containerd's differ has it.
func (t Tree) WholeSeconds() Tree {
	cut := Tree{}
	for path, line := range t {
		cut[path] = fraction.ReplaceAllString(line, "$1")
	}
	return cut
}

// Differences tells how a tree is not what it should be.
func (t Tree) Differences(expected Tree) []string {
	var found []string
	for name, line := range expected {
		if got, there := t[name]; !there {
			found = append(found, fmt.Sprintf("%s is missing: %s", name, line))
		} else if got != line {
			found = append(found, fmt.Sprintf("%s\n  is        %s\n  should be %s", name, got, line))
		}
	}
	for name := range t {
		if _, there := expected[name]; !there {
			found = append(found, name+" should not be there: "+t[name])
		}
	}
	slices.Sort(found)
	return found
}
