package containerd

import (
	"fmt"
	"testing"

	"google.golang.org/grpc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"cimsnap/tests/containerd/bed"
)

// kubernetes is the namespace of all that the kubelet asks for.
const kubernetes = "k8s.io"

const criConfig = `[plugins.'io.containerd.cri.v1.images']
  snapshotter = %q
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = %q
[plugins.'io.containerd.cri.v1.runtime']
  # A machine that runs tests may not let them rank processes lower than itself.
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = [%[3]q]
  conf_dir = %[3]q
`

// node is a scene whose containerd serves the kubelet.
type node struct {
	*scene
	images  cri.ImageServiceClient
	runtime cri.RuntimeServiceClient
	pause   string
}

func newNode(t *testing.T) *node {
	t.Helper()
	s := newStage(t)
	n := &node{scene: s}
	n.pause = s.pushRunning("pause", linux, []string{"/bin/sleep", "3600"}, systemLayer(t))
	s.serve(bed.Options{Unpacks: 1, More: fmt.Sprintf(criConfig, s.snapshotter.Name, n.pause, s.Mkdir("cni"))})
	connection := s.containerd.Conn().(grpc.ClientConnInterface)
	n.images, n.runtime = cri.NewImageServiceClient(connection), cri.NewRuntimeServiceClient(connection)
	return n
}

// TestPodRuns does what the kubelet does, from the pull of an image to its removal.
func TestPodRuns(t *testing.T) {
	n := newNode(t)
	before := n.files(n.snapshotter.Root)
	app := n.push("app", linux, linuxImage(t)...)
	n.pull(app)
	n.sameAsOverlay(kubernetes, app)
	pod, container := n.runPod(app)
	if got := n.execSync(container, "/bin/cat", "/data/changed"); got != "changed" {
		t.Errorf("the container printed %q", got)
	}
	n.removePod(pod)
	for _, reference := range []string{app, n.pause} {
		_, err := n.images.RemoveImage(t.Context(), &cri.RemoveImageRequest{Image: spec(reference)})
		n.no(err)
	}
	n.freed(before)
}

// TestKubeletSeesTheDisk asks where images are kept and how much they take.
func TestKubeletSeesTheDisk(t *testing.T) {
	n := newNode(t)
	answer, err := n.images.ImageFsInfo(t.Context(), &cri.ImageFsInfoRequest{})
	n.no(err)
	if len(answer.ImageFilesystems) != 1 {
		t.Fatalf("images are said to be in %d places", len(answer.ImageFilesystems))
	}
	if got := answer.ImageFilesystems[0].FsId.Mountpoint; got != n.snapshotter.Root {
		t.Errorf("images are said to be in %s, not in %s", got, n.snapshotter.Root)
	}
}

func spec(reference string) *cri.ImageSpec { return &cri.ImageSpec{Image: reference} }

func (n *node) pull(reference string) {
	n.T.Helper()
	_, err := n.images.PullImage(n.T.Context(), &cri.PullImageRequest{Image: spec(reference)})
	n.no(err)
}

// runPod runs a pod in the network of the machine, with a container that waits.
func (n *node) runPod(reference string) (pod, container string) {
	n.T.Helper()
	network := &cri.LinuxSandboxSecurityContext{NamespaceOptions: &cri.NamespaceOption{Network: cri.NamespaceMode_NODE}}
	config := &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: "pod", Uid: "uid", Namespace: "test"},
		Linux:    &cri.LinuxPodSandboxConfig{SecurityContext: network},
	}
	sandbox, err := n.runtime.RunPodSandbox(n.T.Context(), &cri.RunPodSandboxRequest{Config: config})
	n.no(err)
	created, err := n.runtime.CreateContainer(n.T.Context(), &cri.CreateContainerRequest{
		PodSandboxId: sandbox.PodSandboxId, SandboxConfig: config,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: "app"}, Image: spec(reference), Command: []string{"/bin/sleep", "3600"},
		},
	})
	n.no(err)
	_, err = n.runtime.StartContainer(n.T.Context(), &cri.StartContainerRequest{ContainerId: created.ContainerId})
	n.no(err)
	return sandbox.PodSandboxId, created.ContainerId
}

func (n *node) execSync(container string, command ...string) string {
	n.T.Helper()
	answer, err := n.runtime.ExecSync(n.T.Context(), &cri.ExecSyncRequest{ContainerId: container, Cmd: command, Timeout: 60})
	n.no(err)
	return string(answer.Stdout)
}

func (n *node) removePod(pod string) {
	n.T.Helper()
	_, err := n.runtime.StopPodSandbox(n.T.Context(), &cri.StopPodSandboxRequest{PodSandboxId: pod})
	n.no(err)
	_, err = n.runtime.RemovePodSandbox(n.T.Context(), &cri.RemovePodSandboxRequest{PodSandboxId: pod})
	n.no(err)
}
