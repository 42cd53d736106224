// Push brings the image of an OCI layout to a registry on this machine.
//
//	push LAYOUT REFERENCE
package main

import (
	"context"
	"fmt"
	"os"

	"cimsnap/tests/containerd/image"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: push LAYOUT REFERENCE")
		os.Exit(2)
	}
	if err := image.Layout(os.Args[1]).Push(context.Background(), os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
