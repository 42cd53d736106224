package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Layout is the directory of an OCI layout.
type Layout string

// Write makes an image of layers in a layout, the first one lowest.
func (l Layout) Write(platform ocispec.Platform, config ocispec.ImageConfig, layers ...Layer) error {
	if err := os.MkdirAll(filepath.Join(string(l), "blobs", "sha256"), 0o755); err != nil {
		return err
	}
	manifest := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	image := ocispec.Image{Platform: platform, Config: config, RootFS: ocispec.RootFS{Type: "layers"}}
	return l.add(manifest, image, layers)
}

// WriteOver makes an image of layers over those of another layout, which has to stay where it is.
func (l Layout) WriteOver(parent Layout, layers ...Layer) error {
	descriptor, err := parent.manifest()
	if err != nil {
		return err
	}
	var manifest ocispec.Manifest
	var image ocispec.Image
	if err := errors.Join(parent.get(descriptor, &manifest), parent.get(manifest.Config, &image)); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(string(l), "blobs", "sha256"), 0o755); err != nil {
		return err
	}
	for _, blob := range manifest.Layers {
		target, err := filepath.Abs(parent.blob(blob))
		if err != nil {
			return err
		}
		if err := os.Symlink(target, l.blob(blob)); err != nil {
			return err
		}
	}
	return l.add(manifest, image, layers)
}

// WriteClaiming makes an image that claims to be made of layers, and has other blobs in their place.
func (l Layout) WriteClaiming(platform ocispec.Platform, blob func(Layer) ([]byte, error), layers ...Layer) error {
	if err := os.MkdirAll(filepath.Join(string(l), "blobs", "sha256"), 0o755); err != nil {
		return err
	}
	manifest := ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest}
	image := ocispec.Image{Platform: platform, RootFS: ocispec.RootFS{Type: "layers"}}
	for _, layer := range layers {
		data, err := layer.tar()
		if err != nil {
			return err
		}
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, digest.FromBytes(data))
		if data, err = blob(layer); err != nil {
			return err
		}
		descriptor, err := l.put(layer.MediaType, data)
		if err != nil {
			return err
		}
		manifest.Layers = append(manifest.Layers, descriptor)
	}
	var err error
	if manifest.Config, err = l.putJSON(ocispec.MediaTypeImageConfig, image); err != nil {
		return err
	}
	return l.index(manifest)
}

// add puts layers on top of an image.
func (l Layout) add(manifest ocispec.Manifest, image ocispec.Image, layers []Layer) error {
	for _, layer := range layers {
		data, err := layer.tar()
		if err != nil {
			return err
		}
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, digest.FromBytes(data))
		if data, err = layer.compress(data); err != nil {
			return err
		}
		blob, err := l.put(layer.MediaType, data)
		if err != nil {
			return err
		}
		manifest.Layers = append(manifest.Layers, blob)
	}
	var err error
	if manifest.Config, err = l.putJSON(ocispec.MediaTypeImageConfig, image); err != nil {
		return err
	}
	return l.index(manifest)
}

// manifest finds the only image of a layout.
func (l Layout) manifest() (ocispec.Descriptor, error) {
	text, err := os.ReadFile(filepath.Join(string(l), ocispec.ImageIndexFile))
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(text, &index); err != nil {
		return ocispec.Descriptor{}, err
	}
	if len(index.Manifests) != 1 {
		return ocispec.Descriptor{}, fmt.Errorf("%s holds %d images", l, len(index.Manifests))
	}
	return index.Manifests[0], nil
}

func (l Layout) get(descriptor ocispec.Descriptor, value any) error {
	text, err := os.ReadFile(l.blob(descriptor))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, value)
}

func (l Layout) index(manifest ocispec.Manifest) error {
	marker, err := json.Marshal(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(string(l), ocispec.ImageLayoutFile), marker, 0o644); err != nil {
		return err
	}
	descriptor, err := l.putJSON(ocispec.MediaTypeImageManifest, manifest)
	if err != nil {
		return err
	}
	index := ocispec.Index{Versioned: manifest.Versioned, Manifests: []ocispec.Descriptor{descriptor}}
	text, err := json.Marshal(index)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(string(l), ocispec.ImageIndexFile), text, 0o644)
}

func (l Layout) putJSON(mediaType string, value any) (ocispec.Descriptor, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	return l.put(mediaType, text)
}

func (l Layout) put(mediaType string, data []byte) (ocispec.Descriptor, error) {
	descriptor := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
	return descriptor, os.WriteFile(l.blob(descriptor), data, 0o644)
}

func (l Layout) blob(descriptor ocispec.Descriptor) string {
	return filepath.Join(string(l), "blobs", "sha256", descriptor.Digest.Encoded())
}

// Push brings the image of a layout to a registry on this machine.
func (l Layout) Push(ctx context.Context, reference string) error {
	manifest, err := l.manifest()
	if err != nil {
		return err
	}
	hosts := docker.ConfigureDefaultRegistries(docker.WithPlainHTTP(docker.MatchLocalhost))
	pusher, err := docker.NewResolver(docker.ResolverOptions{Hosts: hosts}).Pusher(ctx, reference)
	if err != nil {
		return err
	}
	return remotes.PushContent(ctx, pusher, manifest, l, nil, nil, nil)
}

// ReaderAt makes a layout the provider of what it holds.
func (l Layout) ReaderAt(_ context.Context, descriptor ocispec.Descriptor) (content.ReaderAt, error) {
	file, err := os.Open(l.blob(descriptor))
	if err != nil {
		return nil, err
	}
	return blob{file, descriptor.Size}, nil
}

type blob struct {
	*os.File
	size int64
}

func (b blob) Size() int64 { return b.size }
