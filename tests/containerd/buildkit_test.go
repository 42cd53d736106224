package containerd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"

	"cimsnap/tests/containerd/bed"
	"cimsnap/tests/containerd/tree"
)

// dockerfile makes hard links to files of the base and of earlier layers.
const dockerfile = `RUN ln /data/old /data/opaque/old.hard
RUN ln /data/changed /data/a-link && echo modified >> /data/a-link
RUN mkdir -p /data/made/deep && ln /data/owned /data/made/deep/link && ln /data/made/deep/link /etc/chain
RUN mkdir /etc/to && cp -a /data/made /etc/to/ && rm -r /data/made && ln /etc/chain /etc/to/made/chain
RUN ln /data/first /etc/first && rm /data/first /data/second
RUN true
COPY added /data/added
WORKDIR /data/work/deep
RUN rm -r /data/gone && mkdir /data/gone && echo only > /data/gone/only
`

// linked are the names of each file that the Dockerfile gives more of.
var linked = [][]string{{"data/old", "data/opaque/old.hard"}, {"data/changed", "data/a-link"}, {"etc/chain", "etc/to/made/chain"}}

// TestBuildKitBuildsWhatOthersUnpack builds an image with BuildKit and ours, unpacks it with overlayfs, and compares the result with
// what BuildKit builds with overlayfs. There BuildKit has a differ of its own, which breaks more hard links than containerd's.
func TestBuildKitBuildsWhatOthersUnpack(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	base := s.push("linux", linux, linuxImage(t)...)
	dir := s.Mkdir("context")
	s.no(os.WriteFile(filepath.Join(dir, "added"), []byte("added"), 0o640))
	s.no(os.Chtimes(filepath.Join(dir, "added"), time.Unix(1_600_000_000, 0), time.Unix(1_600_000_000, 0)))
	s.no(os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+base+"\n"+dockerfile), 0o644))
	built := map[string]tree.Tree{}
	for _, snapshotter := range []bed.Snapshotter{s.snapshotter, s.Overlayfs()} {
		reference := s.registry.Reference("built-" + snapshotter.Name)
		buildkit := s.BuildKit(snapshotter, s.registry)
		s.no(buildkit.Build(dir, reference))
		s.containerd.Ctr("images", "pull", "--plain-http", "--snapshotter", bed.Overlayfs, reference)
		built[snapshotter.Name] = s.rootfs(bed.Namespace, reference, bed.Overlayfs, linux)
		s.checkLayers(reference)
		buildkit.Stop()
	}
	s.same(comparable(built[s.snapshotter.Name]), comparable(built[bed.Overlayfs]))

	reference := s.registry.Reference("built-" + s.snapshotter.Name)
	s.containerd.Pull(reference)
	s.same(s.rootfs(bed.Namespace, reference, s.snapshotter.Name, linux), built[s.snapshotter.Name])
	s.mounted(bed.Namespace, reference, bed.Overlayfs, linux, func(root string) {
		for _, names := range linked {
			first, err := os.Lstat(filepath.Join(root, names[0]))
			s.no(err)
			second, err := os.Lstat(filepath.Join(root, names[1]))
			s.no(err)
			if !os.SameFile(first, second) {
				t.Errorf("%q are two files", names)
			}
		}
	})
}

// checkLayers fails where an image lacks the layer in which nothing happened, which every tool knows by its diff id.
func (s *scene) checkLayers(reference string) {
	s.T.Helper()
	ctx := bed.Context(bed.Namespace)
	image, err := s.containerd.GetImage(ctx, reference)
	s.no(err)
	ids, err := image.RootFS(ctx)
	s.no(err)
	for _, id := range ids {
		if id == emptyLayer {
			return
		}
	}
	s.T.Errorf("%s has no empty layer: %v", reference, ids)
}

// comparable forgets what the builds need not share: the times of what is new, fractions of others, and hard links.
func comparable(all tree.Tree) tree.Tree {
	found := tree.Tree{}
	for path, line := range all.WholeSeconds() {
		line, _, _ = strings.Cut(line, " names ")
		found[path] = recent.ReplaceAllString(line, "")
	}
	return found
}

// recent is a time after those of the base.
var recent = regexp.MustCompile(` time 20(2[2-9]|[3-9]\d)-\S+ \S+ \+0000 UTC`)

// TestPrunedBuildsLeaveNothing builds, prunes, and looks for blobs and snapshots.
func TestPrunedBuildsLeaveNothing(t *testing.T) {
	s := newScene(t, bed.Options{Unpacks: 1})
	base := s.push("linux", linux, linuxImage(t)...)
	dir := s.Mkdir("context")
	before := s.files(s.snapshotter.Root)
	buildkit := s.BuildKit(s.snapshotter, s.registry)
	for _, line := range []string{"one", "two", "three"} {
		text := "FROM " + base + "\nRUN echo " + line + " > /data/line && dd if=/dev/zero of=/data/zeros bs=1k count=2000\nRUN echo more >> /data/line\n"
		s.no(os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text), 0o644))
		s.no(buildkit.Build(dir, s.registry.Reference("pruned")))
	}
	namespace := bed.BuildKitNamespace + "-" + s.snapshotter.Name
	ctx := bed.Context(namespace)
	all, err := s.containerd.ImageService().List(ctx)
	s.no(err)
	for _, image := range all {
		s.no(s.containerd.ImageService().Delete(ctx, image.Name, images.SynchronousDelete()))
	}
	_, err = buildkit.Buildctl("prune", "--all")
	s.no(err)
	var blobs []digest.Digest
	gone := func() bool {
		blobs = nil
		s.no(s.containerd.ContentStore().Walk(ctx, func(info content.Info) error {
			blobs = append(blobs, info.Digest)
			return nil
		}))
		return len(blobs) == 0
	}
	if !bed.Await(time.Minute, gone) {
		t.Errorf("blobs stay: %v", blobs)
	}
	s.freed(before)
}
