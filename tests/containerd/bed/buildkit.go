package bed

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
)

// BuildKit is a running buildkitd whose worker is the containerd of the bed.
type BuildKit struct {
	*Process
	address string
}

// BuildKitNamespace is where the worker keeps what it makes.
const BuildKitNamespace = "buildkit"

const buildkit = `root = %q
[grpc]
  address = [%q]
[worker.oci]
  enabled = false
[worker.containerd]
  enabled = true
  address = %q
  namespace = %q
  snapshotter = %q
  networkMode = "host"
  gc = false
[registry.%q]
  http = true
`

// BuildKit starts buildkitd with a snapshotter.
func (b *Bed) BuildKit(snapshotter Snapshotter, registry *Registry) *BuildKit {
	b.Helper()
	socket := b.Path("buildkit-" + snapshotter.Name + ".sock")
	k := &BuildKit{address: "unix://" + socket}
	text := fmt.Sprintf(buildkit, b.Mkdir("buildkit-"+snapshotter.Name), k.address, b.containerdSocket(),
		BuildKitNamespace+"-"+snapshotter.Name, snapshotter.Name, registry.Host)
	config := b.write("buildkit-"+snapshotter.Name+".toml", text)
	ready := func(*Process) bool {
		connection, err := net.Dial("unix", socket)
		if err != nil {
			return false
		}
		connection.Close()
		_, err = k.Buildctl("debug", "workers")
		return err == nil
	}
	k.Process = b.start("buildkit-"+snapshotter.Name, ready, Tool("buildkitd"), "--config", config)
	return k
}

// Buildctl runs buildctl and returns what it prints.
func (k *BuildKit) Buildctl(args ...string) (string, error) {
	command := exec.Command(Tool("buildctl"), append([]string{"--addr", k.address}, args...)...)
	output, err := command.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("buildctl %s: %w: %s", strings.Join(args, " "), err, output)
	}
	return string(output), err
}

// Build builds the Dockerfile of a directory and pushes the image.
func (k *BuildKit) Build(dir, reference string, more ...string) error {
	args := []string{"build", "--progress=plain", "--frontend=dockerfile.v0", "--local=context=" + dir, "--local=dockerfile=" + dir,
		"--output=type=image,name=" + reference + ",push=true,registry.insecure=true"}
	_, err := k.Buildctl(append(args, more...)...)
	return err
}
