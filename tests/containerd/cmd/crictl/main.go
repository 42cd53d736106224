// Crictl stands in for the one command of crictl that an operator needs here: it removes all images of the kubelet.
//
//	crictl rmi --all
package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const containerd = "unix:///run/containerd/containerd.sock"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if !slices.Equal(args, []string{"rmi", "--all"}) {
		return fmt.Errorf("only `rmi --all` is known, not %q", args)
	}
	connection, err := grpc.NewClient(containerd, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	images := cri.NewImageServiceClient(connection)
	ctx := context.Background()
	all, err := images.ListImages(ctx, &cri.ListImagesRequest{})
	if err != nil {
		return err
	}
	for _, image := range all.Images {
		spec := &cri.ImageSpec{Image: image.Id}
		if _, err := images.RemoveImage(ctx, &cri.RemoveImageRequest{Image: spec}); err != nil {
			return err
		}
		fmt.Println("Deleted:", image.Id)
	}
	return nil
}
