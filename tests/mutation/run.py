#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts small faults into the library, one at a time, and sees whether a test notices.

    tests/mutation/run.py [--out DIR] [--again] [--slow] [--first] [--every N] [FILE...]

FILE: of src/ or arch/, default all. --again: only what survived the last time. --slow: with the test
programs too that take longer than SLOW seconds. For a first look, --first: the first of the ROUNDS alone,
in which nearly all are found, as what survives costs most; --every: only each N-th mutant.

A mutant counts when it compiles to another object than the source does, and than the mutants before
it do. It meets the test programs that execute its line (tests/coverage/measure.sh says which), those
first that noticed most before it, until one fails or runs out of time. What no program notices has survived; the file
survivors lists those that cannot be noticed, with the reason. The run fails when another one has
survived, and when a listed one has not.

DIR (build/mutation) gets a copy of the tree, in which everything happens, and results.tsv.
"""

import argparse
import glob
import hashlib
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import operators

ROOT = Path(__file__).resolve().parents[2]
CC = "clang-19"
AR = "llvm-ar-19"
OBJCOPY = "llvm-objcopy-19"
CFLAGS = "-O1 -g0 -w"
SLOW = 4
# Rounds in which the programs meet a mutant: with one configuration and without the model of the TLB
# (tests/support) nine in ten are found in a hundredth of the time.
QUICK = {"AX_TLB_MODEL": "off", "AX_FORMAT": "stage 2, 40 bits"}
ROUNDS = (QUICK, {"AX_TLB_MODEL": "off"}, {})
FORMATS = {"ept.c": "EPT", "npt.c": "NPT", "gstage.c": "Sv"}
PATIENCE = 1200
# How the summary of a good run of cmocka's begins, which goes the same way as errors do.
PASSED = b"[  PASSED  ]"
# Of memory, for a mutant that allocates without end. The mock port's RAM takes 3 GiB of it.
ADDRESS_SPACE = 8 << 30


def limit(seconds):
    """For the child: a process group of its own, and bounds that no sound test meets."""
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def passes(command, cwd, seconds, environment=None):
    """Whether a command ends well, within seconds of CPU time, and prints no error until then.

    A test program that found something goes on with its other tests: the first word of an error is
    enough, and ends it.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: limit(seconds),
    )
    # One that waits for ever uses no CPU time; one that has to wait for a CPU does not fail by that.
    quiet = select.select([process.stderr], [], [], PATIENCE)[0]
    good = bool(quiet) and process.stderr.read(len(PASSED)) in (b"", PASSED)
    if not good:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.stderr.close()
    return process.wait() == 0 and good


