package bed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// Daemon is a running `cimsnap daemon`.
type Daemon struct {
	*Process
	Root   string
	Socket string
	config string
}

// Daemon starts the snapshotter on a root, for the containerd of the bed.
func (b *Bed) Daemon(root string) *Daemon {
	b.Helper()
	d := &Daemon{Root: root, Socket: b.Path("cimsnap.sock")}
	d.config = b.write("cimsnap.toml", fmt.Sprintf(`root = %q
[grpc]
address = %q
[containerd]
address = %q
content_root = %q
[log]
level = "info"
format = "text"
`, root, d.Socket, b.containerdSocket(), b.Path("root", "io.containerd.content.v1.content")))
	d.run(b)
	return d
}

func (d *Daemon) run(b *Bed) {
	b.Helper()
	serves := func(*Process) bool { return serving(d.Socket) }
	d.Process = b.start("cimsnap", serves, cimsnap(), "daemon", "--config", d.config)
}

// Restart starts a daemon again that was stopped or killed.
func (d *Daemon) Restart() {
	d.bed.Helper()
	d.run(d.bed)
}

// Configure starts the daemon again, with more in its configuration.
func (d *Daemon) Configure(more string) {
	d.bed.Helper()
	d.Stop()
	text, err := os.ReadFile(d.config)
	d.bed.check(err)
	d.bed.check(os.WriteFile(d.config, append(text, more...), 0o644))
	d.Restart()
}

// Ask runs a command that takes the configuration of the daemon, and returns what it prints.
func (d *Daemon) Ask(args ...string) (string, error) {
	output, err := d.Command(args...).Output()
	return string(output), err
}

// Command is such a command, not started yet, that finds the tools of containerd.
func (d *Daemon) Command(args ...string) *exec.Cmd {
	command := exec.Command(cimsnap(), append(args, "--config", d.config)...)
	command.Env = append(os.Environ(), "PATH="+toolDir()+":"+os.Getenv("PATH"), "TMPDIR="+d.bed.Mkdir("tmp"))
	return command
}

// Share lets each namespace of containerd use the layers of all others without their blobs.
func (d *Daemon) Share() {
	d.bed.Helper()
	d.Stop()
	text, err := os.ReadFile(d.config)
	d.bed.check(err)
	d.bed.check(os.WriteFile(d.config, append([]byte("share = true\n"), text...), 0o644))
	d.Restart()
}

// HideBlobs keeps the daemon from the files of containerd's blobs, from its next start on.
func (d *Daemon) HideBlobs() {
	d.bed.Helper()
	text, err := os.ReadFile(d.config)
	d.bed.check(err)
	content := d.bed.Path("root", "io.containerd.content.v1.content")
	d.bed.check(os.WriteFile(d.config, []byte(strings.ReplaceAll(string(text), content, d.bed.Path("nowhere"))), 0o644))
}

// Natively has the daemon write images of Windows with the native engine, from its next start on. Our own library stands in the
// place of that of Windows.
func (d *Daemon) Natively() {
	d.bed.Helper()
	text, err := os.ReadFile(d.config)
	d.bed.check(err)
	engine := fmt.Sprintf("engine = \"native\"\ncimfs_library = %q\n", library())
	d.bed.check(os.WriteFile(d.config, append([]byte(engine), text...), 0o644))
}

// library is our own one: that of the variable CIMSNAP_LIBRARY, or else of a debug build.
func library() string {
	if path := os.Getenv("CIMSNAP_LIBRARY"); path != "" {
		return path
	}
	return filepath.Join(projectDir(), "target", "debug", "libcimsnap.so")
}

// cimsnap is the program under test: that of the variable CIMSNAP, or else of a debug build.
func cimsnap() string {
	if path := os.Getenv("CIMSNAP"); path != "" {
		return path
	}
	return filepath.Join(projectDir(), "target", "debug", "cimsnap")
}

func serving(socket string) bool {
	connection, err := Dial(socket)
	if err != nil {
		return false
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	answer, err := grpc_health_v1.NewHealthClient(connection).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	return err == nil && answer.Status == grpc_health_v1.HealthCheckResponse_SERVING
}

// Dial connects to a socket.
func Dial(socket string) (*grpc.ClientConn, error) {
	return grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
}
