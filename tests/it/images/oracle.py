#!/usr/bin/env python3
"""Applies the layers of an OCI layout to each other, and says what the result is.

It shares nothing with cimsnap but the standards: tars are read by the standard library, and the rules are those of
docs/layers.md. For each path it prints a line of two columns: the path in hexadecimal, and what is there.
Understands what tests/make_image writes, with gzip or plain.
"""

import base64
import collections
import gzip
import hashlib
import json
import pathlib
import stat
import struct
import sys
import tarfile

EPOCH = 116_444_736_000_000_000
NO_SECURITY = bytes.fromhex("01000480" + "00" * 16)
CONFIG = "Files/Windows/System32/config"
HIVES = {"SYSTEM": "SYSTEM", "SOFTWARE": "SOFTWARE", "SAM": "SAM", "SECURITY": "SECURITY", "DEFAULT": "DEFAULTUSER"}
MODES = {
    tarfile.REGTYPE: stat.S_IFREG, tarfile.AREGTYPE: stat.S_IFREG, tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.SYMTYPE: stat.S_IFLNK, tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK,
    tarfile.FIFOTYPE: stat.S_IFIFO,
}


def raw(text):
    """The bytes that tarfile made text of."""
    return text.encode("utf-8", "surrogateescape")


class Node:
    """A file, under all its names, or a directory with its children by their folded names."""

    def __init__(self, facts, is_directory=False, target=None):
        self.undecided = None
        self.facts, self.target = facts, target
        self.children = {} if is_directory else None


def ticks(text):
    """Ticks of 100 ns since 1601, from seconds with a fraction."""
    whole, _, fraction = text.partition(".")
    return EPOCH + int(whole) * 10_000_000 + int(fraction.ljust(7, "0")[:7])


def times(entry):
    records = entry.pax_headers
    written = ticks(records.get("mtime", str(int(entry.mtime))))
    other = [ticks(records[key]) if key in records else written for key in ("LIBARCHIVE.creationtime", "ctime", "atime")]
    return f"{other[0]},{written},{other[1]},{other[2]}"


def own_times(entry):
    """Those of a directory that is made for an entry: all are when that was last written."""
    return ",".join([times(entry).split(",")[1]] * 4)


def content(data):
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"


class Linux:
    """Case counts; links on the way of a path are followed."""

    def fold(self, name):
        return name

    def root(self):
        return self.implied(EPOCH_TIMES)

    def implied(self, when):
        return Node(f"mode={stat.S_IFDIR | 0o755:o} owner=0:0 times={when}", True)

    def path(self, entry):
        return [name for name in raw(entry.name).split(b"/") if name not in (b"", b".")]

    target_path = staticmethod(lambda text: [name for name in raw(text).split(b"/") if name])

    def node(self, entry, data):
        kind = MODES[entry.type]
        permissions = 0o777 if entry.issym() else entry.mode & 0o7777
        facts = f"mode={kind | permissions:o} owner={entry.uid}:{entry.gid} times={times(entry)}"
        if entry.isdev() and not entry.isfifo():
            facts += f" device={entry.devmajor}:{entry.devminor}"
        if entry.issym():
            facts += f" target={raw(entry.linkname).hex()}"
        if entry.isreg():
            facts += f" data={content(data)}"
        prefix = "SCHILY.xattr."
        found = {raw(key[len(prefix):]): raw(value) for key, value in entry.pax_headers.items() if key.startswith(prefix)}
        for key, value in sorted(found.items()):
            facts += f" {key.decode()}={value.hex()}"
        return Node(facts, entry.isdir(), raw(entry.linkname) if entry.issym() else None)

    def complete(self, tree, is_base, names):
        pass


