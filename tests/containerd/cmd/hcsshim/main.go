//go:build windows

// hcsshim makes CIM images of layers, as containerd's own snapshotter for Windows has that library do.
//
//	hcsshim DIR BLOB...
//
// writes DIR\0.cim, DIR\1.cim and so on, each over the one before.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/Microsoft/hcsshim/pkg/ociwclayer/cim"
	"github.com/containerd/containerd/v2/pkg/archive/compression"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(dir string, blobs []string) error {
	var layers, images []string
	for i, blob := range blobs {
		layer := filepath.Join(dir, fmt.Sprintf("layer-%d", i))
		image := filepath.Join(dir, fmt.Sprintf("%d.cim", i))
		if err := write(blob, layer, image, layers, images); err != nil {
			return fmt.Errorf("import %s: %w", blob, err)
		}
		// The nearest comes first.
		layers, images = append([]string{layer}, layers...), append([]string{image}, images...)
	}
	return nil
}

func write(blob, layer, image string, layers, images []string) error {
	file, err := os.Open(blob)
	if err != nil {
		return err
	}
	defer file.Close()
	tar, err := compression.DecompressStream(file)
	if err != nil {
		return err
	}
	defer tar.Close()
	_, err = cim.ImportCimLayerFromTar(context.Background(), tar, layer, image, layers, images)
	return err
}
