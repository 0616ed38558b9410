#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions of the main paths, counted by valgrind, against tests/bench/budget.json. usage: callgrind.py BUILD [--update PATH...|--update-all]

A path that is more than 5 % dearer than its budget fails, unless budget.json says so: set "instructions_per_byte" to the new figure (--update
does) and say in "why" what was bought with it; both are then part of the same change. Counts don't depend on the machine's load or clock. What they
depend on is held fixed: the locale, the names, no sandbox (valgrind's own system calls), no thread's luck (sum over all of them). PCRE2's JIT writes code that callgrind counts like any other; --smc-check says that it may be
rewritten. Compilers and libraries differ in what they make of it, so figures hold for those that budget.json names; with others the
paths are counted and told, and nothing fails.
"""
import argparse, json, os, re, shutil, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUDGET = os.path.join(HERE, "budget.json")
DEARER = 1.05
MIB = 1 << 20
# the generator's arguments, and what packs it; instructions are divided by the bytes before packing
PATHS = {
    "ordinary log": (["log", str(4 * MIB), "21", "0", "0"], None),
    "suspicious log": (["log", str(4 * MIB), "22", "20000", "0"], None),
    "matching log": (["log", str(2 * MIB), "23", "0", "100000"], None),
    "telemetry log": (["log", str(2 * MIB), "24", "0", "0", "100000"], None),
    "tar.zst": (["tree", "200", str(4 * MIB), "25"], ["zstd", "-q", "-3", "-c"]),
    "tar.gz": (["tree", "200", str(4 * MIB), "26"], ["gzip", "-6", "-n", "-c"]),
    "2,000 tiny files": (["tiny", "2000", "27"], None),
    "start, 4 KB dmesg": (["kind", "dmesg", "4096", "28"], None),
}


def versions(build):
    text = subprocess.run([os.path.join(build, "cli", "culprit"), "--version"], capture_output=True, text=True).stdout.splitlines()
    info = json.load(open(os.path.join(build, "meson-info", "intro-compilers.json"))) if os.path.exists(os.path.join(build, "meson-info", "intro-compilers.json")) else {}
    cc = info.get("host", {}).get("c", {})
    libc = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else "?"
    if not cc:
        found = subprocess.run(["cc", "--version"], capture_output=True, text=True).stdout.splitlines()
        cc = {"id": "cc", "version": found[0] if found else "?"}
    return f"{cc.get('id')} {cc.get('version')}; {libc}; {text[1] if len(text) > 1 else ''}"


def count(build, path, scratch):
    generate, pack = PATHS[path]
    raw, file = os.path.join(scratch, "raw"), os.path.join(scratch, "input")
    with open(raw, "wb") as out:
        subprocess.run([os.path.join(build, "tests", "bench-generate"), *generate], stdout=out, check=True)
    if pack:
        with open(file, "wb") as out:
            subprocess.run([*pack, raw], stdout=out, check=True)
    else:
        os.replace(raw, file)
    size = os.path.getsize(raw if pack else file)
    env = {"PATH": os.environ["PATH"], "HOME": scratch, "LC_ALL": "C.UTF-8", "TMPDIR": scratch}
    log = os.path.join(scratch, "log")
    done = subprocess.run(["valgrind", "--tool=callgrind", "--smc-check=all-non-file", "--callgrind-out-file=/dev/null", f"--log-file={log}",
                           os.path.join(build, "cli", "culprit"), "--no-sandbox", "-q", "input"], env=env, cwd=scratch, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    text = open(log).read()
    found = re.search(r"Collected : (\d+)", text)
    if done.returncode or not found:
        sys.exit(f"{path}: culprit under valgrind ended with {done.returncode}: {(done.stderr or text).strip()[-400:]}")
    return int(found.group(1)), size


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--update", metavar="PATH", action="append", default=[], help="write today's figure of that path into budget.json")
    parser.add_argument("--update-all", action="store_true")
    parser.add_argument("--only", help="paths whose name begins so")
    args = parser.parse_args()
    for tool in ("valgrind", "zstd", "gzip"):
        if not shutil.which(tool):
            sys.exit(f"callgrind: {tool} is not here; sh tests/deps.sh all, or install it")
    build = os.path.abspath(args.build)
    budget = json.load(open(BUDGET)) if os.path.exists(BUDGET) else {"made_with": "", "paths": {}}
    here = versions(build)
    same = budget["made_with"] == here
    bad = []
    print(f"{'':20} {'instructions':>14} {'a byte':>9} {'budget':>9}")
    for path in PATHS:
        if args.only and not path.startswith(args.only):
            continue
        scratch = os.path.join(build, "callgrind")
        shutil.rmtree(scratch, ignore_errors=True)
        os.makedirs(scratch)
        try:
            instructions, size = count(build, path, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        each = instructions / size
        known = budget["paths"].get(path, {})
        was = known.get("instructions_per_byte")
        print(f"{path:20} {instructions:14,} {each:9.2f} {was or 0:9.2f}  {f'{100 * (each / was - 1):+.1f} %' if was else 'new'}", flush=True)
        if args.update_all or path in args.update:
            budget["paths"][path] = {"instructions_per_byte": round(each, 3), "why": known.get("why", "")}
        elif was and each > was * DEARER:
            bad.append((path, was, each))
    if args.update or args.update_all:
        budget["made_with"] = here
        budget["paths"] = {p: budget["paths"][p] for p in PATHS if p in budget["paths"]}
        with open(BUDGET, "w") as out:
            json.dump(budget, out, indent=1)
            out.write("\n")
        print("budget.json is rewritten: say in \"why\" what made it dearer")
    for path, was, each in bad:
        print(f"callgrind: {path}: {each:.2f} instructions a byte, {100 * (each / was - 1):.1f} % more than the budget of {was:.2f}; if that is worth it, run\n"
              f"    python3 tests/bench/callgrind.py {args.build} --update '{path}'\n"
              f"and say why in tests/bench/budget.json, in the same change", file=sys.stderr)
    if bad and not same:
        print(f"not held against it: the budget was made with\n    {budget['made_with']}\nand here are\n    {here}", file=sys.stderr)
        return 0
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