class Windows:
    """Case does not count."""

    def fold(self, name):
        return "".join(self.upper(c) for c in name.decode("utf-8", "surrogatepass")).encode("utf-8", "surrogatepass")

    @staticmethod
    def upper(c):
        # Names are folded by units of UTF-16, so what takes two of them has no case.
        if ord(c) > 0xFFFF:
            return c
        upper = c.upper()
        return upper if len(upper) == 1 and upper.lower() == c else c

    def root(self):
        return Node("root", True)

    def implied(self, when):
        return Node(windows_facts(0x10, when), True)

    def path(self, entry):
        return [name for name in raw(entry.name).replace(b"\\", b"/").split(b"/") if name not in (b"", b".")]

    def target_path(self, text):
        path = [name for name in raw(text).replace(b"\\", b"/").split(b"/") if name]
        return path if path[0].lower() in (b"files", b"utilityvm") else [b"Files", *path]

    def node(self, entry, data):
        records = entry.pax_headers
        attributes = int(records.get("MSWINDOWS.fileattr", 0))
        reparse = reparse_data(entry) if entry.issym() else None
        if not entry.issym():
            attributes = attributes & ~0x10 | (0x10 if entry.isdir() else 0)
        attributes = attributes & ~0x400 | (0x400 if reparse else 0)
        security = NO_SECURITY
        if "MSWINDOWS.rawsd" in records:
            security = base64.b64decode(records["MSWINDOWS.rawsd"], validate=True)
        elif "MSWINDOWS.sd" in records:
            security = descriptor(records["MSWINDOWS.sd"])
        prefix = "MSWINDOWS.xattr."
        eas = {key[len(prefix):]: base64.b64decode(value) for key, value in records.items() if key.startswith(prefix)}
        is_directory = bool(attributes & 0x10)
        facts = windows_facts(attributes, times(entry), security, ea_list(eas), reparse)
        if not is_directory:
            facts += f" data={content(data)}"
        node = Node(facts, entry.isdir())
        if entry.issym() and not attributes & KEPT_ATTRIBUTES & ~0x400:
            node.undecided = entry.linkname
        return node

    def decide(self, tree):
        """A link that does not say what it leads to leads to a directory if that is what is there."""
        for path, node in list(tree.walk()):
            link, node.undecided = node.undecided, None
            target = link and self.leads_to(path, link)
            found = target and tree.find(target)
            if found and found.children is not None:
                node.facts = node.facts.replace("attributes=0x400", "attributes=0x410").split(" data=")[0]

    @staticmethod
    def leads_to(path, link):
        parts = raw(link).replace(b"\\", b"/").split(b"/")
        drive = path.split(b"/")[1:2]
        at = path.split(b"/")[1:-1]
        if parts[0].lower() == b"c:":
            at, parts = drive, parts[1:]
        for part in parts:
            if part == b"..":
                at = at[:-1] or drive
            elif part not in (b"", b"."):
                at = [*at, part]
        return at

    def complete(self, tree, is_base, names):
        """Adds what an import adds: links to hives, and a file that says so. Merged hives stay as they may be."""
        self.decide(tree)
        hives = tree.directory([b"Hives"], NO_TIMES)
        for live, stem in HIVES.items():
            name = f"{stem}_BASE".encode()
            if is_base:
                hives.children[name] = (name, tree.find(f"{CONFIG}/{live}".encode().split(b"/")))
            elif f"HIVES/{stem}_DELTA".encode() in names:
                hives.children[name] = (name, Node(windows_facts(0x80, NO_TIMES) + " data=merged"))
        if is_base:
            layout = Node(windows_facts(0x80, NO_TIMES) + f" data={content(b'vhd-with-hives' + bytes([10]))}")
            tree.root.children[b"LAYOUT"] = (b"layout", layout)


NO_TIMES = "0,0,0,0"
EPOCH_TIMES = ",".join([str(EPOCH)] * 4)

# Read only, hidden, system, directory, archive, sparse, reparse point: others have no place in an image.
KEPT_ATTRIBUTES = 0x637
NORMAL = 0x80


def windows_facts(attributes, when, security=NO_SECURITY, eas=b"", reparse=None):
    attributes = attributes & KEPT_ATTRIBUTES or NORMAL
    facts = f"attributes={attributes:#x} times={when} security={security.hex()}"
    facts += f" eas={eas.hex()}" if eas else ""
    return facts + (f" reparse={reparse.hex()}" if reparse else "")


