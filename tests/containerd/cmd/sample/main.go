// Sample makes an OCI layout with an image of Linux that runs: a shell, files of this machine, and changes of them.
//
//	sample [-size MIB] [-from DIR] [-at DIR] LAYOUT
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/image"
)

func main() {
	size := flag.Int64("size", 64, "about how many MiB of files there are")
	from := flag.String("from", "/usr/lib", "where the files come from")
	at := flag.String("at", "data", "where they are in the image")
	flag.Parse()
	if err := run(flag.Arg(0), *from, *at+"/", *size<<20); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(layout, from, at string, size int64) error {
	system, err := shell()
	if err != nil {
		return err
	}
	files, err := sample(from, at, size)
	if err != nil {
		return err
	}
	platform := ocispec.Platform{OS: "linux", Architecture: "amd64"}
	config := ocispec.ImageConfig{Cmd: []string{"/bin/sh"}, Env: []string{"PATH=/bin"}}
	layers := []image.Layer{image.Gzip(system...), image.Gzip(files...), image.Gzip(changes(files)...)}
	return image.Layout(layout).Write(platform, config, layers...)
}

// shell is what a container needs to run.
func shell() ([]image.Entry, error) {
	busybox, err := os.ReadFile(bed.Tool("busybox"))
	if err != nil {
		return nil, err
	}
	program := image.File("bin/busybox", busybox).WithMode(0o755)
	entries := []image.Entry{image.Dir("./"), image.Dir("bin/"), program}
	for _, name := range []string{"sh", "cat", "echo", "find", "ls", "true", "wc"} {
		entries = append(entries, image.Link("bin/"+name, program))
	}
	for _, name := range []string{"data", "dev", "etc", "proc", "sys", "tmp"} {
		entries = append(entries, image.Dir(name+"/"))
	}
	return entries, nil
}

// sample is the first plain files below a directory, by name, as far as the size allows.
func sample(from, at string, size int64) ([]image.Entry, error) {
	var entries []image.Entry
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !(entry.IsDir() || entry.Type().IsRegular()) {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil || name == "." {
			return err
		}
		if entry.IsDir() {
			entries = append(entries, image.Dir(at+name+"/"))
			return nil
		}
		data, err := os.ReadFile(path)
		if size -= int64(len(data)); size < 0 {
			return fs.SkipAll
		}
		entries = append(entries, image.File(at+name, data))
		return err
	})
	return entries, err
}

// changes replaces each tenth file, and removes the one behind it.
func changes(of []image.Entry) []image.Entry {
	var entries []image.Entry
	for i, entry := range of {
		dir, name := filepath.Split(entry.Name)
		switch {
		case entry.Data == nil:
		case i%10 == 0:
			entries = append(entries, image.File(entry.Name, []byte("changed\n")))
		case i%10 == 1:
			entries = append(entries, image.File(dir+".wh."+name, nil))
		}
	}
	return entries
}
