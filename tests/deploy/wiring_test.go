package deploy

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/containerd/containerd/v2/cmd/containerd/server/config"
	"github.com/pelletier/go-toml/v2"
)

// bench is a containerd with a configuration, and what cimsnap does to that.
type bench struct {
	*testing.T
	main, fragment string
}

func newBench(t *testing.T, text string) *bench {
	directory := t.TempDir()
	b := &bench{t, filepath.Join(directory, "config.toml"), filepath.Join(directory, "conf.d", "cimsnap.toml")}
	b.no(os.Mkdir(filepath.Dir(b.fragment), 0o700))
	b.no(os.WriteFile(b.main, []byte(text), 0o600))
	return b
}

func (b *bench) no(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) run(program string, arguments ...string) []byte {
	b.Helper()
	command := exec.Command(program, arguments...)
	command.Stderr = os.Stderr
	printed, err := command.Output()
	if err != nil {
		b.Fatalf("%s %v: %v: %s", program, arguments, err, printed)
	}
	return printed
}

// dump is what containerd has been told, with all that is imported.
func (b *bench) dump() ([]byte, *config.Config) {
	b.Helper()
	printed := b.run(tools+"containerd", "--config", b.main, "config", "dump")
	told := &config.Config{}
	b.no(toml.Unmarshal(printed, told))
	return printed, told
}

// connect does what the installer does, on any system.
func (b *bench) connect(options ...string) {
	b.Helper()
	b.no(os.WriteFile(b.fragment, []byte("version = 3\n"), 0o600))
	b.connectAgain(options...)
}

// connectAgain does so without doing away with what was said before.
func (b *bench) connectAgain(options ...string) {
	b.Helper()
	b.write(options...)
	b.run(os.Getenv("CIMSNAP"), "config", "import", b.main, b.fragment)
}

// write makes the fragment that fits to what containerd is told.
func (b *bench) write(options ...string) {
	b.Helper()
	printed, _ := b.dump()
	file := filepath.Join(b.TempDir(), "dump.toml")
	b.no(os.WriteFile(file, printed, 0o600))
	b.run(os.Getenv("CIMSNAP"), append([]string{"config", "containerd", "--dump", file, "--output", b.fragment}, options...)...)
}

const plain = `version = 3
[grpc]
  address = "/run/other/containerd.sock"
`

// Somebody else uses lists and tables that cimsnap adds to.
const used = `version = 3 # as of containerd 2.0
imports = [
  "no-such-directory/*.toml", # nothing yet
]
[plugins.'io.containerd.service.v1.diff-service']
  default = ["erofs", "walking"]
[plugins.'io.containerd.transfer.v1.local']
  max_concurrent_downloads = 7
[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
  platform = "linux/amd64"
  snapshotter = "native"
  differ = "walking"
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "/etc/containerd/certs.d"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.mine]
  runtime_type = "io.containerd.runc.v2"
`

func value(told *config.Config, path ...string) any {
	var at any = told.Plugins
	for _, key := range path {
		table, _ := at.(map[string]any)
		at = table[key]
	}
	return at
}

func snapshotters(told *config.Config) []any {
	var names []any
	for _, entry := range value(told, transfer, "unpack_config").([]any) {
		names = append(names, entry.(map[string]any)["snapshotter"])
	}
	return names
}

func (b *bench) same(what string, is, should any) {
	b.Helper()
	if err := same(what, is, should); err != nil {
		b.Error(err)
	}
}

// TestContainerdIsTold looks at what containerd makes of the fragment.
func TestContainerdIsTold(t *testing.T) {
	b := newBench(t, plain)
	b.connect("--all-pods")
	_, told := b.dump()
	b.same("the order", value(told, diffService, "default"), []any{"cimsnap-diff", "walking"})
	b.same("what is unpacked with", snapshotters(told), []any{"overlayfs", "erofs", "cimsnap"})
	b.same("the snapshotter of pods", value(told, "io.containerd.cri.v1.images", "snapshotter"), "cimsnap")
	b.same("the socket", value(told, "io.containerd.server.v1.grpc", "address"), "/run/other/containerd.sock")
	if err := proxies(told); err != nil {
		t.Error(err)
	}
}

