// rounds has a daemon make an image, a container over it, and remove both, again and again, as containerd does.
//
//	rounds ADDRESS BLOB...
//
// The blobs are the layers, the lowest first; the daemon finds them by their digests. There are as many rounds as a line that it
// reads says, after which it says so. It ends when there are no more lines.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"

	diffapi "github.com/containerd/containerd/api/services/diff/v1"
	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/core/diff"
	diffproxy "github.com/containerd/containerd/v2/core/diff/proxy"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/proxy"
	"github.com/containerd/containerd/v2/pkg/dialer"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
)

type daemon struct {
	snapshots snapshots.Snapshotter
	differ    diff.Applier
}

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(address string, paths []string) error {
	layers, err := describe(paths)
	if err != nil {
		return err
	}
	// The address is for the dialer alone.
	resolver.SetDefaultScheme("passthrough")
	connection, err := grpc.NewClient(dialer.DialAddress(address), grpc.WithContextDialer(dialer.ContextDialer),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	d := daemon{
		snapshots: proxy.NewSnapshotter(snapshotsapi.NewSnapshotsClient(connection), "cimsnap"),
		differ:    diffproxy.NewDiffApplier(diffapi.NewDiffClient(connection)).(diff.Applier),
	}
	ctx := namespaces.WithNamespace(context.Background(), "default")
	for lines, next := bufio.NewScanner(os.Stdin), 0; lines.Scan(); {
		rounds, err := strconv.Atoi(lines.Text())
		if err != nil {
			return err
		}
		for last := next + rounds; next < last; next++ {
			if err := d.round(ctx, next, layers); err != nil {
				return fmt.Errorf("round %d: %w", next, err)
			}
		}
		fmt.Println("done")
	}
	return nil
}

// describe says of blobs what a manifest would.
func describe(paths []string) ([]ocispec.Descriptor, error) {
	var layers []ocispec.Descriptor
	for _, path := range paths {
		blob, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		layers = append(layers, ocispec.Descriptor{
			MediaType: ocispec.MediaTypeImageLayerGzip,
			Digest:    digest.FromBytes(blob),
			Size:      int64(len(blob)),
		})
	}
	return layers, nil
}

// round makes everything, and removes it with the names that nobody has had before.
func (d daemon) round(ctx context.Context, number int, layers []ocispec.Descriptor) error {
	var names []string
	parent := ""
	for i, layer := range layers {
		name := fmt.Sprintf("default/%d/layer-%d", number, i)
		if err := d.unpack(ctx, layer, name, parent); err != nil {
			return err
		}
		names = append([]string{name}, names...)
		parent = name
	}
	container := fmt.Sprintf("default/%d/container", number)
	if _, err := d.snapshots.Prepare(ctx, container, parent); err != nil {
		return err
	}
	for _, name := range append([]string{container}, names...) {
		if err := d.snapshots.Remove(ctx, name); err != nil {
			return err
		}
	}
	return d.snapshots.(snapshots.Cleaner).Cleanup(ctx)
}

func (d daemon) unpack(ctx context.Context, layer ocispec.Descriptor, name, parent string) error {
	key := "default/0/extract-1 " + name
	mounts, err := d.snapshots.Prepare(ctx, key, parent)
	if err != nil {
		return err
	}
	if _, err := d.differ.Apply(ctx, layer, mounts); err != nil {
		return err
	}
	return d.snapshots.Commit(ctx, name, key)
}
