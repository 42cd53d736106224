"""Reads an image with nothing but the standard library, from the description of the format alone.

    reader.py DIRECTORY NAME [--ids]

Prints a line of JSON for each path: everything that the image says of it. Checks what the description demands of a writer
on the way: alignment, padding, order of names, where data of which length lies, how executables are laid out and which
digests they carry. With --ids also the object-id files: an entry for every object, with the digest of Windows.
"""

import bisect
import hashlib
import json
import os
import struct
import sys
import uuid

PAGE = 4096
SPARSE = 1 << 56
LEN = (1 << 48) - 1


def need(condition, what):
    if not condition:
        raise SystemExit(f"the image breaks a rule: {what}")


class Image:
    def __init__(self, directory, name):
        self.directory = directory
        self.objects = {}
        header = self.file(name)
        need(header[:8] == b"cimfile0" and header[12] == 0, "header of the image")
        need(struct.unpack_from("<I", header, 8)[0] == 72, "length of the header")
        self.major, self.minor = struct.unpack_from("<II", header, 16)
        need((self.major, self.minor) == (2, 0), "version 2.0 is written")
        own = self.set(header, 32)
        filesystem, = struct.unpack_from("<Q", header, 56)
        parents, = struct.unpack_from("<H", header, 70)
        sets = [self.set(header, 72 + 24 * number) for number in range(parents)] + [own]
        self.regions = []
        for guid, count in sets:
            for index in range(count):
                self.open_region(guid, index)
        self.filesystem(filesystem)

    def file(self, name):
        with open(os.path.join(self.directory, name), "rb") as file:
            return file.read()

    @staticmethod
    def set(data, at):
        return str(uuid.UUID(bytes_le=data[at : at + 16])), struct.unpack_from("<H", data, at + 16)[0]

    def open_region(self, guid, index):
        data = self.file(f"region_{guid}_{index}")
        need(data[:8] == b"cimfile0" and data[12] == 1, "header of a region")
        need(struct.unpack_from("<I", data, 8)[0] == 40, "length of a region's header")
        kind = data[34]
        need(kind < 3, "type of a region")
        need(kind != 1 or len(data) % PAGE == 0, "regions of data end with a whole block")
        self.regions.append((guid, index, kind, data))

    def object(self, offset, length, kinds):
        region, at = offset >> 48, offset & LEN
        guid, index, kind, data = self.regions[region]
        need(at >= 40 and at + length <= len(data), f"an object at {region}:{at:#x} with {length} bytes")
        need(kind in kinds, f"an object in a region of type {kind}")
        need(at % (PAGE if kind == 1 else 8) == 0, f"alignment of {region}:{at:#x}")
        self.objects.setdefault(region, {})[at] = length
        return data[at : at + length]

    def counted(self, offset):
        if offset == 0:
            return b""
        length, = struct.unpack("<H", self.object(offset, 2, [0]))
        return self.object(offset, 2 + length, [0])[2:]

    def filesystem(self, offset):
        upcase, tables, count, self.root = struct.unpack("<QQII", self.object(offset, 24, [0]))
        self.upcase = struct.unpack("<65536H", self.object(upcase, 131072, [0]))
        self.tables = []
        entries = self.object(tables, 16 * count, [0])
        for at in range(0, len(entries), 16):
            table, records, size = struct.unpack_from("<QHH", entries, at)
            need(size <= 96, "no record is longer than 96 bytes")
            self.tables.append((self.object(table, records * size, [0]), size))

    def record(self, number):
        table, size = self.tables[(number - 1) // 1024]
        at = (number - 1) % 1024 * size
        record = table[at : at + size].ljust(96, b"\0")
        fields = struct.unpack("<HHI4Q2Q4QIHH", record)
        names = "flags ea_len tag t0 t1 t2 t3 data word security eas reparse streams parent base reserved"
        return dict(zip(names.split(), fields))

    def folded(self, name):
        points = name.decode("utf-16-le", "surrogatepass")
        return [ord(c) if ord(c) > 0xFFFF else self.upcase[ord(c)] for c in points]

    def table(self, offset, length, width):
        if length is None:
            length, = struct.unpack("<I", self.object(offset, 4, [0]))
        data = self.object(offset, length, [0])
        stated, count = struct.unpack_from("<II", data)
        need(stated == length, "length of a table")
        offsets = struct.unpack_from(f"<{count}I", data, 8 + width * count)
        last = None
        for index, at in enumerate(offsets):
            units, = struct.unpack_from("<H", data, at)
            name = data[at + 2 : at + 2 + 2 * units]
            key = self.folded(name), struct.unpack(f"<{units}H", name)
            need(last is None or last < key, "order of names")
            last = key
            yield name.decode("utf-16-le", "surrogatepass"), data[8 + width * index : 8 + width * (index + 1)]

    def stream(self, offset, word):
        """Returns the bytes of a stream, or their number where it is sparse, and whether it is expanded."""
        length, kind = word & LEN, word >> 48 & 0xFF
        if word & SPARSE:
            need(offset == 0, "a sparse stream has no data")
            return length, False
        if kind == 0:
            if length == 0:
                return b"", False
            return self.object(offset, length, [2] if length <= 1024 else [1]), False
        need(kind == 2, f"type {kind} of a stream")
        return self.expanded(offset, length), True

    def expanded(self, offset, length):
        count, = struct.unpack_from("<H", self.object(offset, 24, [0]), 20)
        raw = self.object(offset, 24 + 8 * count, [0])
        data, stored_len, image_len, count, flags = struct.unpack_from("<QQIHH", raw)
        stored = self.object(data, stored_len, [1])
        mappings = [struct.unpack_from("<II", raw, 24 + 8 * number) for number in range(count)]
        starts = [start for start, _ in mappings]
        result, at = bytearray(), 0
        while at < length:
            index = bisect.bisect_right(starts, at)
            delta = mappings[index - 1][1] if index else 0
            end = min(starts[index] if index < count else length, length)
            need(end + delta <= stored_len, "mappings lead into the data")
            result += stored[at + delta : end + delta]
            at = end
        self.check_layout(bytes(result), stored, mappings, image_len, flags)
        return bytes(result)

    @staticmethod
    def check_layout(file, stored, mappings, image_len, flags):
        sections, _, _, size_of_image = executable(file)
        pieces = [0] + [start for start, length in sections]
        end = sections[-1][0] + sections[-1][1]
        if end < len(file):
            pieces.append(end)
        expected, want, last = bytearray(), [], 0
        for start, end in zip(pieces, pieces[1:] + [len(file)]):
            expected += bytes(-len(expected) % PAGE)
            delta = len(expected) - start
            if delta != last:
                want.append((start, delta))
            last = delta
            expected += file[start:end]
        need(bytes(expected) == stored, "the layout of an executable")
        need(want == mappings, f"the mappings of an executable: {mappings}, not {want}")
        need(image_len == size_of_image and flags == 1, "the description of an executable")

    def walk(self, number, path, seen):
        record = self.record(number)
        yield from self.describe(number, path, record)
        if record["word"] >> 48 & 0xFF == 1 and record["word"] & LEN:
            need(number not in seen, "a directory has one name")
            seen.add(number)
            for name, value in self.table(record["data"], record["word"] & LEN, 4):
                child, = struct.unpack("<I", value)
                yield from self.walk(child, f"{path}/{name}", seen)

    def describe(self, number, path, record):
        directory = record["word"] >> 48 & 0xFF == 1
        security, reparse = self.counted(record["security"]), self.counted(record["reparse"])
        eas = self.object(record["eas"], record["ea_len"], [0]) if record["ea_len"] else b""
        need(record["tag"] == (struct.unpack_from("<I", reparse)[0] if reparse else 0), "the reparse tag")
        says = {"path": path or "/", "id": number, "parent": record["parent"], "directory": directory}
        says |= {"flags": record["flags"], "times": [record[f"t{index}"] for index in range(4)]}
        says |= {"security": security.hex(), "reparse": reparse.hex(), "eas": ea_list(eas), "streams": {}}
        if not directory:
            data, expanded = self.stream(record["data"], record["word"])
            says |= told(data) | {"expanded": expanded}
            if expanded:
                self.check_digests(data, says["eas"])
        if record["streams"]:
            for name, value in self.table(record["streams"], None, 16):
                data, _ = self.stream(*struct.unpack("<QQ", value))
                says["streams"][name] = told(data)
        yield says

    @staticmethod
    def check_digests(file, eas):
        _, holes, signed, _ = executable(file)
        kept, at = b"", 0
        for start, end in sorted(holes):
            kept += file[at:start]
            at = end
        kept += file[at:]
        prefix = "$KERNEL.PURGE.IMAGEHASH."
        found = {name: value for name, value in eas if name.startswith(prefix)}
        expected = {prefix + "SHA256": hashlib.sha256(kept).hexdigest()}
        if not signed:
            expected = {prefix + "SHA1": hashlib.sha1(kept).hexdigest()} | expected
        need(list(found.items()) == list(expected.items()), f"digests of an executable: {found}, not {expected}")

    def check_ids(self):
        for region, (guid, index, kind, data) in enumerate(self.regions):
            name = f"objectid_{guid}_{index}"
            if not os.path.exists(os.path.join(self.directory, name)):
                need(not self.objects.get(region), "a region with objects has object ids")
                continue
            ids = self.file(name)
            need(ids[:8] == b"cimfile0" and ids[12] == 2 and ids[34] == kind, "header of object ids")
            table, count = struct.unpack_from("<II", ids, 40)
            entries = [struct.unpack_from("<Q24sQ", ids, table + 40 * number) for number in range(count)]
            need(entries == sorted(entries, key=lambda entry: entry[:2]), "order of object ids")
            for length, digest, at in entries:
                found = data[at : at + length]
                known = found.ljust(24, b"\0") if length <= 24 else hashlib.sha512(found).digest()[:24]
                need(digest == known, f"digest of {region}:{at:#x}")
            listed = {at: length for length, _, at in entries}
            for at, length in self.objects.get(region, {}).items():
                need(listed.get(at) == length, f"{region}:{at:#x} with {length} bytes is listed: {listed.get(at)}")


def told(data):
    if isinstance(data, int):
        return {"size": data, "sha256": "sparse"}
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def ea_list(data):
    entries = []
    while data:
        step, flags, name_len, value_len = struct.unpack_from("<IBBH", data)
        name = data[8 : 8 + name_len].decode("latin-1")
        value = data[9 + name_len : 9 + name_len + value_len]
        need(data[8 + name_len] == 0 and len(value) == value_len and step % 4 == 0, "extended attributes")
        entries.append((name, value.hex()))
        data = data[step:] if step else b""
    return entries


def executable(file):
    """Returns sections, what a digest leaves out, whether there is a signature, and the length of the image."""
    at, = struct.unpack_from("<I", file, 60)
    need(file[:2] == b"MZ" and file[at : at + 4] == b"PE\0\0", "an expanded file is an executable")
    count, = struct.unpack_from("<H", file, at + 6)
    optional_len, = struct.unpack_from("<H", file, at + 20)
    optional = at + 24
    wide = struct.unpack_from("<H", file, optional)[0] == 0x20B
    image_len, = struct.unpack_from("<I", file, optional + 56)
    entry = optional + (112 if wide else 96) + 4 * 8
    start, length = struct.unpack_from("<II", file, entry)
    holes = [(optional + 64, optional + 68), (entry, entry + 8)]
    if length:
        holes.append((start, start + length))
    headers = (struct.unpack_from("<II", file, optional + optional_len + 40 * number + 16) for number in range(count))
    sections = sorted((offset, size) for size, offset in headers if size and offset)
    return sections, holes, length > 0, image_len


def main():
    sys.setrecursionlimit(10000)
    image = Image(sys.argv[1], sys.argv[2])
    for says in image.walk(image.root, "", set()):
        print(json.dumps(says))
    if "--ids" in sys.argv[3:]:
        image.check_ids()


main()
