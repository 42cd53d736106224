package containerd

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
)

// listing describes each entry of a tar.
func listing(layer []byte) []string {
	var lines []string
	for reader := tar.NewReader(bytes.NewReader(layer)); ; {
		header, err := reader.Next()
		if err != nil {
			if err != io.EOF {
				lines = append(lines, err.Error())
			}
			return lines
		}
		data, _ := io.ReadAll(reader)
		lines = append(lines, fmt.Sprintf("%c %q -> %q %o %d:%d %d:%d %s %q %.12s", header.Typeflag, header.Name, header.Linkname,
			header.Mode, header.Uid, header.Gid, header.Devmajor, header.Devminor, header.ModTime.UTC().Format(time.RFC3339Nano),
			fmt.Sprint(header.PAXRecords), digest.FromBytes(data).Encoded()))
	}
}

// differences lists lines that only one of two lists has.
func differences(found, expected []string) string {
	var text strings.Builder
	for _, side := range []struct {
		mark       string
		one, other []string
	}{{"-", expected, found}, {"+", found, expected}} {
		for _, line := range side.one {
			if !slices.Contains(side.other, line) {
				fmt.Fprintf(&text, "%s %s\n", side.mark, line)
			}
		}
	}
	if text.Len() == 0 {
		return "the same entries in another order or form"
	}
	return text.String()
}