def ea_list(eas):
    """A FILE_FULL_EA_INFORMATION list."""
    out = b""
    names = sorted(eas, key=lambda name: (name.upper(), name))
    for index, name in enumerate(names):
        body = struct.pack("<BBH", 0, len(name), len(eas[name])) + name.encode() + b"\0" + eas[name]
        body += b"\0" * (-len(body) % 4)
        out += struct.pack("<I", 0 if index == len(names) - 1 else len(body) + 4) + body
    return out


def reparse_data(entry):
    shown = raw(entry.linkname).decode().replace("/", "\\")
    relative = False
    if shown.startswith("\\\\?\\"):
        real = "\\??\\" + shown[4:]
    elif shown.startswith("\\\\"):
        real = "\\??\\UNC\\" + shown[2:]
    elif shown[1:2] == ":":
        real = "\\??\\" + shown
    else:
        real, relative = shown, True
    real, shown = real.encode("utf-16-le"), shown.encode("utf-16-le")
    names = struct.pack("<HHHH", 0, len(real), len(real) + 2, len(shown))
    buffer = real + b"\0\0" + shown + b"\0\0"
    if entry.pax_headers.get("MSWINDOWS.mountpoint"):
        return struct.pack("<IHH", 0xA0000003, len(names) + len(buffer), 0) + names + buffer
    flags = struct.pack("<I", relative)
    return struct.pack("<IHH", 0xA000000C, len(names) + 4 + len(buffer), 0) + names + flags + buffer


ALIASES = {"SY": "S-1-5-18", "BA": "S-1-5-32-544", "BU": "S-1-5-32-545", "WD": "S-1-1-0"}
ACE_FLAGS = {"OI": 1, "CI": 2, "NP": 4, "IO": 8, "ID": 16}
ACL_FLAGS = {"P": 0x1000, "AI": 0x400}


def descriptor(text):
    """A self-relative descriptor of what little the generator says: owner, group and a list of entries."""
    owner, rest = text.removeprefix("O:").split("G:")
    group, rest = rest.split("D:")
    words, *entries = rest.split("(")
    control, entries = 0x8004, [entry.rstrip(")").split(";") for entry in entries]
    while words:
        word = next(word for word in ACL_FLAGS if words.startswith(word))
        control, words = control | ACL_FLAGS[word], words[len(word):]
    owner, group, entries = sid(owner), sid(group), b"".join(map(ace, entries))
    count = text.count("(")
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(entries), count, 0) + entries
    offsets = (20, 20 + len(owner), 0, 20 + len(owner) + len(group))
    return struct.pack("<BBHIIII", 1, 0, control, *offsets) + owner + group + acl


def sid(text):
    _, revision, authority, *subs = ALIASES.get(text, text).split("-")
    return struct.pack("BB", int(revision), len(subs)) + int(authority).to_bytes(6, "big") + b"".join(
        struct.pack("<I", int(sub)) for sub in subs)


def ace(fields):
    kind, flags, rights, _, _, who = fields
    bits = sum(ACE_FLAGS[flags[at:at + 2]] for at in range(0, len(flags), 2))
    who, mask = sid(who), 0x1F01FF if rights == "FA" else int(rights, 16)
    return struct.pack("<BBHI", {"A": 0, "D": 1}[kind], bits, 8 + len(who), mask) + who