class Tree:
    """The copy of the tree, its objects and its test programs."""

    def __init__(self, out, rounds):
        self.rounds = rounds
        self.path = out / "tree"
        self.build = self.path / "build" / "host"
        self.path.mkdir(parents=True, exist_ok=True)
        for name in ("include", "src", "arch", "tests"):
            shutil.rmtree(self.path / name, ignore_errors=True)
            shutil.copytree(ROOT / name, self.path / name)
        shutil.copy2(ROOT / "Makefile", self.path)
        # A run that was killed has left a mutant's objects.
        shutil.rmtree(self.build / "hooked", ignore_errors=True)
        self.make("programs")
        self.library = self.build / "hooked/libaxaddrspace.a"
        self.joined = []
        self.whole = set()
        self.programs = self.time_programs()
        self.join()

    def make(self, goal):
        command = ["make", "ARCH=host", f"CC={CC}", f"AR={AR}", f"CFLAGS={CFLAGS}", goal]
        subprocess.run(command, cwd=self.path, check=True, stdout=subprocess.DEVNULL)

    def time_programs(self):
        """The CPU seconds of each program, quickest first. Without a mutant all of them pass."""
        seconds = {}
        for source in sorted(glob.glob(str(self.path / "tests/*/test_*.c"))):
            name = os.path.relpath(source, self.path / "tests")[: -len(".c")]
            program = str(self.build / "tests" / name)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            if not passes([program], self.path, 600, self.rounds[-1]):
                self.whole.add(name)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds[name] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            # Tests of the model itself need it, and some need their configuration.
            formats = ({**QUICK, "AX_FORMAT": text} for text in FORMATS.values())
            for environment in (*self.rounds[:-1], *formats):
                if not passes([program], self.path, 600, environment):
                    self.whole.add(name)
            if name in self.whole and not (self.rounds[-1] or passes([program], self.path, 600)):
                sys.exit(f"{name} fails without a mutant")
        return dict(sorted(seconds.items(), key=lambda item: item[1]))

    def join(self):
        """Join the programs that can share one into one, which is linked once for a mutant.

        One that misses what others have, or defines what others define, stays by itself.
        """
        folder = self.build / "joined"
        folder.mkdir(exist_ok=True)
        for name in self.programs:
            if name.startswith("instructions/"):
                continue
            main = "main_of_" + os.path.basename(name)
            command = [OBJCOPY, f"--redefine-sym=main={main}", "--keep-global-symbol=main"]
            command += [str(self.build / "tests" / f"{name}.o"), str(folder / f"{main}.o")]
            subprocess.run(command, check=True)
            self.joined.append(name)
        source = folder / "main.c"
        rows = [(name, "main_of_" + os.path.basename(name)) for name in self.joined]
        source.write_text(
            "#include <string.h>\n"
            + "".join(f"int {main}(void);\n" for _, main in rows)
            + "int main(int argc, char **argv)\n{\n\t(void)argc;\n"
            + "".join(f'\tif (strcmp(argv[1], "{name}") == 0)\n\t\treturn {main}();\n' for name, main in rows)
            + "\treturn 2;\n}\n"
        )
        subprocess.run([CC, "-c", "-o", str(folder / "main.o"), str(source)], check=True)
        program = self.link_joined([])
        for name in list(self.joined):
            own = self.rounds[-1] if name not in self.whole else {}
            if not program or not passes([program, name], self.path, 600, own):
                self.joined.remove(name)

    def dependents(self, file):
        """Objects, of the library and of the test programs, that are made from a file."""
        wanted = os.path.realpath(self.path / file)
        found = []
        folders = ("hooked", "instructions", "tests")
        for dependency in sorted(path for name in folders for path in self.build.glob(f"{name}/**/*.d")):
            names = dependency.read_text().split(":")[1].replace("\\\n", " ").split()
            if any(os.path.realpath(self.path / name) == wanted for name in names):
                found.append(dependency.with_suffix(".o"))
        return found

    def source_of(self, object_file):
        name = os.path.relpath(object_file, self.build)
        return name.removeprefix("hooked/").removeprefix("instructions/")[: -len(".o")] + ".c"

    def compile(self, object_file):
        """Make an object again. Returns its digest, or None when it does not compile."""
        source = self.source_of(object_file)
        flags = ["-std=gnu11", "-Iinclude", "-Isrc", "-Itests/support", "-Itests/reference"]
        command = [CC, *flags, *CFLAGS.split(), "-fno-delete-null-pointer-checks", "-DAX_HOST_HOOKS"]
        if self.build / "instructions" in object_file.parents:
            good = self.compile_instructions(command, object_file, source)
        else:
            good = passes([*command, "-c", "-o", str(object_file), source], self.path, 60)
        if not good:
            return None
        return hashlib.sha256(object_file.read_bytes()).hexdigest()

    def compile_instructions(self, command, object_file, source):
        """As tests/tests.mk does for tests/instructions."""
        before, after = object_file.with_suffix(".S"), object_file.with_suffix(".s")
        flags = ["-fno-integrated-as", "-mno-red-zone", "-mgeneral-regs-only", "-UAX_HOST_HOOKS"]
        if not passes([*command, *flags, "-S", "-o", str(before), source], self.path, 60):
            return False
        with after.open("w") as out:
            subprocess.run(["awk", "-f", "tests/instructions/trap.awk", str(before)], cwd=self.path, stdout=out)
        return passes([CC, "-c", "-o", str(object_file), str(after)], self.path, 60)

    def link_with(self, program, whole, objects):
        """A program with objects in the place of the library's own, or None when it does not link."""
        tests = self.build / "tests"
        # As members of an archive are: only where a program asks for what is in them.
        mine = [str(path) for path in objects if self.build / "hooked" in path.parents]
        mine = ["-Wl,--start-lib", *mine, "-Wl,--end-lib"]
        support = [str(tests / "libsupport.a"), str(self.library), str(tests / "libsupport.a")]
        command = [CC, "-fuse-ld=lld", "-o", str(program), *map(str, whole), *mine, *support]
        command += ["-lcmocka", "-lpthread"]
        return str(program) if passes(command, self.path, 60) else None

    def link_joined(self, objects):
        folder = self.build / "joined"
        return self.link_with(folder / "mutant", sorted(folder.glob("*.o")), objects)

    def link(self, name, objects, linked):
        """The command that runs a test program with the mutant, or None; linked has what was linked for it.

        One that is itself made from the mutant is not in what was joined.
        """
        joined = name in self.joined and self.build / "tests" / f"{name}.o" not in objects
        key = "joined" if joined else name
        if key not in linked:
            linked[key] = self.link_joined(objects) if joined else self.link_alone(name, objects)
        if not linked[key]:
            return None
        return [linked[key], name] if joined else [linked[key]]

    def link_alone(self, name, objects):
        tests = self.build / "tests"
        whole = [tests / f"{name}.o"]
        if name.startswith("instructions/"):
            arch = name.removeprefix("instructions/test_cpu_")
            whole += sorted(self.build.glob(f"instructions/arch/{arch}/*.o"))
            whole.append(tests / "instructions/machine.o")
        return self.link_with(tests / f"{name}.mutant", whole, objects)

    def noticed_by(self, names, objects, file):
        """The first program that notices, or None."""
        linked = {}
        for number, environment in enumerate(self.rounds, 1):
            if environment is QUICK and os.path.basename(file) in FORMATS:
                environment = {**QUICK, "AX_FORMAT": FORMATS[os.path.basename(file)]}
            for name in names:
                if name in self.whole and number < len(self.rounds):
                    continue
                command = self.link(name, objects, linked)
                seconds = 2 + int(4 * self.programs[name])
                own = {} if name in self.whole else environment
                if not command or not passes(command, self.path, seconds, own):
                    return name
        return None


