#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Python frames of real cores: every CPython from 3.9 on that is here prints its stacks, dies, and its core has to tell the same.
usage: python_core.py CULPRIT"""
import json, os, resource, shutil, subprocess, sys, tempfile

PROGRAM = r'''
import os, sys, threading, time

class Wörker:
    def loop(self, count):
        def inner(x):
            ready.release()
            time.sleep(1000)


            return x
        return [inner(
            n) for n in range(count)]

def generator():
    try:
        yield from (die(k) for k in range(3))
    finally:
        pass

def die(k):
    # as the interpreter itself sees it, this line apart
    for ident, frame in sys._current_frames().items():
        stack = []
        while frame:
            code = frame.f_code
            stack.append([getattr(code, "co_qualname", code.co_name), os.path.basename(code.co_filename), frame.f_lineno])
            frame = frame.f_back
        print(repr(stack), flush=True)
    os.abort()

def deep(n):
    return deep(n - 1) if n else max(map(lambda _: list(generator()), [1]))

def 日本():
    deep(5)

ready = threading.Semaphore(0)
for i in range(3):
    threading.Thread(target=Wörker().loop, args=(2,), daemon=True).start()
    ready.acquire()
time.sleep(0.3)
日本()
'''


def one(culprit, python, folder):
    version = subprocess.run([python, "-c", "import sys, platform; print(platform.python_implementation(), '%d.%d' % sys.version_info[:2])"],
                             capture_output=True, text=True).stdout.split()
    if len(version) != 2 or version[0] != "CPython" or tuple(map(int, version[1].split("."))) < (3, 9) or tuple(map(int, version[1].split("."))) > (3, 14):
        return None
    os.makedirs(folder)
    with open(os.path.join(folder, "program.py"), "w") as f:
        f.write(PROGRAM)
    limit = lambda: resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    done = subprocess.run([python, "program.py"], cwd=folder, capture_output=True, text=True, encoding="utf-8", preexec_fn=limit, timeout=60,
                          env=dict(os.environ, PYTHONIOENCODING="utf-8", PYTHONUTF8="1"))
    cores = [n for n in os.listdir(folder) if n.startswith("core")]
    if not cores:
        return None
    wanted = sorted([f"{name}({file}:{line})" for name, file, line in eval(text)] for text in done.stdout.splitlines())
    out = json.loads(subprocess.run([culprit, "dump", "stacks", "--json", os.path.join(folder, cores[0])], capture_output=True, text=True, check=True).stdout)
    rows = [o for o in next(v for v in out.values() if isinstance(v, list)) if o.get("kind") == "core.python"]
    told = sorted(o["frames"].split(" ") for o in rows)
    # print()'s own line is where the one that dies was; the last call is os.abort()
    line = 1 + next(i for i, text in enumerate(PROGRAM.splitlines()) if "os.abort" in text)
    for stack in wanted:
        if stack[0].startswith("die("):
            stack[0] = f"die(program.py:{line})"
    assert len(wanted) == 4 and told == sorted(wanted), f"{python} {version[1]}: told\n{told}\nwanted\n{sorted(wanted)}"
    assert all(o["version"].startswith(version[1]) for o in rows)
    assert [o["function"] for o in rows if o.get("gil")] == ["die"], f"{python}: who holds the lock: {rows}"
    tids = {o["tid"] for o in rows}
    assert tids == {o["tid"] for o in next(v for v in out.values() if isinstance(v, list)) if o.get("kind") == "core.thread"}
    return version[1]


def main():
    culprit = sys.argv[1]
    pythons = {os.path.realpath(p): p for n in ["python3"] + ["python3.%d" % i for i in range(9, 15)] for p in [shutil.which(n)] if p}
    pythons.setdefault(os.path.realpath(sys.executable), sys.executable)
    with open("/proc/sys/kernel/core_pattern") as f:
        pattern = f.read().strip()
    if pattern.startswith("|") or "/" in pattern:
        print(f"skipped: cores go elsewhere here (core_pattern {pattern})")
        return 77
    tried = []
    with tempfile.TemporaryDirectory() as folder:
        for i, python in enumerate(pythons.values()):
            version = one(culprit, python, os.path.join(folder, str(i)))
            if version:
                tried.append(version)
    if not tried:
        print("skipped: no CPython of 3.9 to 3.14 left a core here")
        return 77
    print("tried", *sorted(tried))
    return 0


if __name__ == "__main__":
    sys.exit(main())
