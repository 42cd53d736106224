package containerd

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	snapshotsapi "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/core/snapshots/proxy"
	"github.com/containerd/errdefs"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"cimsnap/tests/containerd/bed"
)

// pipe is what containerd on Windows makes of the address \\.\pipe\cimsnap, with the scheme that it takes for granted
// there. The client of gRPC derives the authority from it, npipe:%2F%2F%2F%2F.%2Fpipe%2Fcimsnap.
const pipe = "passthrough:///npipe:////./pipe/cimsnap"

// guest is a client whose target has nothing to do with the socket that it is connected to.
type guest struct {
	*testing.T
	snapshots.Snapshotter
}

func newGuest(t *testing.T, socket, target string, options ...grpc.DialOption) *guest {
	t.Helper()
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	options = append(options, grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	connection, err := grpc.NewClient(target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	service := snapshotsapi.NewSnapshotsClient(connection)
	return &guest{T: t, Snapshotter: proxy.NewSnapshotter(service, "cimsnap")}
}

// guests are clients whose authority is a pipe, as containerd writes it and as others might.
func guests(t *testing.T, socket string) map[string]*guest {
	t.Helper()
	return map[string]*guest{
		"pipe":      newGuest(t, socket, pipe),
		"backslash": newGuest(t, socket, pipe, grpc.WithAuthority(`%5C%5C.%5Cpipe%5Ccimsnap`)),
		"raw":       newGuest(t, socket, pipe, grpc.WithAuthority(`\\.\pipe\cimsnap`)),
		"localhost": newGuest(t, socket, pipe, grpc.WithAuthority("localhost")),
	}
}

// patient is a context that ends before a test counts as hung.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TestAuthorityOfAPipe has clients that name a pipe use the daemon.
func TestAuthorityOfAPipe(t *testing.T) {
	b := bed.New(t)
	daemon := b.Daemon(b.Mkdir("cimsnap"))
	for name, guest := range guests(t, daemon.Socket) {
		guest.comesAndGoes(patient(t), name)
		guest.asksAThousandTimes(patient(t))
		guest.carriesMuch(patient(t))
	}
	newGuest(t, daemon.Socket, pipe).staysThrough(patient(t), daemon)
	for number := range 20 {
		newGuest(t, daemon.Socket, pipe).comesAndGoes(patient(t), fmt.Sprint("again ", number))
	}
}

// comesAndGoes calls each kind of method, on snapshots whose names are its own.
func (g *guest) comesAndGoes(ctx context.Context, name string) {
	g.Helper()
	const count = 20
	for number := range count {
		_, err := g.Prepare(ctx, fmt.Sprint(name, number), "", snapshots.WithLabels(map[string]string{"of": name}))
		g.no(err)
	}
	listed := 0
	g.no(g.Walk(ctx, func(context.Context, snapshots.Info) error { listed++; return nil }, fmt.Sprintf("labels.of==%q", name)))
	if listed != count {
		g.Errorf("%s lists %d snapshots", name, listed)
	}
	for number := range count {
		g.no(g.Remove(ctx, fmt.Sprint(name, number)))
	}
	if _, err := g.Stat(ctx, name); !errdefs.IsNotFound(err) {
		g.Errorf("%s: %v", name, err)
	}
}

// asksAThousandTimes calls a method many times at once, with headers that are the same, and some that are not.
func (g *guest) asksAThousandTimes(ctx context.Context) {
	g.Helper()
	var group errgroup.Group
	for number := range 1000 {
		group.Go(func() error {
			ctx := metadata.AppendToOutgoingContext(ctx, "number", fmt.Sprint(number), "containerd-namespace", "default")
			if _, err := g.Stat(ctx, "nothing"); !errdefs.IsNotFound(err) {
				return fmt.Errorf("request %d: %w", number, err)
			}
			return nil
		})
	}
	g.no(group.Wait())
}

// carriesMuch calls a method with headers that need several frames, and one that is too long for the header table.
func (g *guest) carriesMuch(ctx context.Context) {
	g.Helper()
	for _, letter := range []string{"0", "~", "\\"} {
		large := metadata.AppendToOutgoingContext(ctx, "first", strings.Repeat(letter, 16<<10),
			"second", strings.Repeat(letter, 16<<10), "third", strings.Repeat(letter, 5000))
		for _, ctx := range []context.Context{large, ctx, large} {
			if _, err := g.Stat(ctx, "nothing"); !errdefs.IsNotFound(err) {
				g.Errorf("headers of %q: %v", letter, err)
			}
		}
	}
}

// staysThrough calls methods before and after the daemon starts again.
func (g *guest) staysThrough(ctx context.Context, daemon *bed.Daemon) {
	g.Helper()
	for range 3 {
		g.asksAThousandTimes(ctx)
		daemon.Stop()
		daemon.Restart()
	}
	g.asksAThousandTimes(ctx)
}

// no fails the test on an error.
func (g *guest) no(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}
