package containerd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/labels"
	"github.com/containerd/containerd/v2/pkg/rootfs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"cimsnap/tests/containerd/bed"
)

// commit makes an image of what a container wrote over its own image, and unpacks it.
func (s *scene) commit(reference, id, name string) {
	s.T.Helper()
	client, snapshotter := s.containerd.Client, s.snapshotter.Name
	ctx, release, err := client.WithLease(bed.Context(bed.Namespace))
	s.no(err)
	defer func() { s.no(release(ctx)) }()
	layer, err := rootfs.CreateDiff(ctx, s.id(id), client.SnapshotService(snapshotter), client.DiffService())
	s.no(err)
	base, err := client.GetImage(ctx, reference)
	s.no(err)
	target, err := withLayer(ctx, client, base, layer)
	s.no(err)
	created, err := client.ImageService().Create(ctx, images.Image{Name: name, Target: target})
	s.no(err)
	s.no(containerd.NewImage(client, created).Unpack(ctx, snapshotter))
}

// withLayer writes the manifest of an image with one more layer.
func withLayer(ctx context.Context, client *containerd.Client, base containerd.Image, layer ocispec.Descriptor) (ocispec.Descriptor, error) {
	store := client.ContentStore()
	manifest, err := images.Manifest(ctx, store, base.Target(), only(linux))
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	config, err := base.Spec(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	info, err := store.Info(ctx, layer.Digest)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	diffID, err := digest.Parse(info.Labels[labels.LabelUncompressed])
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("the label of the layer: %w", err)
	}
	config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, diffID)
	manifest.Layers = append(manifest.Layers, layer)
	if manifest.Config, err = writeJSON(ctx, store, manifest.Config.MediaType, config, nil); err != nil {
		return ocispec.Descriptor{}, err
	}
	return writeJSON(ctx, store, ocispec.MediaTypeImageManifest, manifest, references(manifest))
}

// references are the labels that keep what a manifest names.
func references(manifest ocispec.Manifest) map[string]string {
	kept := map[string]string{"containerd.io/gc.ref.content.config": manifest.Config.Digest.String()}
	for i, layer := range manifest.Layers {
		kept[fmt.Sprintf("containerd.io/gc.ref.content.l.%d", i)] = layer.Digest.String()
	}
	return kept
}

func writeJSON(ctx context.Context, store content.Store, mediaType string, value any, kept map[string]string) (ocispec.Descriptor, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	blob := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
	return blob, content.WriteBlob(ctx, store, blob.Digest.String(), bytes.NewReader(text), blob, content.WithLabels(kept))
}