class Tree:
    def __init__(self, system):
        self.system, self.root = system, system.root()

    def find(self, path):
        """The node of a path, or none."""
        directory = self.parent(path)
        if not path:
            return self.root
        found = directory and directory.children and directory.children.get(self.system.fold(path[-1]))
        return found[1] if found else None

    def parent(self, path, when=None):
        """The directory of a path, through links on the way. With a time, what is missing is made."""
        at, pending, hops = [self.root], list(path[:-1]), 0
        while pending:
            name = pending.pop(0)
            if name in (b".", b""):
                continue
            if name == b"..":
                at = at[:-1] or at
                continue
            key = self.system.fold(name)
            _, node = at[-1].children.get(key, (None, None))
            if node is not None and node.target is not None:
                hops += 1
                assert hops < 256
                at = at[:1] if node.target.startswith(b"/") else at
                pending = node.target.split(b"/") + pending
                continue
            if node is None or node.children is None:
                if when is None:
                    return None
                node = self.system.implied(when)
                at[-1].children[key] = (name, node)
            at.append(node)
        return at[-1]

    def directory(self, path, when):
        return self.parent([*path, b""], when)

    def put(self, path, node, when):
        if not path:
            node.children = self.root.children
            self.root = node
            return
        children = self.parent(path, when).children
        key = self.system.fold(path[-1])
        old = children.get(key, (None, None))[1]
        if node.children is not None and old is not None and old.children is not None:
            node.children = old.children
        children[key] = (path[-1], node)

    def delete(self, path):
        directory = self.parent(path)
        if directory is not None and directory.children is not None:
            directory.children.pop(self.system.fold(path[-1]), None)

    def empty(self, path):
        node = self.parent([*path, b""])
        if node is not None and node.children is not None:
            node.children = {}

    def apply(self, tar, is_base):
        additions, links, last, names = [], [], None, set()
        for entry in tar:
            path = self.system.path(entry)
            name = path[-1] if path else b""
            if name == b".wh..wh..opq":
                self.empty(path[:-1])
            elif name.startswith(b".wh."):
                self.delete([*path[:-1], name[4:]])
            elif isinstance(self.system, Windows) and b":" in name:
                owner, stream = name.split(b":", 1)
                assert [*path[:-1], owner] == last[0], "a stream follows its owner"
                stream = stream.removesuffix(b":$DATA")
                data = tar.extractfile(entry).read()
                last[1].facts += f" stream:{stream.hex()}={content(data)}"
            elif entry.islnk():
                links.append((path, self.system.target_path(entry.linkname)))
                additions.append((path, None, own_times(entry)))
            else:
                data = tar.extractfile(entry).read() if entry.isreg() else b""
                last = (path, self.system.node(entry, data))
                additions.append((*last, own_times(entry)))
                names.add(b"/".join(path).upper())
        for path, node, when in additions:
            if node is None:
                # Links come later, but the directories that lead to them take their turn.
                self.parent(path, when)
            else:
                self.put(path, node, when)
        while links:
            pending = {self.system.fold(b"/".join(path)) for path, _ in links}
            ready = [link for link in links if self.system.fold(b"/".join(link[1])) not in pending]
            assert ready, "links lead to each other"
            for link in ready:
                links.remove(link)
                path, target = link
                node = self.find(target)
                assert node is not None, (path, target)
                self.put(path, node, NO_TIMES)
        self.system.complete(self, is_base, names)

    def walk(self, node=None, path=b""):
        node = node or self.root
        yield path, node
        for name, child in (node.children or {}).values():
            yield from self.walk(child, path + b"/" + name)

    def show(self):
        found = list(self.walk())
        names = collections.defaultdict(list)
        for path, node in found:
            names[id(node)].append(path)
        for path, node in sorted(found, key=lambda pair: pair[0]):
            group = sorted(names[id(node)])
            head, *streams = node.facts.split(" stream:")
            facts = " stream:".join([head, *sorted(streams)])
            print(path.hex(), facts + (f" as {group[0].hex()}" if len(group) > 1 else ""), sep="\t")


def main(layout):
    def document(descriptor):
        return json.loads(blob(layout, descriptor).read_text())

    manifest = document(json.loads((layout / "index.json").read_text())["manifests"][0])
    config = document(manifest["config"])
    tree = Tree(Windows() if config["os"] == "windows" else Linux())
    for index, layer in enumerate(manifest["layers"]):
        path = blob(layout, layer)
        opened = gzip.open(path) if layer["mediaType"].endswith("gzip") else path.open("rb")
        with opened, tarfile.open(fileobj=opened, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
            tree.apply(tar, index == 0)
    tree.show()


def blob(layout, descriptor):
    return layout / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")


main(pathlib.Path(sys.argv[1]))
