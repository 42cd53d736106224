// Package image makes OCI images of entries, and brings OCI layouts to registries.
package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"time"

	"github.com/klauspost/compress/zstd"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Entry is one of a layer: a header, and data where it has any.
type Entry struct {
	tar.Header
	Data []byte
}

// Layer is the entries of a layer and how they are compressed.
type Layer struct {
	MediaType string
	Entries   []Entry
}

// Gzip makes a layer that is compressed with gzip.
func Gzip(entries ...Entry) Layer { return Layer{ocispec.MediaTypeImageLayerGzip, entries} }

// Zstd makes a layer that is compressed with zstd.
func Zstd(entries ...Entry) Layer { return Layer{ocispec.MediaTypeImageLayerZstd, entries} }

// Plain makes a layer that is not compressed.
func Plain(entries ...Entry) Layer { return Layer{ocispec.MediaTypeImageLayer, entries} }

// Time is that of all entries that name no other. Windows counts in steps of 100 ns.
var Time = time.Date(2021, 3, 14, 1, 59, 26, 535_897_900, time.UTC)

func entry(kind byte, name string, mode int64) Entry {
	header := tar.Header{Typeflag: kind, Name: name, Mode: mode, ModTime: Time, Format: tar.FormatPAX}
	return Entry{Header: header}
}

// Dir is a directory.
func Dir(name string) Entry { return entry(tar.TypeDir, name, 0o755) }

// File is a file.
func File(name string, data []byte) Entry {
	file := entry(tar.TypeReg, name, 0o644)
	file.Size, file.Data = int64(len(data)), data
	return file
}

// Symlink is a symbolic link.
func Symlink(name, target string) Entry {
	link := entry(tar.TypeSymlink, name, 0o777)
	link.Linkname = target
	return link
}

// Link is a hard link to another entry, which it says the same of: who unpacks a link believes it.
func Link(name string, target Entry) Entry {
	link := target
	link.Typeflag, link.Name, link.Linkname = tar.TypeLink, name, target.Name
	link.Size, link.Data = 0, nil
	return link
}

// Device is a character device.
func Device(name string, major, minor int64) Entry {
	device := entry(tar.TypeChar, name, 0o666)
	device.Devmajor, device.Devminor = major, minor
	return device
}

// Pipe is a named pipe.
func Pipe(name string) Entry { return entry(tar.TypeFifo, name, 0o600) }

// WithMode returns the entry with a mode.
func (e Entry) WithMode(mode int64) Entry {
	e.Mode = mode
	return e
}

// OwnedBy returns the entry with an owner and a group.
func (e Entry) OwnedBy(uid, gid int) Entry {
	e.Uid, e.Gid = uid, gid
	return e
}

// At returns the entry with a time.
func (e Entry) At(time time.Time) Entry {
	e.ModTime = time
	return e
}

// WithRecord returns the entry with a PAX record.
func (e Entry) WithRecord(name, value string) Entry {
	records := map[string]string{name: value}
	for name, value := range e.PAXRecords {
		records[name] = value
	}
	e.PAXRecords = records
	return e
}

// WithXattr returns the entry with an extended attribute.
func (e Entry) WithXattr(name, value string) Entry {
	return e.WithRecord("SCHILY.xattr."+name, value)
}

// Bytes returns the blob of the layer.
func (l Layer) Bytes() ([]byte, error) {
	data, err := l.tar()
	if err != nil {
		return nil, err
	}
	return l.compress(data)
}

func (l Layer) tar() ([]byte, error) {
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for _, entry := range l.Entries {
		if err := writer.WriteHeader(&entry.Header); err != nil {
			return nil, err
		}
		if _, err := writer.Write(entry.Data); err != nil {
			return nil, err
		}
	}
	err := writer.Close()
	return buffer.Bytes(), err
}

func (l Layer) compress(data []byte) ([]byte, error) {
	var buffer bytes.Buffer
	switch l.MediaType {
	case ocispec.MediaTypeImageLayerGzip:
		writer := gzip.NewWriter(&buffer)
		if _, err := writer.Write(data); err != nil {
			return nil, err
		}
		err := writer.Close()
		return buffer.Bytes(), err
	case ocispec.MediaTypeImageLayerZstd:
		writer, err := zstd.NewWriter(nil)
		if err != nil {
			return nil, err
		}
		return writer.EncodeAll(data, nil), nil
	}
	return data, nil
}
