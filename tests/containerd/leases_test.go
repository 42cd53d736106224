package containerd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/v2/core/content"
	containerdleases "github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"cimsnap/tests/containerd/bed"
)

// TestLeasesOfBlobsEnd compares snapshots until a blob of ours is referenced, and looks at what keeps it.
func TestLeasesOfBlobsEnd(t *testing.T) {
	c := newComparison(t)
	ctx := bed.Context(bed.Namespace)
	service := c.containerd.SnapshotService(c.snapshotter.Name)
	parent := c.chain(ctx, c.reference, linux)
	leases, store := c.containerd.LeasesService(), c.containerd.ContentStore()
	// Snapshots that no lease holds would be collected.
	held, release, err := c.containerd.WithLease(ctx)
	fatal(t, err)
	defer func() { fatal(t, release(held)) }()
	mounts, err := service.Prepare(held, "leased", parent)
	fatal(t, err)
	edit(t, mounts, func(root string) error { return os.WriteFile(filepath.Join(root, "new"), []byte("new"), 0o644) })
	lower, err := service.View(held, "leased-lower", parent)
	fatal(t, err)
	for _, reference := range []string{"label", "lease"} {
		// The second time, containerd has the blob already.
		for range 2 {
			blob, err := c.containerd.DiffService().Compare(ctx, lower, mounts)
			fatal(t, err)
			all, err := leases.List(ctx)
			fatal(t, err)
			holds := 0
			for _, lease := range all {
				if !isOurs(lease.ID) {
					continue
				}
				resources, err := leases.ListResources(ctx, lease)
				fatal(t, err)
				if slices.ContainsFunc(resources, func(r containerdleases.Resource) bool { return r.ID == blob.Digest.String() }) {
					holds++
					expires, err := time.Parse(time.RFC3339, lease.Labels["containerd.io/gc.expire"])
					fatal(t, err)
					if expires.After(time.Now().Add(5 * time.Minute)) {
						t.Errorf("the lease expires at %s", expires)
					}
				}
			}
			if holds == 0 {
				t.Error("no lease holds the blob")
			}
			// What would be collected is.
			c.collect(t, ctx)
			_, err = store.Info(ctx, blob.Digest)
			fatal(t, err)
			if reference == "label" {
				_, err = writeJSON(ctx, store, ocispec.MediaTypeImageManifest, blob, map[string]string{
					"containerd.io/gc.ref.content.l.0": blob.Digest.String(), "containerd.io/gc.root": "now"})
			} else {
				_, err = leases.Create(ctx, containerdleases.WithID("client"))
				if err == nil || errdefs.IsAlreadyExists(err) {
					err = leases.AddResource(ctx, containerdleases.Lease{ID: "client"}, containerdleases.Resource{ID: blob.Digest.String(), Type: "content"})
				}
			}
			fatal(t, err)
			if !bed.Await(30*time.Second, func() bool { return !slices.ContainsFunc(c.leases(t, ctx), isOurs) }) {
				t.Errorf("leases stay where another one or a label holds the blob: %v", c.leases(t, ctx))
			}
			_, err = store.Info(ctx, blob.Digest)
			fatal(t, err)
		}
		c.dropReferences(t, ctx)
	}
}

func isOurs(id string) bool { return strings.HasPrefix(id, "cimsnap-") }

func (c *comparison) leases(t *testing.T, ctx context.Context) []string {
	t.Helper()
	all, err := c.containerd.LeasesService().List(ctx)
	fatal(t, err)
	var ids []string
	for _, lease := range all {
		ids = append(ids, lease.ID)
	}
	return ids
}

// collect waits for a collection of garbage.
func (c *comparison) collect(t *testing.T, ctx context.Context) {
	t.Helper()
	leases := c.containerd.LeasesService()
	lease, err := leases.Create(ctx, containerdleases.WithRandomID())
	fatal(t, err)
	fatal(t, leases.Delete(ctx, lease, containerdleases.SynchronousDelete))
}

// dropReferences removes what the test made to reference blobs.
func (c *comparison) dropReferences(t *testing.T, ctx context.Context) {
	t.Helper()
	store := c.containerd.ContentStore()
	fatal(t, store.Walk(ctx, func(info content.Info) error {
		if _, is := info.Labels["containerd.io/gc.root"]; is {
			return store.Delete(ctx, info.Digest)
		}
		return nil
	}))
	if err := c.containerd.LeasesService().Delete(ctx, containerdleases.Lease{ID: "client"}); err != nil && !errdefs.IsNotFound(err) {
		t.Error(err)
	}
	c.collect(t, ctx)
	fatal(t, store.Walk(ctx, func(info content.Info) error {
		if info.Labels["containerd.io/uncompressed"] != "" && info.Labels["containerd.io/distribution.source"] == "" && len(info.Labels) == 1 {
			return fmt.Errorf("blob %s stays", info.Digest)
		}
		return nil
	}))
}
