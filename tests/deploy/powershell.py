#!/usr/bin/env python3
"""Reads the scripts of PowerShell that are named, all of one program, and prints what is wrong with them.

No PowerShell is needed. What Set-StrictMode would find while they run is looked for as well: names that nobody set, functions
and parameters that are not there.
"""

import re
import sys
from pathlib import Path

import tree_sitter
import tree_sitter_powershell

VERBS = set(
    """add assert clear close compare complete confirm connect convert convertfrom convertto copy disable disconnect enable
    enter exit expand export find format get hide import initialize install invoke join limit measure merge mount move new
    open optimize out pop publish push read receive register remove rename repair request reset resolve restart restore
    resume revoke save search select send set show skip start step stop submit suspend switch sync test trace unblock undo
    uninstall unlock unprotect unpublish unregister update use wait watch write""".split()
)

# Cmdlets of Windows PowerShell 5.1, with the parameters that are used of them.
CMDLETS = {
    "add-mppreference": "exclusionpath exclusionprocess",
    "add-type": "typedefinition",
    "copy-item": "literalpath destination force",
    "get-childitem": "literalpath directory",
    "get-command": "name erroraction",
    "get-content": "raw encoding literalpath",
    "get-date": "format",
    "get-filehash": "literalpath",
    "get-itemproperty": "literalpath",
    "get-service": "name erroraction",
    "join-path": "",
    "new-item": "itemtype force path",
    "new-object": "",
    "out-null": "",
    "remove-item": "literalpath recurse force",
    "remove-mppreference": "exclusionpath exclusionprocess",
    "restart-service": "name force",
    "select-string": "literalpath pattern simplematch quiet",
    "set-strictmode": "version",
    "sort-object": "property",
    "split-path": "parent",
    "start-process": "nonewwindow wait passthru filepath argumentlist redirectstandardoutput",
    "start-service": "name",
    "stop-service": "name force",
    "test-path": "literalpath",
    "write-output": "",
    "write-warning": "",
}

# Those that change the node. Whoever calls them asks first, so that -WhatIf changes nothing.
CHANGING = {
    "add-mppreference", "copy-item", "new-item", "remove-item", "remove-mppreference", "restart-service", "start-service",
    "stop-service",
}  # fmt: skip

AUTOMATIC = set("_ args erroractionpreference false lastexitcode matches null pscmdlet psscriptroot pwd true".split())

# Came after Windows PowerShell 5.1.
NEWER = {"&&", "||", "??", "??=", "?.", "?["}


def walk(node):
    yield node
    for child in node.children:
        yield from walk(child)


def text(node):
    return node.text.decode()


def nodes(root, *types):
    return [node for node in walk(root) if node.type in types]


def variable(node):
    """The name of a variable, without its scope; None if it is one of the environment."""
    name = re.sub(r"^[$@]\{?|\}$", "", text(node)).lower()
    scope, _, rest = name.rpartition(":")
    return None if scope == "env" else rest


def parameters(node):
    declared = nodes(node, "script_parameter")
    return {variable(child) for p in declared for child in p.children if child.type == "variable"}


class Function:
    def __init__(self, node):
        self.node = node
        self.name = text(nodes(node, "function_name")[0])
        self.parameters = parameters(node)
        self.asks = ".ShouldProcess(" in text(node)
        self.can_ask = "SupportsShouldProcess = $true" in text(node)


class Script:
    def __init__(self, parser, path):
        self.path = path
        self.root = parser.parse(path.read_bytes()).root_node
        self.functions = [Function(node) for node in nodes(self.root, "function_statement")]
        self.parameters = parameters(self.root)

    def outside(self):
        """All that stands in no function."""
        spans = [range(f.node.start_byte, f.node.end_byte) for f in self.functions]
        return [node for node in walk(self.root) if not any(node.start_byte in span for span in spans)]

    def at(self, node, fault):
        return f"{self.path.name}:{node.start_point[0] + 1}: {fault}"


def assigned(region):
    """Names that get a value: by =, and by foreach."""
    names = set()
    for node in region:
        if node.type == "assignment_expression":
            names |= {variable(v) for v in nodes(node.children[0], "variable")}
        if node.type == "foreach_statement":
            names.add(variable(nodes(node, "variable")[0]))
    return names


def grammar(script):
    if not script.root.text.isascii():
        yield script.at(script.root, "is not ASCII, which Windows PowerShell would read in the encoding of the node")
    for node in walk(script.root):
        if node.is_error or node.is_missing:
            yield script.at(node, f"is no PowerShell: {text(node)[:60]!r}")
        elif not node.is_named and node.type in NEWER:
            yield script.at(node, f"{node.type} is not in Windows PowerShell 5.1")


def names(script):
    for function in script.functions:
        verb, _, noun = function.name.partition("-")
        if verb.lower() not in VERBS or not re.fullmatch(r"[A-Z][A-Za-z]+", noun):
            yield script.at(function.node, f"{function.name} is no approved verb with a noun")
    if not any(text(node).lower().startswith("set-strictmode") for node in nodes(script.root, "command")):
        yield script.at(script.root, "Set-StrictMode is missing")


def changes(script):
    for function in script.functions:
        called = {text(node).lower() for node in nodes(function.node, "command_name")}
        if called & CHANGING and not function.asks:
            yield script.at(function.node, f"{function.name} changes the node without ShouldProcess")
        if function.asks != function.can_ask:
            yield script.at(function.node, f"{function.name} declares or calls ShouldProcess, but not both")


def calls(script, known):
    for command in nodes(script.root, "command"):
        name = next((text(child) for child in command.children if child.type == "command_name"), None)
        if name is None:
            continue
        if name.lower() not in known:
            yield script.at(command, f"{name} is neither a function nor a known cmdlet; aliases are not used")
            continue
        for parameter in own_parameters(command):
            if parameter not in known[name.lower()]:
                yield script.at(command, f"{name} has no -{parameter}")


def own_parameters(command):
    for elements in (child for child in command.children if child.type == "command_elements"):
        for element in elements.children:
            if element.type == "command_parameter":
                yield text(element).strip("-:").lower()


def variables(script, shared):
    regions = [(list(walk(f.node)), f.parameters) for f in script.functions] + [(script.outside(), script.parameters)]
    for region, parameters in regions:
        there = parameters | assigned(region) | shared | AUTOMATIC
        for node in region:
            if node.type == "variable" and variable(node) not in there | {None}:
                yield script.at(node, f"{text(node)} has no value")


def check(paths):
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    scripts = [Script(parser, Path(path)) for path in paths]
    known = {name: set(parameters.split()) for name, parameters in CMDLETS.items()}
    for function in (f for script in scripts for f in script.functions):
        common = {"whatif", "confirm"} if function.can_ask else set()
        known[function.name.lower()] = function.parameters | common
    # What stands outside of functions is seen by all of them.
    shared = set().union(*(script.parameters | assigned(script.outside()) for script in scripts))
    for script in scripts:
        for rule in (grammar, names, changes):
            yield from rule(script)
        yield from calls(script, known)
        yield from variables(script, shared)


if __name__ == "__main__":
    faults = list(check(sys.argv[1:]))
    print("\n".join(faults))
    sys.exit(1 if faults else 0)
