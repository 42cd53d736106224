package image

import (
	"context"
	"encoding/json"
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

func (l Layout) index(manifest ocispec.Manifest) error {
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
	text, err := os.ReadFile(filepath.Join(string(l), ocispec.ImageIndexFile))
	if err != nil {
		return err
	}
	var index ocispec.Index
	if err := json.Unmarshal(text, &index); err != nil {
		return err
	}
	if len(index.Manifests) != 1 {
		return fmt.Errorf("%s holds %d images", l, len(index.Manifests))
	}
	hosts := docker.ConfigureDefaultRegistries(docker.WithPlainHTTP(docker.MatchLocalhost))
	pusher, err := docker.NewResolver(docker.ResolverOptions{Hosts: hosts}).Pusher(ctx, reference)
	if err != nil {
		return err
	}
	return remotes.PushContent(ctx, pusher, index.Manifests[0], l, nil, nil, nil)
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
