package containerd

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// linkChanges are ways to give files more names.
var linkChanges = map[string]change{
	"link-to-lower":          links("data/owned", "data/a-link"),
	"link-after-lower":       links("data/changed", "data/zz-link"),
	"link-in-other-place":    links("data/owned", "etc/link"),
	"link-above":             links("data/opaque/shown", "data/link-to-shown"),
	"chain":                  links("data/changed", "etc/one", "etc/one", "data/two", "data/two", "data/opaque/three"),
	"link-to-one-of-three":   links("data/second", "data/a-fourth"),
	"link-to-symlink":        links("data/link", "data/zz-symlink"),
	"link-to-device":         links("data/null", "etc/null"),
	"link-to-pipe":           links("data/pipe", "bin/pipe"),
	"link-to-capable":        links("data/capable", "bin/capable", "data/capable", "data/zz-capable"),
	"link-and-delete-target": then(links("data/owned", "etc/kept"), func(root string) error { return os.Remove(filepath.Join(root, "data/owned")) }),
	"link-and-delete-link":   then(links("data/owned", "etc/kept"), func(root string) error { return os.Remove(filepath.Join(root, "etc/kept")) }),
	"link-and-modify": then(links("data/owned", "etc/kept"), func(root string) error {
		return os.WriteFile(filepath.Join(root, "etc/kept"), []byte("modified"), 0o600)
	}),
	"link-and-rename-directory": func(root string) error {
		at := func(name string) string { return filepath.Join(root, name) }
		return errors.Join(os.MkdirAll(at("data/made/deep"), 0o755), os.Link(at("data/first"), at("data/made/deep/link")),
			os.Rename(at("data/made"), at("etc/moved")))
	},
	"link-in-replaced-directory": func(root string) error {
		at := func(name string) string { return filepath.Join(root, name) }
		return errors.Join(os.Link(at("data/opaque/shown"), at("etc/shown")), os.RemoveAll(at("data/opaque")),
			os.Mkdir(at("data/opaque"), 0o755), os.Link(at("etc/shown"), at("data/opaque/again")))
	},
	"long-names": func(root string) error {
		long := strings.Repeat("directory/", 9)
		name := filepath.Join(root, long, strings.Repeat("n", 90))
		return errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte("x"), 0o644),
			os.Link(name, filepath.Join(root, long, strings.Repeat("m", 120))), os.Link(name, filepath.Join(root, "a-long")),
			os.Symlink(filepath.Join(long, strings.Repeat("n", 90)), filepath.Join(root, "b-long")), os.Mkdir(filepath.Join(root, strings.Repeat("d", 99)), 0o755),
			os.Mkdir(filepath.Join(root, strings.Repeat("d", 100)), 0o755), os.Mkdir(filepath.Join(root, strings.Repeat("é", 60)), 0o755))
	},
	"large-owner": func(root string) error { return os.Lchown(filepath.Join(root, "data/owned"), 3_000_000, 4_000_000_000) },
}

// links makes hard links: pairs of a name and a new one.
func links(names ...string) change {
	return func(root string) error {
		var err error
		for pair := range slices.Chunk(names, 2) {
			err = errors.Join(err, os.Link(filepath.Join(root, pair[0]), filepath.Join(root, pair[1])))
		}
		return err
	}
}

func then(changes ...change) change {
	return func(root string) error {
		for _, change := range changes {
			if err := change(root); err != nil {
				return err
			}
		}
		return nil
	}
}

// randomChanges makes changes that follow from a seed and from the tree.
func randomChanges(seed int64) change {
	return func(root string) error {
		e := &editor{random: rand.New(rand.NewSource(seed)), root: root}
		for range 40 {
			if err := e.step(); err != nil {
				return err
			}
		}
		return nil
	}
}

type editor struct {
	random *rand.Rand
	root   string
	count  int
}

// pick returns a path of the tree, by chance: of a directory, or of anything else.
func (e *editor) pick(directory bool) string {
	var found []string
	_ = filepath.WalkDir(e.root, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(e.root, path)
		if err == nil && entry.IsDir() == directory && !strings.HasPrefix(name, "data/small-1") && !strings.HasPrefix(name, "data/small-2") {
			found = append(found, path)
		}
		return err
	})
	sort.Strings(found)
	return found[e.random.Intn(len(found))]
}

var names = []string{"a", "zz", "Z", "näme", "colon:", "back\\slash", "\xff\xfe", "\ue000", "\U0001f600", strings.Repeat("long", 30), "a.b", "a-b", "a b"}

// fresh names something new in a directory.
func (e *editor) fresh() string {
	e.count++
	name := names[e.random.Intn(len(names))]
	path := filepath.Join(e.pick(true), name)
	if _, err := os.Lstat(path); err == nil {
		path += fmt.Sprint(e.count)
	}
	return path
}

func (e *editor) data() []byte {
	data := make([]byte, e.random.Intn(3)*e.random.Intn(2000))
	_, _ = e.random.Read(data)
	return data
}

func (e *editor) step() error {
	switch e.random.Intn(17) {
	case 0, 1:
		return os.WriteFile(e.fresh(), e.data(), 0o640)
	case 2:
		return os.Mkdir(e.fresh(), 0o750)
	case 3:
		return os.Symlink("target of "+names[e.random.Intn(len(names))], e.fresh())
	case 4, 5:
		return passing(os.Link(e.pick(false), e.fresh()), syscall.EPERM)
	case 6:
		return os.Remove(e.pick(false))
	case 7:
		return e.replace()
	case 8:
		return passing(os.Rename(e.pick(false), e.fresh()), syscall.EXDEV)
	case 9:
		return passing(os.Rename(e.pick(true), e.fresh()), syscall.EXDEV, syscall.EINVAL, syscall.EBUSY)
	case 10:
		return os.Lchown(e.pick(false), e.random.Intn(5), 5_000_000)
	case 11:
		return os.Chmod(e.pick(true), os.FileMode(0o700|e.random.Intn(0o100)))
	case 12:
		return unix.Mknod(e.fresh(), []uint32{syscall.S_IFIFO, syscall.S_IFCHR, syscall.S_IFBLK, syscall.S_IFSOCK}[e.random.Intn(4)]|0o620, int(unix.Mkdev(8, 300)))
	case 13:
		path := e.pick(false)
		if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
			return err
		}
		return unix.Lsetxattr(path, []string{"user.note", "security.capability"}[e.random.Intn(2)], []byte(netRaw), 0)
	case 14:
		return e.touch()
	default:
		return e.appendTo(e.pick(false))
	}
}

// replace removes a directory with all that it holds, and may put something in its place.
func (e *editor) replace() error {
	path := e.pick(true)
	if name, _ := filepath.Rel(e.root, path); name == "." || name == "data" {
		return nil
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	switch e.random.Intn(3) {
	case 0:
		return nil
	case 1:
		return errors.Join(os.Mkdir(path, 0o711), os.WriteFile(filepath.Join(path, "hidden"), e.data(), 0o600))
	default:
		return os.WriteFile(path, e.data(), 0o600)
	}
}

// touch writes a file anew with the same data and an old time.
func (e *editor) touch() error {
	path := e.pick(false)
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path, data, info.Mode()), setTime(path, info.ModTime()))
}

func (e *editor) appendTo(path string) error {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(e.data())
	return errors.Join(err, file.Close())
}

// passing forgets errors that say that a change is not possible.
func passing(err error, passed ...error) error {
	for _, one := range passed {
		if errors.Is(err, one) {
			return nil
		}
	}
	return err
}
