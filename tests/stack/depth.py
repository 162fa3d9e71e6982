#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The deepest stack that each public function of the library needs, without what the port's own
functions need.

    tests/stack/depth.py DIR            DIR/ARCH/obj holds what gcc -fcallgraph-info=su,da left

It fails above BOUND bytes, on recursion, on a frame of no fixed size, on a call of a function that is
neither the library's nor one that compilers expect of everybody, and on a call through a pointer that
INDIRECT does not know.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ARCHS = ("aarch64", "riscv64", "x86_64")
# Of a stack of 4 KiB, the smallest that hypervisors have, this leaves a half to the port, the backend
# and the interrupts.
BOUND = 2048
SMALL = 64
EXTERNAL = {"memcpy", "memset", "memmove"}
# Calls through pointers: how the source of the call looks, and the functions that it may reach. None:
# they are the port's or the caller's.
INDIRECT = (
    (r"format->encode\(", r"arch/.*:encode"),
    (r"format->decode\(", r"arch/.*:decode"),
    (r"format->registers\(", r"arch/.*:registers"),
    (r"\bnext\(source", r".*:next_leaf"),
    (r"\bvisit\(context", r".*:release_page"),
    (r"= locked\(as, change", r".*addrspace\.c:(map|unmap|protect)_locked"),
    (r"_api\(\)->|\b(memory|vmm|time)->|ops->(fault|release)\(|\bdealloc\(ax_hpa|\balloc_frame\(\)|guard->relax\(|->print\(", None),
)

NODE = re.compile(r'node: { title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'edge: { sourcename: "([^"]+)" targetname: "([^"]+)" label: "([^"]*)"')
FRAME = re.compile(r"(\d+) bytes \((static|dynamic|dynamic,bounded)\)")


class Graph:
    """The functions of one architecture's library."""

    def __init__(self, folder):
        self.frames = {}
        self.calls = {}
        indirect = []
        for path in sorted(folder.glob("**/*.ci")):
            text = path.read_text()
            for title, label in NODE.findall(text):
                frame = FRAME.search(label)
                if frame and frame.group(2) == "dynamic":
                    sys.exit(f"{title}: its frame has no fixed size")
                if frame:
                    self.frames[title] = int(frame.group(1))
            for caller, callee, place in EDGE.findall(text):
                if callee == "__indirect_call":
                    indirect.append((caller, place))
                else:
                    self.calls.setdefault(caller, set()).add(callee)
        for caller, place in indirect:
            self.calls.setdefault(caller, set()).update(self.behind_pointer(place))

    def behind_pointer(self, place):
        name, line = place.split(":")[:2]
        source = (ROOT / name).read_text().splitlines()[int(line) - 1]
        for call, target in INDIRECT:
            if re.search(call, source):
                return [title for title in self.frames if target and re.fullmatch(target, title)]
        sys.exit(f"{place}: whom does this call? {source.strip()}")

    def deepest(self, function, path=()):
        """(bytes, the functions on the way) below and with a function."""
        if function in path:
            sys.exit("recursion: " + " ".join((*path, function)))
        if function not in self.frames:
            if function not in EXTERNAL:
                sys.exit(f"{function}, called by {path[-1]}, is not the library's")
            return 0, ()
        callees = self.calls.get(function, ())
        below = max((self.deepest(callee, (*path, function)) for callee in callees), default=(0, ()))
        return self.frames[function] + below[0], (function, *below[1])


def public_functions():
    text = "".join(path.read_text() for path in sorted((ROOT / "include/axvisor").glob("*.h")))
    return set(re.findall(r"\b(ax_\w+)\(", text))


def main():
    folder = Path(sys.argv[1])
    graphs = {arch: Graph(folder / arch / "obj") for arch in ARCHS}
    depths = {}
    for name in sorted(public_functions()):
        depth = {arch: graph.deepest(name) for arch, graph in graphs.items() if name in graph.frames}
        if depth:
            depths[name] = depth
    print(f"{'bytes of stack':40}" + "".join(f"{arch:>9}" for arch in ARCHS))
    deepest_first = sorted(depths.items(), key=lambda item: -max(item[1].values())[0])
    small = [name for name, depth in deepest_first if max(depth.values())[0] <= SMALL]
    for name, depth in deepest_first[: -len(small)]:
        columns = (str(depth[arch][0]) if arch in depth else "-" for arch in ARCHS)
        print(f"{name:40}" + "".join(f"{column:>9}" for column in columns))
    print(f"{f'the other {len(small)}: no more than':40}" + f"{SMALL:9}" * len(ARCHS))
    most, arch, way = max((depth[0], arch, depth[1]) for d in depths.values() for arch, depth in d.items())
    print(f"most: {most} bytes, bound {BOUND}; {arch}: " + " > ".join(way))
    return 1 if most > BOUND else 0


if __name__ == "__main__":
    sys.exit(main())
