#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Minidumps as Breakpad, Crashpad and Windows lay them out, what culprit must read of them, and that no damage fells it.

    minidump.py CULPRIT            make, read, compare; cut and flip some
    minidump.py --write FOLDER     write them there (seeds for the fuzzers)
    minidump.py CULPRIT --flips N  N damaged ones instead of the few
"""
import os
import random
import struct
import subprocess
import sys
import tempfile

SECRET = "not-to-be-shown"


class Dump:
    """A file that grows: head, directory, streams, and what they point to."""

    def __init__(self, streams, time=0x6920CFFB):
        self.out = bytearray(32 + 12 * streams)
        self.streams, self.room = [], streams
        struct.pack_into("<4sIIIIIQ", self.out, 0, b"MDMP", 0xA793, streams, 32, 0, time, 0)

    def add(self, data):
        self.out += b"\0" * (-len(self.out) % 8)
        at = len(self.out)
        self.out += data
        return at

    def place(self, data):
        return struct.pack("<II", len(data), self.add(data))

    def wide(self, text):
        raw = text.encode("utf-16-le")
        return self.add(struct.pack("<I", len(raw)) + raw + b"\0\0")

    def utf8(self, text):
        raw = text.encode()
        return self.add(struct.pack("<I", len(raw)) + raw + b"\0")

    def stream(self, number, data):
        self.streams.append((number, len(data), self.add(data)))

    def bytes(self):
        assert len(self.streams) <= self.room
        for i, entry in enumerate(self.streams):
            struct.pack_into("<III", self.out, 32 + 12 * i, *entry)
        return bytes(self.out)


def context_amd64(pc, sp):
    raw = bytearray(1232)
    struct.pack_into("<Q", raw, 0xF8, pc)
    struct.pack_into("<Q", raw, 0x98, sp)
    return bytes(raw)


def context_arm64(pc, sp):
    raw = bytearray(912)
    struct.pack_into("<QQ", raw, 256, sp, pc)
    return bytes(raw)


def module(d, base, size, path, cv, version=(0, 0)):
    fixed = struct.pack("<IIII", 0xFEEF04BD if any(version) else 0, 0x10000, *version) + b"\0" * 36
    return struct.pack("<QIIII", base, size, 0, 0, d.wide(path)) + fixed + d.place(cv) + b"\0" * 24


def elf_id(hexa):
    return struct.pack("<I", 0x4270454C) + bytes.fromhex(hexa)


def pdb_id(guid, age, name):
    return b"RSDS" + guid + struct.pack("<I", age) + name.encode() + b"\0"


def thread(d, tid, context, stack=b"", stack_at=0):
    return struct.pack("<IIIIQQ", tid, 0, 0, 0, 0, stack_at) + d.place(stack) + d.place(context)


def listed(items, align=False):
    return struct.pack("<I", len(items)) + (b"\0" * 4 if align else b"") + b"".join(items)


def exception(d, tid, code, flags, address, context, information=()):
    info = list(information) + [0] * (15 - len(information))
    return struct.pack("<IIIIQQII15Q", tid, 0, code, flags, 0, address, len(information), 0, *info) + d.place(context)


def system(d, arch, platform, version, csd):
    return struct.pack("<HHHBBIIIIIHH", arch, 6, 0, 16, 1, *version, platform, d.wide(csd), 0, 0) + b"\0" * 24


def dictionary(d, entries):
    return listed([struct.pack("<II", d.utf8(k), d.utf8(v)) for k, v in entries])


def linux(flags=1, address=0x18, pc=0x55D0C0A1B2C3, code=11, sp=0x7FFD5A0E7B10):
    d = Dump(11)
    stack = struct.pack("<4Q", 0, 0x7F31A0012345, 0x1234, 0x55D0C0A1C000)
    names = listed([struct.pack("<IQ", 4242, d.wide("renderer")), struct.pack("<IQ", 4250, d.wide("cuda_poll"))])
    modules = [module(d, 0x55D0C0A00000, 0x40000, "/opt/viewer/viewer", elf_id("0f1e2d3c4b5a69788796a5b4c3d2e1f001234567")),
               module(d, 0x7F31A0000000, 0x200000, "/usr/lib/x86_64-linux-gnu/libcuda.so.1", elf_id("aabbccdd00112233445566778899aabbccddeeff"))]
    threads = [thread(d, 4250, context_amd64(0x7F31A0012345, 0x7F31C0000000)),
               thread(d, 4242, context_amd64(0x55D0C0A30000, sp), stack, sp)]
    d.stream(7, system(d, 9, 0x8201, (0, 0, 0), "Linux 6.8.0-45-generic #45-Ubuntu SMP PREEMPT_DYNAMIC x86_64"))
    d.stream(3, listed(threads, align=True))
    d.stream(4, listed(modules))
    d.stream(6, exception(d, 4242, code, flags & 0xFFFFFFFF, address, context_amd64(pc, sp)))
    d.stream(24, names)
    d.stream(0x47670004, b"Name:\tviewer\nUmask:\t0022\nState:\tR (running)\nTgid:\t4240\nPid:\t4240\nUid:\t1000\t1000\t1000\t1000\n")
    d.stream(0x47670006, b"/opt/viewer/viewer\0--scene\0city.usd\0")
    d.stream(0x47670007, b"TOKEN=" + SECRET.encode() + b"\0")
    d.stream(0x47670009, b"00400000-00500000 rw-p 00000000 00:05 1 /dev/shm/cache\n55d0c0a00000-55d0c0a40000 r-xp 00000000 08:01 2 /opt/viewer/viewer\n")
    of_module = struct.pack("<I", 1) + d.place(b"") + d.place(dictionary(d, [("gpu-driver", "550.54.14")])) + d.place(b"")
    links = listed([struct.pack("<I", 0) + d.place(of_module)])
    d.stream(0x43500001, struct.pack("<I", 1) + b"\0" * 32 + d.place(dictionary(d, [("prod", "Viewer"), ("ver", "2.4.1")])) + d.place(links))
    return d.bytes()


def windows():
    d = Dump(6)
    guid = struct.pack("<IHH", 0x1B2C3D4E, 0x5F60, 0x7182) + bytes.fromhex("93a4b5c6d7e8f901")
    pc = 0x7FF6A0011234
    d.stream(7, system(d, 9, 2, (10, 0, 22631), ""))
    d.stream(15, struct.pack("<IIII", 24, 1, 7312, 0) + b"\0" * 8)
    d.stream(3, listed([thread(d, 9001, context_amd64(pc, 0x9000))]))
    d.stream(4, listed([module(d, 0x7FF6A0000000, 0x100000, "C:\\tools\\train.exe", pdb_id(guid, 2, "train.pdb"), (0x00020004, 0x00010007))]))
    d.stream(6, exception(d, 9001, 0xC0000005, 0, pc, context_amd64(pc, 0x9000), (1, 0x7F0000001000)))
    return d.bytes()


def macos():
    d = Dump(5)
    d.stream(7, system(d, 12, 0x8101, (14, 5, 0), "23F79"))
    d.stream(3, listed([thread(d, 77, context_arm64(0x100004000, 0x16F000000))]))
    d.stream(4, listed([module(d, 0x100000000, 0x10000, "/Applications/Tool.app/Contents/MacOS/Tool", pdb_id(bytes(range(16)), 0, "Tool"))]))
    d.stream(6, exception(d, 77, 1, 1, 0x5, context_arm64(0x100004000, 0x16F000000)))
    return d.bytes()


def asked():
    d = Dump(3)
    d.stream(7, system(d, 9, 0x8201, (0, 0, 0), "Linux 6.8.0 x86_64"))
    d.stream(3, listed([thread(d, 10, context_amd64(0x1000, 0x2000))]))
    d.stream(4, listed([module(d, 0x1000, 0x1000, "/bin/idle", b"")]))
    return d.bytes()


FILES = {
    "null.dmp": (linux(), ['core.process pid=4240 comm="viewer" path="/opt/viewer/viewer" command="/opt/viewer/viewer --scene city.usd" signal="SIGSEGV"',
                           'signal_code="SEGV_MAPERR" event="null-pointer"', 'address="0x18"', 'tid=4242 image="viewer" offset="0x1b2c3"',
                           'build_id="0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"', 'thread="renderer"', 'thread="cuda_poll"',
                           'frames="viewer+0x1b2c3 libcuda.so.1+0x12345 viewer+0x1c000" unwound="guess"', 'key="prod" value="Viewer"',
                           'key="gpu-driver" value="550.54.14"', 'host.id', 'arch="x86_64"']),
    "mapped.dmp": (linux(flags=2, address=0x400010, code=7), ['signal="SIGBUS" signal_code="BUS_ADRERR" event="bus"', 'mapped="/dev/shm/cache"']),
    "call.dmp": (linux(address=0, pc=0), ['event="null-call"']),
    "wild.dmp": (linux(address=0x41414141), ['event="wild-pointer"']),
    "freed.dmp": (linux(flags=128, address=0), ['event="non-canonical"']),
    "deep.dmp": (linux(address=0x7FFD5A0E7B08), ['event="stack-overflow"']),
    "abort.dmp": (linux(code=6, flags=-6, address=4240), ['signal="SIGABRT" signal_code="SI_TKILL" event="abort"']),
    "windows.dmp": (windows(), ['pid=7312 comm="train.exe"', 'signal="EXCEPTION_ACCESS_VIOLATION" signal_code="write" event="wild-pointer"',
                                'address="0x7f0000001000"', 'build_id="1B2C3D4E5F60718293A4B5C6D7E8F9012"', 'version="2.4.1.7"', 'Windows 10.0.22631']),
    "macos.dmp": (macos(), ['signal="EXC_BAD_ACCESS" signal_code="KERN_INVALID_ADDRESS" event="null-pointer"', 'build_id="000102030405060708090a0b0c0d0e0f"',
                            'arch="aarch64"']),
    "asked.dmp": (asked(), ['event="snapshot"']),
}


def read(culprit, path):
    run = subprocess.run([culprit, "parse", path], capture_output=True, timeout=60)
    return run.returncode, run.stdout.decode(errors="replace") + run.stderr.decode(errors="replace")


def main():
    if sys.argv[1] == "--write":
        os.makedirs(sys.argv[2], exist_ok=True)
        for name, (data, _) in FILES.items():
            with open(os.path.join(sys.argv[2], name), "wb") as f:
                f.write(data)
        return 0
    culprit, wrong = sys.argv[1], 0
    flips = int(sys.argv[3]) if len(sys.argv) > 3 and sys.argv[2] == "--flips" else 12
    with tempfile.TemporaryDirectory() as folder:
        for name, (data, expected) in FILES.items():
            path = os.path.join(folder, name)
            with open(path, "wb") as f:
                f.write(data)
            status, text = read(culprit, path)
            missing = [e for e in expected if e not in text]
            if status or missing or SECRET in text:
                print(f"{name}: status {status}, missing {missing}, secret {SECRET in text}\n{text}")
                wrong += 1
        dice, data = random.Random(1), FILES["null.dmp"][0]
        for i in range(flips):
            raw = bytearray(data[:dice.randrange(33, len(data))] if i % 3 == 0 else data)
            for _ in range(dice.randrange(1, 12)):
                raw[dice.randrange(8, len(raw))] = dice.choice([0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)])
            path = os.path.join(folder, "odd.dmp")
            with open(path, "wb") as f:
                f.write(raw)
            status, text = read(culprit, path)
            if status not in (0, 1) or "Sanitizer" in text:
                print(f"flip {i}: status {status}\n{text[-2000:]}")
                wrong += 1
    print(f"{len(FILES)} minidumps, {flips} damaged, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
