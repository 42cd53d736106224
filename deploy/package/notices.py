"""Prints the licences of the crates that the program for a system is made of: `notices.py TARGET`."""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

LICENCE = re.compile(r"(un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)
RULE = "=" * 100


def metadata(target):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def linked(told):
    """Returns the packages that are not only needed while the program is built, but for the program itself."""
    packages = {package["id"]: package for package in told["packages"]}
    needs = {node["id"]: node["deps"] for node in told["resolve"]["nodes"]}
    root = told["resolve"]["root"]
    found, left = set(), [root]
    while left:
        package = left.pop()
        if package not in found:
            found.add(package)
            left += [need["pkg"] for need in needs[package] if any(kind["kind"] is None for kind in need["dep_kinds"])]
    return sorted((packages[package] for package in found - {root}), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """Returns the licences that lie in a package, also those of what it has from others. One without has to be ours."""
    directory = Path(package["manifest_path"]).parent
    near = [*directory.glob("*"), *directory.glob("*/*")]
    files = sorted(path for path in near if path.is_file() and LICENCE.match(path.name) and path.suffix not in (".rs", ".html"))
    # zstd may be had under the GPL as well, which is not how we have it.
    files = [path for path in files if path.name != "COPYING" or not path.with_name("LICENSE").exists()]
    if not files and package["license"] == "Apache-2.0":
        files = [Path("LICENSE")]
    if not files:
        sys.exit(f"{package['name']} {package['version']} has no text of its licence, {package['license']}")
    return [path.read_text(encoding="utf-8", errors="replace").strip() for path in files]


def main():
    holders = defaultdict(list)
    for package in linked(metadata(sys.argv[1])):
        for text in texts(package):
            holders[" ".join(text.split())].append((package, text))
    print("The program has parts of these crates, and of the standard library of Rust (MIT OR Apache-2.0).")
    for told in sorted(holders.values(), key=lambda told: (told[0][0]["name"], told[0][1])):
        names = dict.fromkeys(f"{package['name']} {package['version']} ({package['license']})" for package, _ in told)
        print(f"\n{RULE}\n", *names, "", told[0][1], sep="\n")


main()
