"""Prints what an independent reader finds in a hive: a line for each key and value, as hive_oracles.rs prints them.

Usage: hive_oracles.py READER HIVE, where READER is hivex, python-registry or libregf.
"""

import sys

TIMELESS = "-"


def escaped(name):
    units = name.encode("utf-16-le", "surrogatepass")
    found = []
    for low, high in zip(units[::2], units[1::2]):
        unit = high << 8 | low
        plain = 0x20 <= unit <= 0x7E and unit not in (0x22, 0x5C)
        found.append(chr(unit) if plain else "\\u%04x" % unit)
    return "".join(found)


def hivex(file):
    import hivex as library

    hive = library.Hivex(file)

    def visit(node):
        values = [(hive.value_key(value), *hive.value_value(value)) for value in hive.node_values(node)]
        children = [(hive.node_name(child), child) for child in hive.node_children(node)]
        return hive.node_timestamp(node), values, children

    return hive.root(), visit


def python_registry(file):
    from Registry import Registry as library

    def visit(key):
        # The library makes up a name for values without one.
        def name(value):
            return value.name() if value._vkrecord.has_name() else ""

        # It also cuts types down to 16 bits, so that field is read from the record.
        def kind(value):
            return value._vkrecord.unpack_dword(12)

        values = [(name(value), kind(value), value.raw_data()) for value in key.values()]
        return TIMELESS, values, [(child.name(), child) for child in key.subkeys()]

    return library.Registry(file).root(), visit


def libregf(file):
    import pyregf as library

    hive = library.file()
    hive.open(file)

    def visit(key):
        values = [(value.name or "", value.type, value.data or b"") for value in key.values]
        children = [(child.name, child) for child in key.sub_keys]
        return key.get_last_written_time_as_integer(), values, children

    visit.hive = hive
    return hive.get_root_key(), visit


def main(reader, file):
    root, visit = {"hivex": hivex, "python-registry": python_registry, "libregf": libregf}[reader](file)
    pending = [("", root)]
    while pending:
        path, key = pending.pop()
        time, values, children = visit(key)
        print("key", "[%s]" % path, time)
        for name, kind, data in values:
            print("value", "[%s]" % path, '"%s"' % escaped(name), "%x" % (kind & 0xFFFFFFFF), bytes(data).hex())
        pending.extend((path + "\\" + escaped(name), child) for name, child in children)


main(*sys.argv[1:])
