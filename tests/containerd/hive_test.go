package containerd

import "encoding/binary"

const (
	hiveBlock  = 4096
	hiveRoot   = 32
	hiveKeyLen = 88
	hiveNil    = 0xFFFF_FFFF
)

// hive is the least registry hive there is: a root key, whose name has at most eight letters, and its descriptor.
func hive(name string) []byte {
	file := make([]byte, 2*hiveBlock)
	copy(file, "regf")
	// Two equal sequence numbers, no time, version 1.5, a primary file, format 1, the root key, one bin, clustering 1.
	put32(file[4:], 1, 1, 0, 0, 1, 5, 0, 1, hiveRoot, hiveBlock, 1)
	checksum := uint32(0)
	for at := 0; at < 508; at += 4 {
		checksum ^= binary.LittleEndian.Uint32(file[at:])
	}
	put32(file[508:], checksum)
	fillBin(file[hiveBlock:], name)
	return file
}

func fillBin(bin []byte, name string) {
	const security, securityLen = hiveRoot + hiveKeyLen, 48
	copy(bin, "hbin")
	put32(bin[8:], hiveBlock)
	key := cell(bin, hiveRoot, -hiveKeyLen)
	// A root that nobody deletes, with a name of one byte for each letter.
	copy(key, "nk\x2c\x00")
	put32(key[28:], hiveNil, hiveNil, 0, hiveNil, security, hiveNil)
	binary.LittleEndian.PutUint16(key[72:], uint16(len(name)))
	copy(key[76:], name)
	descriptor := cell(bin, security, -securityLen)
	copy(descriptor, "sk")
	// The only one of a ring, used once; an empty self-relative descriptor of 20 bytes.
	put32(descriptor[4:], security, security, 1, 20, 0x8000_0001)
	cell(bin, security+securityLen, hiveBlock-security-securityLen)
}

// cell starts a cell, whose length is negative where it is in use.
func cell(bin []byte, at int, length int32) []byte {
	put32(bin[at:], uint32(length))
	return bin[at+4:]
}

func put32(to []byte, numbers ...uint32) {
	for i, number := range numbers {
		binary.LittleEndian.PutUint32(to[4*i:], number)
	}
}
