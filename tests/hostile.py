#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Files that are made to cost: nested without end, begun again and again, a list that names another list's every entry. Each is read
in time that grows with its size alone and in memory that does not.

usage: hostile.py CULPRIT memory|time

time: under a sanitizer, where memory tells nothing.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

SECONDS = 60  # linear ones take one or two, with sanitizers ten
MIB = 200

CONTAINER = '[\n    {\n        "Id": "abc",\n        "State": {\n            "OOMKilled": true,\n            "x": '
POD = "apiVersion: v1\nkind: Pod\n"


def pod(count):
    """As many containers in the spec as there are states, none of which is in it."""
    spec = [{"name": f"y{n}"} for n in range(count)]
    states = [{"name": "x", "restartCount": 1, "state": {"running": {}}} for _ in range(count)]
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": spec}, "status": {"containerStatuses": states}}, indent=1)


def log(count):
    """nvidia-smi -q -l for some days."""
    gpus = "".join(f"GPU 00000000:{n:02X}:00.0\n    Product Name                          : NVIDIA H100 80GB HBM3\n"
                   "    ECC Errors\n        Aggregate\n            SRAM Correctable              : 0\n" for n in range(8))
    return ("==============NVSMI LOG==============\n\nTimestamp                                 : Sat Oct 18 05:44:30 2025\n" + gpus + "\n") * count


# name, its text, what is told of it at least, MiB
FILES = {
    "pod.json": (lambda: pod(30000), "container.state"),
    "wide.json": (lambda: CONTAINER + "[" + "1," * 7000000 + "1]}}]\n", "input.damaged"),
    "deep.json": (lambda: CONTAINER + "[" * 1000000, "input.damaged"),
    "begun.txt": (lambda: CONTAINER * 20000, "input.damaged"),
    "large.json": (lambda: json.dumps([{"Id": "abc", "State": {"OOMKilled": True}}, {"Id": "x" * (50 << 20)}], indent=4), "input.damaged"),
    "pretty.json": (lambda: '{\n\t"__REALTIME_TIMESTAMP" : "1795226459000000",\n' * 100000, "input.damaged"),
    "indents.yaml": (lambda: POD + "spec:\n" + "".join(" " * (n % 60 + 1) + "a:\n" for n in range(1000000)), ""),
    "steps.yaml": (lambda: POD + "".join(" " * n + "a:\n" for n in range(2000)), "input.damaged"),
    "flow.yaml": (lambda: POD + "spec: " + "[" * 1000000 + "\n", "input.damaged"),
    "pods.yaml": (lambda: (POD + "---\n") * 50000, ""),
    "deep.xml": (lambda: '<nvidia_smi_log>\n<gpu id="00000000:31:00.0">\n' + "".join(f"<a{n}>" for n in range(200000)) + "\n</gpu>\n</nvidia_smi_log>\n", ""),
    "begun.xml": (lambda: "<nvidia_smi_log>\n" * 200000, ""),
    "heads.csv": (lambda: "device,GPU use (%)\n" * 2500000, "", 40),
    # somebody follows all the time
    "goroutines.log": (lambda: "".join(f"goroutine {n} [running]:\nmain.f{n}()\n\t/a.go:{n}\n" for n in range(200000)), "go.goroutine", 60),
    "units.log": (lambda: "".join(f"Nov 21 02:00:59 h u{n}[{n}]: Traceback (most recent call last):\n" for n in range(500000)), "", 120),
    "smi.txt": (lambda: log(20000), "nvidia.smi.ecc", 40),
}


def main(culprit, what):
    with tempfile.TemporaryDirectory() as folder:
        for name, (_, least, *most) in FILES.items():
            path = os.path.join(folder, name)
            # by another process: what a child has used at most begins with what its parent has
            subprocess.run([sys.executable, __file__, "--make", name, path], check=True)
            size = os.path.getsize(path)
            out = os.path.join(folder, "out")
            began = time.monotonic()
            with open(out, "wb") as to:
                child = subprocess.Popen([culprit, "parse", path], stdout=to, stderr=subprocess.STDOUT)
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            took = time.monotonic() - began
            with open(out, "rb") as f:
                told = f.read(1 << 20)
            os.unlink(path)
            print(f"{name}: {took:.1f} s, {used.ru_maxrss >> 10} MiB for {size >> 10} KiB")
            if child.returncode or took > SECONDS or (what == "memory" and used.ru_maxrss >> 10 > (most or [MIB])[0]):
                sys.exit(f"{name}: exit status {child.returncode}, {took:.0f} s, {used.ru_maxrss >> 10} MiB")
            if least.encode() not in told:
                sys.exit(f"{name}: nothing of {least}:\n" + told[:400].decode(errors="replace"))


def make(name, path):
    with open(path, "w", encoding="utf-8") as f:
        f.write(FILES[name][0]())


if __name__ == "__main__":
    make(sys.argv[2], sys.argv[3]) if sys.argv[1] == "--make" else main(sys.argv[1], sys.argv[2])
