package containerd

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/proxy"
	"github.com/containerd/containerd/v2/core/snapshots/testsuite"
	"github.com/containerd/containerd/v2/plugins/content/local"
	bolt "go.etcd.io/bbolt"

	"cimsnap/tests/containerd/bed"
)

// suiteName stands for rules of overlays, which containers get: no directory of the image is renamed.
const suiteName = "overlayfs"

// TestSnapshotterSuite runs containerd's own tests of snapshotters against a daemon for each.
func TestSnapshotterSuite(t *testing.T) {
	testsuite.SnapshotterSuite(t, suiteName, func(_ context.Context, root string) (snapshots.Snapshotter, func() error, error) {
		snapshotter, stop := serve(t, root)
		return snapshotter, stop, nil
	})
}

// TestSnapshotterSuiteThroughMetadata runs them with containerd's database in between, which rewrites keys and labels.
func TestSnapshotterSuiteThroughMetadata(t *testing.T) {
	testsuite.SnapshotterSuite(t, suiteName, func(_ context.Context, root string) (snapshots.Snapshotter, func() error, error) {
		snapshotter, stop := serve(t, filepath.Join(root, "cimsnap"))
		db, err := bolt.Open(filepath.Join(root, "metadata.db"), 0o644, nil)
		if err != nil {
			return nil, nil, err
		}
		store, err := local.NewStore(filepath.Join(root, "content"))
		if err != nil {
			return nil, nil, err
		}
		all := map[string]snapshots.Snapshotter{suiteName: snapshotter}
		close := func() error {
			stop()
			return db.Close()
		}
		return metadata.NewDB(db, store, all).Snapshotter(suiteName), close, nil
	})
}

// serve starts a daemon on a root and returns a client of it, and what stops it.
func serve(t *testing.T, root string) (snapshots.Snapshotter, func() error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		t.Fatal(err)
	}
	daemon := bed.New(t).Daemon(root)
	connection, err := bed.Dial(daemon.Socket)
	if err != nil {
		t.Fatal(err)
	}
	return proxy.NewSnapshotter(snapshotsapi.NewSnapshotsClient(connection), suiteName), func() error {
		connection.Close()
		daemon.Stop()
		return bed.Unmount(root)
	}
}
