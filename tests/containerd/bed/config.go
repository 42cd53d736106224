package bed

import "fmt"

// Snapshotter says with what images are unpacked.
type Snapshotter struct {
	Name   string
	Differ string
	// Root is where it keeps its files.
	Root string
	// Socket is where it listens, if it is no part of containerd.
	Socket string
}

// Overlayfs is containerd's default.
func (b *Bed) Overlayfs() Snapshotter {
	root := b.Path("root", "io.containerd.snapshotter.v1.overlayfs")
	return Snapshotter{Name: Overlayfs, Differ: "walking", Root: root}
}

// Overlayfs is the name of containerd's default.
const Overlayfs = "overlayfs"

// Snapshotter is how containerd sees the daemon.
func (d *Daemon) Snapshotter() Snapshotter {
	return Snapshotter{Name: "cimsnap", Differ: "cimsnap-diff", Socket: d.Socket, Root: d.Root}
}

// Options are what differs between one containerd and another.
type Options struct {
	Snapshotter Snapshotter
	// Others are snapshotters of containerd itself, beside overlayfs and native.
	Others []Snapshotter
	// Unpacks is how many layers are unpacked at once.
	Unpacks int
	// More is appended to the configuration.
	More string
}

const configuration = `version = 3
root = %[1]q
state = %[2]q
temp = %[3]q
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"%[4]s]
[grpc]
  address = %[5]q
[plugins.'io.containerd.transfer.v1.local']
  max_concurrent_unpacks = %[6]d
[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
  platform = "linux/amd64"
  snapshotter = "overlayfs"
  differ = "walking"
[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
  platform = "linux/amd64"
  snapshotter = "native"
  differ = "walking"
`

const erofs = `[plugins.'io.containerd.differ.v1.erofs']
  mkfs_options = ["-T0", "--mkfs-time", "--sort=none"]
`

const proxies = `[proxy_plugins.%[1]s]
  type = "snapshot"
  address = %[3]q
  capabilities = ["rebase"]
  exports = { root = %[4]q }
[proxy_plugins.%[2]s]
  type = "diff"
  address = %[3]q
[plugins.'io.containerd.service.v1.diff-service']
  default = [%[2]q, "walking"]
`

const unpacks = `[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
  platform = %q
  snapshotter = %q
  differ = %q
`

const withoutCRI = `, "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.podsandbox.controller.v1.podsandbox"`

func (b *Bed) config(options Options) string {
	disabled := withoutCRI
	if options.More != "" {
		disabled = ""
	}
	text := fmt.Sprintf(configuration, b.Path("root"), b.Path("state"), b.Path("tmp"), disabled,
		b.containerdSocket(), max(1, options.Unpacks))
	s := options.Snapshotter
	for _, unpacking := range append([]Snapshotter{s}, options.Others...) {
		if unpacking.Name == Overlayfs {
			continue
		}
		for _, platform := range []string{"linux/amd64", "windows/amd64"} {
			text += fmt.Sprintf(unpacks, platform, unpacking.Name, unpacking.Differ)
		}
	}
	if s.Socket != "" {
		text += fmt.Sprintf(proxies, s.Name, s.Differ, s.Socket, s.Root)
	}
	return text + erofs + options.More
}
