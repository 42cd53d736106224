package bed

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
)

// Namespace is that of all clients that name no other.
const Namespace = "default"

// Containerd is a running containerd, with a client of it.
type Containerd struct {
	*Process
	*containerd.Client
	// Snapshotter is what images are unpacked with.
	Snapshotter Snapshotter
}

func (b *Bed) containerdSocket() string { return b.Path("containerd.sock") }

// Containerd starts containerd, and the daemon of its snapshotter must run by the time of the first pull.
func (b *Bed) Containerd(options Options) *Containerd {
	b.Helper()
	c := &Containerd{Snapshotter: options.Snapshotter}
	config := b.write("containerd.toml", b.config(options))
	ready := func(*Process) bool {
		client, err := containerd.New(b.containerdSocket(), containerd.WithTimeout(time.Second))
		if err != nil {
			return false
		}
		serves, err := client.IsServing(context.Background())
		if err != nil || !serves {
			client.Close()
			return false
		}
		c.Client = client
		return true
	}
	c.Process = b.start("containerd", ready, Tool("containerd"), "--config", config)
	b.Cleanup(func() { c.Client.Close() })
	return c
}

// Context is one in a namespace.
func Context(namespace string) context.Context {
	return namespaces.WithNamespace(context.Background(), namespace)
}

// TryCtr runs ctr in the default namespace, and returns what it prints.
func (c *Containerd) TryCtr(args ...string) (string, error) {
	return c.TryCtrIn(Namespace, args...)
}

// TryCtrIn runs ctr in a namespace.
func (c *Containerd) TryCtrIn(namespace string, args ...string) (string, error) {
	args = append([]string{"--address", c.bed.containerdSocket(), "--namespace", namespace}, args...)
	command := exec.Command(Tool("ctr"), args...)
	var complaint strings.Builder
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		err = fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, complaint.String())
	}
	return string(output), err
}

// Ctr runs ctr, which must succeed.
func (c *Containerd) Ctr(args ...string) string {
	c.bed.Helper()
	output, err := c.TryCtr(args...)
	c.bed.check(err)
	return output
}

// Pull pulls and unpacks an image.
func (c *Containerd) Pull(reference string, more ...string) {
	c.bed.Helper()
	c.bed.check(c.TryPull(Namespace, reference, more...))
}

// TryPull pulls and unpacks an image into a namespace.
func (c *Containerd) TryPull(namespace, reference string, more ...string) error {
	args := []string{"images", "pull", "--plain-http", "--snapshotter", c.Snapshotter.Name}
	_, err := c.TryCtrIn(namespace, append(append(args, more...), reference)...)
	return err
}