// TestOthersKeepTheirs has cimsnap join a containerd that is told things already.
func TestOthersKeepTheirs(t *testing.T) {
	b := newBench(t, used)
	b.connect("--runtime", "mine")
	_, told := b.dump()
	const images, runtime = "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"
	b.same("the order", value(told, diffService, "default"), []any{"erofs", "cimsnap-diff", "walking"})
	b.same("what is unpacked with", snapshotters(told), []any{"native", "cimsnap"})
	b.same("downloads", value(told, transfer, "max_concurrent_downloads"), int64(7))
	b.same("the registries", value(told, images, "registry", "config_path"), "/etc/containerd/certs.d")
	b.same("the snapshotter of all pods", value(told, images, "snapshotter"), "overlayfs")
	b.same("that of images", value(told, images, "runtime_platforms", "mine", "snapshotter"), "cimsnap")
	mine := value(told, runtime, "containerd", "runtimes", "mine").(map[string]any)
	b.same("that of containers", mine["snapshotter"], "cimsnap")
	b.same("the runtime", mine["runtime_type"], "io.containerd.runc.v2")
	b.same("the runtime that was there", value(told, runtime, "containerd", "runtimes", "runc") != nil, true)
}

// TestNewRuntime has containerd make a runtime that it does not have, like its default one.
func TestNewRuntime(t *testing.T) {
	b := newBench(t, plain)
	for range 2 {
		b.connectAgain("--runtime", "cimsnap")
		_, told := b.dump()
		runtimes := value(told, "io.containerd.cri.v1.runtime", "containerd", "runtimes").(map[string]any)
		fresh, stock := runtimes["cimsnap"].(map[string]any), runtimes["runc"].(map[string]any)
		b.same("the snapshotter", fresh["snapshotter"], "cimsnap")
		b.same("the runtime", fresh["runtime_type"], stock["runtime_type"])
		b.same("its options", fresh["options"], stock["options"])
	}
}

// TestTwiceIsOnce connects again, which changes nothing, and takes all of it back.
func TestTwiceIsOnce(t *testing.T) {
	for _, text := range []string{plain, used} {
		b := newBench(t, text)
		_, before := b.dump()
		b.connect("--all-pods")
		main, fragment := read(t, b.main), read(t, b.fragment)
		for _, connect := range []func(...string){b.connect, b.connectAgain} {
			connect("--all-pods")
			b.same("the configuration", read(t, b.main), main)
			b.same("the fragment", read(t, b.fragment), fragment)
		}
		b.run(os.Getenv("CIMSNAP"), "config", "import", "--remove", b.main, b.fragment)
		_, after := b.dump()
		if !reflect.DeepEqual(before.Plugins, after.Plugins) || len(after.ProxyPlugins) != 0 {
			t.Errorf("%v is left of %v", after, before)
		}
	}
	b := newBench(t, used)
	b.connect()
	b.run(os.Getenv("CIMSNAP"), "config", "import", "--remove", b.main, b.fragment)
	b.same("the configuration", read(t, b.main), used)
}

// TestUnpacksOfAllVersions has containerd import the fragment from configurations of each version that it reads. Its own entries,
// and those that somebody added, must be there afterwards.
func TestUnpacksOfAllVersions(t *testing.T) {
	stock := nodes["linux"].unpacks
	ours := stock[len(stock)-1]
	added := optional(unpack("linux/riscv64", "stargz", "walking"))
	const extra = `
[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
  platform = "linux(+erofs)/amd64"
  snapshotter = "erofs"
  differ = "erofs"
  optional = true
[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
  platform = "linux/riscv64"
  snapshotter = "stargz"
  differ = "walking"
  optional = true
`
	for version := 2; version <= 4; version++ {
		for more, should := range map[string][]any{"": stock, extra: {stock[1], added, ours}} {
			b := newBench(t, "")
			text := fmt.Sprintf("version = %d\nimports = [%q]\n%s", version, b.fragment, more)
			b.no(os.WriteFile(b.main, []byte(text), 0o600))
			b.no(os.WriteFile(b.fragment, []byte("version = 3\n"), 0o600))
			for range 2 {
				b.write()
				_, told := b.dump()
				var is []any
				for _, entry := range value(told, transfer, "unpack_config").([]any) {
					is = append(is, said(entry.(map[string]any)))
				}
				b.same(fmt.Sprintf("what version %d is unpacked with", version), is, should)
			}
		}
	}
}

// said is what an entry says, without what containerd prints of each.
func said(entry map[string]any) map[string]any {
	maps.DeleteFunc(entry, func(_ string, value any) bool {
		list, isList := value.([]any)
		return value == "" || value == false || isList && len(list) == 0
	})
	return entry
}