def lines_by_program(out, names):
    """file -> line -> the programs that execute it."""
    coverage = out.parent / "coverage"
    executed = {}
    for name in names:
        profile = coverage / "profiles" / (os.path.basename(name) + ".profdata")
        program = coverage / "build/host/tests" / name
        command = ["llvm-cov-19", "export", "-format=lcov", f"-instr-profile={profile}", str(program)]
        report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for line in report.splitlines():
            if line.startswith("SF:"):
                file = os.path.relpath(os.path.realpath(line[3:]), ROOT)
            elif line.startswith("DA:") and not line.endswith(",0"):
                number = int(line[3:].split(",")[0])
                executed.setdefault(file, {}).setdefault(number, set()).add(name)
    return executed


def read_survivors(path):
    """The listed survivors: (file, before, after). `file: reason` heads each group of them."""
    listed = set()
    file = before = None
    for line in path.read_text().splitlines():
        if line.startswith("- "):
            before = line[2:]
        elif line.startswith("+"):
            listed.add((file, before, line[2:]))
        elif line[:1] not in ("#", " ", ""):
            file = line.split(":")[0]
    return listed


def try_file(tree, file, executed, slow, every, only):
    """Yield (mutant, source, verdict) for each mutant of a file that counts."""
    source = (tree.path / file).read_text()
    objects = tree.dependents(file)
    original = {path: path.read_bytes() for path in objects}
    seen = {tuple(tree.compile(path) for path in objects)}
    by_line = executed.get(file, {})
    anywhere = set().union(*by_line.values()) if by_line else set()
    noticed = Counter()
    order = [name for name, seconds in tree.programs.items() if slow or seconds < SLOW]
    try:
        for mutant in operators.mutants(source)[::every]:
            if only is not None and (file, *mutant.describe(source)) not in only:
                continue
            (tree.path / file).write_text(mutant.apply(source))
            digests = tuple(tree.compile(path) for path in objects)
            if None in digests or digests in seen:
                continue
            seen.add(digests)
            # A line that is not code, as of a table or a macro, may matter anywhere.
            programs = by_line.get(mutant.line(source)) or anywhere or set(order)
            names = [name for name in order if name in programs]
            verdict = tree.noticed_by(names, objects, file)
            yield mutant, source, verdict or "survived"
            if verdict:
                noticed[verdict] += 1
                order.sort(key=lambda name: -noticed[name])
    finally:
        (tree.path / file).write_text(source)
        for path, content in original.items():
            path.write_bytes(content)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=ROOT / "build/mutation")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--slow", action="store_true")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    results = out / "results.tsv"
    listed = read_survivors(Path(__file__).with_name("survivors"))
    only = None
    if arguments.again:
        rows = [line.split("\t") for line in results.read_text().splitlines()]
        only = {(row[0], row[3], row[4]) for row in rows if row[2] == "survived"}

    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    os.nice(10)
    tree = Tree(out, ROUNDS[:1] if arguments.first else ROUNDS)
    executed = lines_by_program(out, tree.programs)
    files = arguments.files or sorted(
        {os.path.relpath(os.path.realpath(tree.path / f), os.path.realpath(tree.path))
         for pattern in ("src/*.[ch]", "arch/*/*.[ch]")
         for f in map(str, tree.path.glob(pattern))}
    )
    killed = survived = explained = 0
    failed = False
    with results.open("w") as log:
        for file in files:
            if not tree.dependents(file):
                continue
            mine = [0, 0, 0]
            met = set()
            for mutant, source, verdict in try_file(tree, file, executed, arguments.slow, arguments.every, only):
                before, after = mutant.describe(source)
                key = (file, before, after)
                print(file, mutant.line(source), verdict, before, after, sep="\t", file=log, flush=True)
                if verdict != "survived":
                    mine[0] += 1
                elif key in listed:
                    mine[2] += 1
                    met.add(key)
                else:
                    mine[1] += 1
                    print(f"{file}:{mutant.line(source)}: survived\n- {before}\n+ {after}", flush=True)
            for key in sorted(listed - met):
                if key[0] == file and only is None and arguments.every == 1:
                    print(f"{file}: listed and did not survive\n- {key[1]}\n+ {key[2]}")
                    failed = True
            print(f"{file}: {mine[0]} killed, {mine[1]} survived, {mine[2]} explained", flush=True)
            killed, survived, explained = killed + mine[0], survived + mine[1], explained + mine[2]
    print(f"{killed} killed, {survived} survived, {explained} survived with an explanation")
    return 1 if survived or failed else 0


if __name__ == "__main__":
    sys.exit(main())
