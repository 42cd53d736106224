package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/cmd/containerd/server/config"
	_ "github.com/containerd/containerd/v2/plugins/cri"
	_ "github.com/containerd/containerd/v2/plugins/cri/images"
	_ "github.com/containerd/containerd/v2/plugins/cri/runtime"
	_ "github.com/containerd/containerd/v2/plugins/services/diff"
	_ "github.com/containerd/containerd/v2/plugins/transfer"
	"github.com/containerd/plugin"
	"github.com/containerd/plugin/registry"
	"github.com/pelletier/go-toml/v2"
)

const (
	diffService = "io.containerd.service.v1.diff-service"
	transfer    = "io.containerd.transfer.v1.local"
)

// taken are names that containerd has itself, on either system. It does not start with another plugin of the same name.
var taken = []string{"cimfs", "blockcim", "windows", "windows-lcow", "overlayfs", "native", "btrfs", "erofs", "walking"}

// strict decodes what may only have keys that its type has.
func strict(text []byte, into any) error {
	return toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(into)
}

// sections decodes each plugin's configuration into the type that containerd has for it, and tells what the type has not.
func sections(told *config.Config) error {
	all := registry.Graph(func(*plugin.Registration) bool { return false })
	var faults []error
	for id, section := range told.Plugins {
		place := slices.IndexFunc(all, func(r plugin.Registration) bool { return r.URI() == id })
		if place < 0 {
			faults = append(faults, fmt.Errorf("containerd has no plugin %s", id))
			continue
		}
		text, err := toml.Marshal(section)
		into := reflect.New(reflect.TypeOf(all[place].Config).Elem()).Interface()
		faults = append(faults, err, strict(text, into))
	}
	return errors.Join(faults...)
}

func proxies(told *config.Config) error {
	var kinds []string
	var faults []error
	for name, proxy := range told.ProxyPlugins {
		kinds = append(kinds, proxy.Type)
		faults = append(faults,
			want(!slices.Contains(taken, name), "containerd has a plugin "+name+" itself"),
			want(proxy.Address == told.ProxyPlugins["cimsnap"].Address, name+" leads elsewhere"),
			want(!strings.Contains(proxy.Address, "://"), name+" has a scheme in its address"),
			want(proxy.Type == "diff" || proxy.Exports["root"] != "", name+" does not say where its files are"),
		)
	}
	slices.Sort(kinds)
	return errors.Join(append(faults, want(slices.Equal(kinds, []string{"diff", "snapshot"}), "the types are wrong"))...)
}

// node is what has to be so on nodes of a system.
type node struct {
	order   []string
	unpacks []any
}

func unpack(platform, snapshotter, differ string) map[string]any {
	return map[string]any{"platform": platform, "snapshotter": snapshotter, "differ": differ}
}

func optional(entry map[string]any) map[string]any {
	entry["optional"] = true
	return entry
}

var nodes = map[string]node{
	"linux": {
		order: []string{"cimsnap-diff", "walking"},
		unpacks: []any{
			unpack("linux/amd64", "overlayfs", "walking"),
			optional(unpack("linux(+erofs)/amd64", "erofs", "erofs")),
			unpack("linux/amd64", "cimsnap", "cimsnap-diff"),
		},
	},
	"windows": {
		order: []string{"windows", "windows-lcow", "cimsnap-diff"},
		unpacks: []any{
			unpack("windows/amd64", "windows", "windows"), unpack("windows/amd64", "cimsnap", "cimsnap-diff"),
		},
	},
}

// examine finds what is wrong with a fragment for nodes of a system.
func examine(fragment string, node node) error {
	var written config.Config
	if err := strict([]byte(fragment), &written); err != nil {
		return err
	}
	directory, err := os.MkdirTemp("", "cimsnap-deploy")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	file := filepath.Join(directory, "containerd.toml")
	if err := os.WriteFile(file, []byte(fragment), 0o600); err != nil {
		return err
	}
	told, err := load(file)
	if err != nil {
		return err
	}
	service, _ := told.Plugins[diffService].(map[string]any)
	local, _ := told.Plugins[transfer].(map[string]any)
	return errors.Join(
		want(written.Version == 3, "containerd 2.0 does not read other versions"),
		sections(told), proxies(told),
		same("the order of differs", service["default"], anyOf(node.order)),
		same("what is unpacked with", local["unpack_config"], node.unpacks),
	)
}

func anyOf(strings []string) []any {
	var all []any
	for _, s := range strings {
		all = append(all, s)
	}
	return all
}

func same(what string, is, should any) error {
	return want(reflect.DeepEqual(is, should), fmt.Sprintf("%s is %v and should be %v", what, is, should))
}

// load reads a configuration as containerd 2.0 does, with all that it imports.
func load(file string) (*config.Config, error) {
	told := &config.Config{
		Version:          3,
		Plugins:          map[string]any{},
		ProxyPlugins:     map[string]config.ProxyPlugin{},
		StreamProcessors: map[string]config.StreamProcessor{},
		Timeouts:         map[string]string{},
	}
	return told, config.LoadConfig(context.Background(), file, told)
}

// TestFragments examines what administrators are to give to containerd.
func TestFragments(t *testing.T) {
	for system, node := range nodes {
		if err := examine(read(t, "../../deploy", system, "containerd.toml"), node); err != nil {
			t.Errorf("%s: %v", system, err)
		}
	}
}

// TestFaultsOfFragments changes one thing at a time of what is sound.
func TestFaultsOfFragments(t *testing.T) {
	sound := read(t, "../../deploy/windows/containerd.toml")
	for _, fault := range []struct{ from, to string }{
		{`type = "snapshot"`, `type = "snapshotter"`},
		{`type = "diff"`, `typ = "diff"`},
		{"[proxy_plugins.cimsnap-diff]", "[proxy_plugins.cimsnap]"},
		{"[proxy_plugins.cimsnap-diff]", "[proxy_plugins.cimfs]"},
		{`address = '\\.\pipe\cimsnap'`, `address = 'npipe:////./pipe/cimsnap'`},
		{`exports = {`, `export = {`},
		{`"windows", "windows-lcow", "cimsnap-diff"`, `"cimsnap-diff", "windows", "windows-lcow"`},
		{"diff-service'", "diff-servic'"},
		{"default = ", "order = "},
		{"differ = ", "diff = "},
		{"version = 3", "version = 4"},
		{"version = 3", "version = 2"},
		{"# A second", "["},
	} {
		if !strings.Contains(sound, fault.from) {
			t.Errorf("%s is not there", fault.from)
		}
		if err := examine(strings.Replace(sound, fault.from, fault.to, 1), nodes["windows"]); err == nil {
			t.Errorf("%s in the place of %s is not found", fault.to, fault.from)
		}
	}
}
