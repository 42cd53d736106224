package containerd

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/containerd/continuity/sysx"
	"golang.org/x/sys/unix"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/image"
	"cimsnap/tests/containerd/tree"
)

const hiveDir = "Files/Windows/System32/config/"

// hives maps the files of the registry to their names in a layer.
var hives = map[string]string{
	"SYSTEM": "SYSTEM", "SOFTWARE": "SOFTWARE", "SAM": "SAM", "SECURITY": "SECURITY", "DEFAULT": "DEFAULTUSER",
}

// A security descriptor with an owner and a group, both Administrators, and no lists.
var rawDescriptor = base64.StdEncoding.EncodeToString([]byte(
	"\x01\x00\x00\x80\x14\x00\x00\x00\x24\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		strings.Repeat("\x01\x02\x00\x00\x00\x00\x00\x05\x20\x00\x00\x00\x20\x02\x00\x00", 2)))

// onWindows gives an entry what tars of Windows say of each.
func onWindows(entry image.Entry, attributes string) image.Entry {
	return entry.WithRecord("MSWINDOWS.fileattr", attributes).WithRecord("MSWINDOWS.rawsd", rawDescriptor).
		WithRecord("LIBARCHIVE.creationtime", "1234567890.5")
}

func windowsDir(name string) image.Entry { return onWindows(image.Dir(name), "16") }

func windowsFile(name, data string) image.Entry {
	return onWindows(image.File(name, []byte(data)), "32")
}

func windowsLayers() []image.Layer {
	base := []image.Entry{windowsDir("Files")}
	for _, name := range []string{"Users", "Users/gone", "Windows", "Windows/System32", "Windows/System32/config"} {
		base = append(base, windowsDir("Files/"+name))
	}
	for name := range hives {
		base = append(base, windowsFile(hiveDir+name, string(hive(name))))
	}
	note := windowsFile("Files/Users/note.txt", "a note")
	locked := onWindows(image.File("Files/Users/locked", []byte("locked")).WithMode(0o444), "33")
	link := onWindows(image.Symlink("Files/Users/link", "note.txt"), "1056")
	base = append(base, note, image.File("Files/Users/note.txt:Zone.Identifier", []byte("[ZoneTransfer]")),
		image.Link("Files/Users/same", note), link, locked,
		windowsFile("Files/Users/gone/below", "gone"), windowsFile("Files/Users/deleted", "deleted"),
		windowsFile("Files/big.dll", string(noise(2<<20))))
	upper := []image.Entry{
		windowsDir("Files"), windowsDir("Files/Users").At(image.Time.Add(time.Hour)),
		image.File("Files/Users/.wh.gone", nil), image.File("Files/Users/.wh.deleted", nil),
		windowsFile("Files/Users/new", "new"), windowsFile("Files/big.dll", string(noise(1<<20))),
	}
	return []image.Layer{image.Gzip(base...), image.Zstd(upper...)}
}

// TestWindowsImage pulls an image of Windows and compares it with its tars.
func TestWindowsImage(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 2})
	s.pullsWindows(s.files(s.snapshotter.Root), "portable")
}

// TestWindowsImageOfTheNativeEngine does so where a library writes the image.
func TestWindowsImageOfTheNativeEngine(t *testing.T) {
	s := newStage(t)
	s.daemon.Natively()
	s.daemon.Stop()
	s.daemon.Restart()
	s.serve(bed.Options{Unpacks: 2})
	before := s.files(s.snapshotter.Root)
	// By this a library like our own locks its directory, once and for all.
	before[filepath.Join(s.snapshotter.Root, "cim", "native", ".cim-writer.lock")] = 0
	s.pullsWindows(before, "native")
}

// pullsWindows pulls the image, compares it, and removes it, which leaves the files that there were before.
func (s *scene) pullsWindows(before map[string]int64, engine string) {
	s.T.Helper()
	layers := windowsLayers()
	reference := s.push("windows", windows, layers...)
	s.containerd.Pull(reference, "--platform", "windows/amd64")
	s.mounted(bed.Namespace, reference, s.snapshotter.Name, windows, func(root string) {
		found, err := tree.Read(filepath.Join(root, "Files"))
		s.no(err)
		s.same(found, s.laidOut(layers))
		s.hasRegistry(root)
	})
	s.writtenBy(engine)
	s.remove(bed.Namespace, reference)
	s.freed(before)
}

// writtenBy checks which engine has written all images.
func (s *scene) writtenBy(engine string) {
	s.T.Helper()
	if s.daemon == nil {
		return
	}
	text, err := s.daemon.Ask("snapshot", "ls", "--json")
	s.no(err)
	if count := strings.Count(text, fmt.Sprintf(`"engine":%q`, engine)); count != len(windowsLayers()) {
		s.T.Errorf("%d images are of the %s engine:\n%s", count, engine, text)
	}
}

// hasRegistry checks what an import adds to the lowest layer.
func (s *scene) hasRegistry(root string) {
	s.T.Helper()
	layout, err := os.ReadFile(filepath.Join(root, "layout"))
	s.no(err)
	if string(layout) != "vhd-with-hives\n" {
		s.T.Errorf("the layout says %q", layout)
	}
	for name, base := range hives {
		data, err := os.ReadFile(filepath.Join(root, "Hives", base+"_BASE"))
		s.no(err)
		if !bytes.Equal(data, hive(name)) {
			s.T.Errorf("%s_BASE is not the hive of the image", base)
		}
	}
}

// laidOut writes the files of layers into a directory, and lists it.
func (s *scene) laidOut(layers []image.Layer) tree.Tree {
	s.T.Helper()
	root := s.Mkdir("expected")
	for _, layer := range layers {
		for _, entry := range layer.Entries {
			s.no(layOut(root, entry))
		}
	}
	for _, layer := range layers {
		for _, entry := range layer.Entries {
			if path := filepath.Join(root, entry.Name); entry.Typeflag == tar.TypeDir {
				_ = os.Chtimes(path, entry.ModTime, entry.ModTime)
			}
		}
	}
	found, err := tree.Read(filepath.Join(root, "Files"))
	s.no(err)
	return found
}

func layOut(root string, entry image.Entry) error {
	path := filepath.Join(root, entry.Name)
	if base, stream, ok := strings.Cut(path, ":"); ok {
		return sysx.LSetxattr(base, "user."+stream, entry.Data, 0)
	}
	if name, ok := strings.CutPrefix(filepath.Base(path), ".wh."); ok {
		return os.RemoveAll(filepath.Join(filepath.Dir(path), name))
	}
	switch entry.Typeflag {
	case tar.TypeDir:
		return os.MkdirAll(path, 0o755)
	case tar.TypeLink:
		return os.Link(filepath.Join(root, entry.Linkname), path)
	case tar.TypeSymlink:
		return symlink(entry, path)
	}
	if err := os.WriteFile(path, entry.Data, os.FileMode(entry.Mode)); err != nil {
		return err
	}
	return os.Chtimes(path, entry.ModTime, entry.ModTime)
}

func symlink(entry image.Entry, path string) error {
	if err := os.Symlink(entry.Linkname, path); err != nil {
		return err
	}
	times := []unix.Timespec{unix.NsecToTimespec(entry.ModTime.UnixNano()), unix.NsecToTimespec(entry.ModTime.UnixNano())}
	return unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW)
}
