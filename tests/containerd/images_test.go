package containerd

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"testing"
	"time"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/image"
)

// Value of security.capability: revision 2, effective, CAP_NET_RAW permitted.
const netRaw = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// linuxImage is a small system with all that a layer can say. Each layer lists the directories that it changes, because
// how unpacking changes the times of others is not part of an image.
func linuxImage(t *testing.T) []image.Layer {
	return []image.Layer{systemLayer(t), filesLayer(), image.Zstd(changes()...), image.Plain(moreChanges()...)}
}

func systemLayer(t *testing.T) image.Layer {
	busybox, err := os.ReadFile(bed.Tool("busybox"))
	if err != nil {
		t.Fatal(err)
	}
	program := image.File("bin/busybox", busybox).WithMode(0o755)
	entries := []image.Entry{image.Dir("./"), image.Dir("bin/"), program}
	for _, name := range []string{"sh", "cat", "echo", "sleep", "sha256sum", "rm", "mkdir", "ls", "true"} {
		entries = append(entries, image.Link("bin/"+name, program))
	}
	for _, name := range []string{"dev", "proc", "sys", "etc", "tmp"} {
		entries = append(entries, image.Dir(name+"/"))
	}
	return image.Gzip(entries...)
}

func filesLayer() image.Layer {
	first := image.File("data/first", []byte("one of three"))
	entries := []image.Entry{
		image.Dir("./"), image.Dir("data/"), image.Dir("data/opaque/"), image.File("data/opaque/hidden", []byte("hidden")),
		image.Dir("data/gone/"), image.File("data/gone/with-it", []byte("gone")),
		image.File("data/deleted", []byte("deleted")), image.File("data/changed", []byte("old")),
		image.File("data/becomes-directory", []byte("file")), image.Dir("data/becomes-file/"),
		image.File("data/becomes-file/below", []byte("below")),
		image.File("data/setuid", []byte("setuid")).WithMode(0o4755),
		image.File("data/setgid", []byte("setgid")).WithMode(0o2750).OwnedBy(0, 42),
		image.Dir("data/sticky/").WithMode(0o1777),
		image.File("data/owned", []byte("owned")).OwnedBy(1000, 70_000).WithMode(0o600),
		image.File("data/capable", []byte("capable")).WithMode(0o755).WithXattr("security.capability", netRaw),
		image.File("data/noted", []byte("noted")).WithXattr("user.note", "a \x01 note"),
		image.Dir("data/noted-dir/").WithXattr("user.note", "of a directory"),
		image.File("data/old", []byte("old")).At(time.Unix(86_399, 100)),
		image.File("data/empty", nil), image.File("data/big", noise(3<<20)),
		image.File("data/näme: <\\>|?*\"", []byte("odd name")),
		first, image.Link("data/second", first), image.Link("data/sticky/third", first),
		image.Symlink("data/link", "../bin/sh"), image.Symlink("data/dangling", "nowhere"),
		image.Device("data/null", 1, 3), image.Pipe("data/pipe"),
	}
	for i := range 300 {
		entries = append(entries, image.File(fmt.Sprintf("data/small-%03d", i), bytes.Repeat([]byte{byte(i)}, i*17)))
	}
	return image.Gzip(entries...)
}

func changes() []image.Entry {
	later := image.Time.Add(time.Hour)
	return []image.Entry{
		image.Dir("./"), image.Dir("data/").At(later), image.File("data/.wh.deleted", nil), image.File("data/.wh.gone", nil),
		image.Dir("data/opaque/").At(later), image.File("data/opaque/.wh..wh..opq", nil),
		image.File("data/opaque/shown", []byte("shown")),
		image.File("data/changed", []byte("changed")).At(later).WithMode(0o640),
		image.Dir("data/becomes-directory/"), image.File("data/becomes-directory/below", []byte("below")),
		image.File("data/becomes-file", []byte("file")),
	}
}

func moreChanges() []image.Entry {
	owned := image.File("data/owned", []byte("owned")).OwnedBy(1000, 70_000).WithMode(0o600)
	return []image.Entry{
		image.Dir("./"), image.Dir("data/").WithMode(0o711),
		image.Dir("data/gone/"), image.File("data/gone/back", []byte("again")),
		owned, image.Link("data/linked-later", owned), image.File("data/.wh.small-007", nil),
	}
}

func noise(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.New(rand.NewSource(int64(size))).Read(data)
	return data
}
