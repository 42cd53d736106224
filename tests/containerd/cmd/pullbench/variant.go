package main

import (
	"os"
	"os/exec"
	"slices"
	"strconv"

	"cimsnap/tests/containerd/bed"
)

// variant is a way to unpack an image: a snapshotter, and how many layers it gets at once.
type variant struct {
	name    string
	unpacks int
	// inflater is the program that containerd has inflate, if it is to have any do so.
	inflater string
	// make starts the snapshotter, if it is a program of its own.
	make func(*bed.Bed) (bed.Snapshotter, *bed.Process)
}

// parallel is how many layers are unpacked at once where more than one is.
const parallel = 4

var variants = []variant{
	{"overlayfs-seq", 1, "", inside("overlayfs", "walking")},
	{"overlayfs-par", parallel, "", inside("overlayfs", "walking")},
	{"native-seq", 1, "", inside("native", "walking")},
	{"erofs-seq", 1, "", inside("erofs", "erofs")},
	{"erofs-par", parallel, "", inside("erofs", "erofs")},
	{"erofs-igzip-par", parallel, "igzip", inside("erofs", "erofs")},
	{"cimsnap-seq", 1, "", daemon},
	{"cimsnap-par", parallel, "", daemon},
}

// inflaters are the programs that containerd has inflate where it finds them, and what keeps it from that.
var inflaters = map[string]string{"igzip": "CONTAINERD_DISABLE_IGZIP", "unpigz": "CONTAINERD_DISABLE_PIGZ"}

// choose has every containerd that is started from now on inflate as the variant does.
func (v variant) choose() error {
	for program, disabled := range inflaters {
		if err := os.Setenv(disabled, strconv.FormatBool(program != v.inflater)); err != nil {
			return err
		}
	}
	if v.inflater == "" {
		return nil
	}
	_, err := exec.LookPath(v.inflater)
	return err
}

// inside is a snapshotter of containerd itself.
func inside(name, differ string) func(*bed.Bed) (bed.Snapshotter, *bed.Process) {
	return func(b *bed.Bed) (bed.Snapshotter, *bed.Process) {
		root := b.Path("root", "io.containerd.snapshotter.v1."+name)
		return bed.Snapshotter{Name: name, Differ: differ, Root: root}, nil
	}
}

func daemon(b *bed.Bed) (bed.Snapshotter, *bed.Process) {
	d := b.Daemon(b.Mkdir("cimsnap"))
	return d.Snapshotter(), d.Process
}

func known() []string {
	var names []string
	for _, v := range variants {
		names = append(names, v.name)
	}
	return names
}

func find(r *run, name string) variant {
	at := slices.IndexFunc(variants, func(v variant) bool { return v.name == name })
	if at < 0 {
		r.Fatalf("there is no variant %s", name)
	}
	return variants[at]
}
