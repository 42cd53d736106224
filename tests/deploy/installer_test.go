package deploy

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const tools = "../../target/tools/bin/"

// pattern is what a script of the installer looks for, at the place that an expression describes.
func pattern(t *testing.T, script, place string) string {
	t.Helper()
	match := regexp.MustCompile(place).FindStringSubmatch(read(t, "../../deploy/windows/parts", script))
	if match == nil {
		t.Fatalf("%s has no %s", script, place)
	}
	return match[1]
}

// TestInstallerReadsContainerd has what the installer looks for found in what containerd really prints.
func TestInstallerReadsContainerd(t *testing.T) {
	b := newBench(t, plain)
	named := pattern(t, "containerd.ps1", `-Pattern '([^']+)' -SimpleMatch`)
	if before, _ := b.dump(); strings.Contains(string(before), named) {
		t.Errorf("%s is told before it is", named)
	}
	b.connect()
	if after, _ := b.dump(); !strings.Contains(string(after), named) {
		t.Errorf("%s is not in %s", named, after)
	}
	version := regexp.MustCompile(pattern(t, "node.ps1", `"\$told" -notmatch '([^']+)'`))
	printed := string(b.run(tools+"containerd", "--version"))
	if match := version.FindStringSubmatch(printed); match == nil || match[1] != "2" {
		t.Errorf("%s does not find the version in %s", version, printed)
	}
}

// TestInstallerReadsPlugins does so with what a running containerd tells of its plugins.
func TestInstallerReadsPlugins(t *testing.T) {
	line := pattern(t, "containerd.ps1", `-match "(\^[^"]+)"`)
	names := regexp.MustCompile(`'([^']+)'`).FindAllStringSubmatch(pattern(t, "containerd.ps1", `\$name in ([^)]+)\)`), -1)
	if len(names) != 2 {
		t.Fatal(names)
	}
	for _, connected := range []bool{false, true} {
		plugins := running(t, connected)
		for _, name := range names {
			found := regexp.MustCompile("(?m)" + strings.Replace(line, "$name", name[1], 1)).MatchString(plugins)
			if found != connected {
				t.Errorf("%s is found: %v, and should be: %v, in %s", name[1], found, connected, plugins)
			}
		}
	}
}

// running starts a containerd that may know cimsnap, and returns what it tells of its plugins.
func running(t *testing.T, connected bool) string {
	t.Helper()
	directory := t.TempDir()
	socket := filepath.Join(directory, "containerd.sock")
	b := newBench(t, strings.NewReplacer("/run/other/containerd.sock", socket, "version = 3", "version = 3\nroot = '"+directory+
		"/root'\nstate = '"+directory+"/state'\ndisabled_plugins = ['io.containerd.internal.v1.opt', 'io.containerd.nri.v1.nri', "+
		"'io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images', 'io.containerd.cri.v1.runtime', "+
		"'io.containerd.podsandbox.controller.v1.podsandbox']").Replace(plain))
	if connected {
		b.connect()
	}
	daemon := exec.Command(tools+"containerd", "--config", b.main)
	b.no(daemon.Start())
	t.Cleanup(func() {
		daemon.Process.Kill()
		daemon.Wait()
	})
	for end := time.Now().Add(time.Minute); ; {
		printed, err := exec.Command(tools+"ctr", "--address", socket, "--timeout", "10s", "plugins", "ls").Output()
		if err == nil {
			return string(printed)
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
