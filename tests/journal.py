#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Journal files made up byte by byte: plain and compact, packed by xz and lz4, cut off, with holes in them, hostile ones. And what
journalctl and dmesg print of the same where an entry takes several lines: export, json-pretty, verbose, dmesg --json.

usage: journal.py CULPRIT           test
       journal.py --seed FOLDER     write the seeds of the fuzzer

What is in them is said by https://systemd.io/JOURNAL_FILE_FORMAT; hash tables and entry arrays are left out, as nobody
reads them here.
"""
import json
import lzma
import os
import struct
import subprocess
import sys
import tempfile
import time

BOOT = bytes.fromhex("0123456789abcdef0123456789abcdef")
BOOT2 = bytes.fromhex("fedcba9876543210fedcba9876543210")
START = 1795226459000000


def lz4_block(data):
    """Greedy, with matches found by their first four bytes; the last five bytes are literals."""
    out, seen, at, done = bytearray(), {}, 0, 0

    def put(literals, distance, length):
        n = len(literals)
        token = (min(n, 15) << 4) | (min(length - 4, 15) if distance else 0)
        out.append(token)
        if n >= 15:
            rest = n - 15
            while rest >= 255:
                out.append(255)
                rest -= 255
            out.append(rest)
        out.extend(literals)
        if distance:
            out.extend(struct.pack("<H", distance))
            if length - 4 >= 15:
                rest = length - 19
                while rest >= 255:
                    out.append(255)
                    rest -= 255
                out.append(rest)

    while at + 12 < len(data):
        key = data[at:at + 4]
        back = seen.get(key)
        seen[key] = at
        if back is not None and at - back < 65536:
            n = 4
            while at + n < len(data) - 5 and data[back + n] == data[at + n]:
                n += 1
            put(data[done:at], at - back, n)
            at += n
            done = at
        else:
            at += 1
    put(data[done:], 0, 0)
    return bytes(out)


class Journal:
    def __init__(self, compact=False, how=None, state=0, header=264):
        self.compact, self.how, self.state, self.header = compact, how, state, header
        self.body, self.data, self.tail = bytearray(), {}, 0

    def add(self, kind, flags, payload):
        at = self.header + len(self.body)
        self.tail = at
        self.body += struct.pack("<BB6xQ", kind, flags, 16 + len(payload)) + payload
        self.body += bytes(-len(self.body) % 8)
        return at

    def field(self, text):
        if text in self.data:
            return self.data[text]
        payload, flags = text, 0
        if self.how and len(text) >= 512:
            if self.how == "lz4":
                payload, flags = struct.pack("<Q", len(text)) + lz4_block(text), 2
            elif self.how == "xz":
                payload, flags = lzma.compress(text, check=lzma.CHECK_NONE), 1
        self.data[text] = self.add(1, flags, bytes(48 + (8 if self.compact else 0)) + payload)
        return self.data[text]

    def entry(self, n, fields, boot=BOOT):
        items = [self.field(k.encode() + b"=" + (v if isinstance(v, bytes) else v.encode())) for k, v in fields]
        body = struct.pack("<QQQ16sQ", n + 1, START + n * 1000000, 1000000 * (n + 1), boot, 0)
        for at in items:
            body += struct.pack("<I", at) if self.compact else struct.pack("<QQ", at, 0)
        return self.add(3, 0, body)

    def bytes(self, spare=4096):
        flags = 4 | (16 if self.compact else 0) | {"lz4": 2, "xz": 1}.get(self.how, 0)
        head = b"LPKSHHRH" + struct.pack("<IIB7x", 0, flags, self.state) + bytes(64)
        head += struct.pack("<QQQQQQQQQ", self.header, len(self.body) + spare, 0, 0, 0, 0, self.tail, 0, 0)
        return head + bytes(self.header - len(head)) + bytes(self.body) + bytes(spare)


COMMON = [("_HOSTNAME", "ember"), ("_MACHINE_ID", "1" * 32)]
XID = "NVRM: Xid (PCI:0000:3b:00): 79, pid=4242, name=python3, GPU has fallen off the bus."


def story(**how):
    j = Journal(**how)
    j.entry(0, COMMON + [("_TRANSPORT", "kernel"), ("PRIORITY", "3"), ("SYSLOG_IDENTIFIER", "kernel"),
                         ("_SOURCE_MONOTONIC_TIMESTAMP", "812100000"), ("MESSAGE", XID)])
    j.entry(1, COMMON + [("_TRANSPORT", "stdout"), ("SYSLOG_IDENTIFIER", "vllm"), ("_PID", "901"), ("PRIORITY", "6"),
                         ("MESSAGE", 'Traceback (most recent call last):\n  File "a.py", line 3, in f\nValueError: ' + "bad " * 400)])
    j.entry(2, COMMON + [("SYSLOG_IDENTIFIER", "a b"), ("COREDUMP_STACKTRACE", "#0 x " * 300), ("MESSAGE", b"\0\x01 bytes")])
    j.entry(3, COMMON + [("_TRANSPORT", "kernel"), ("PRIORITY", "3"), ("MESSAGE", XID.replace("79", "48"))], BOOT2)
    return j


ENTRIES = [
    [("_TRANSPORT", "kernel"), ("PRIORITY", "3"), ("SYSLOG_IDENTIFIER", "kernel"), ("_SOURCE_MONOTONIC_TIMESTAMP", "812100000"), ("MESSAGE", XID)],
    [("_TRANSPORT", "stdout"), ("SYSLOG_IDENTIFIER", "vllm"), ("_PID", "901"), ("PRIORITY", "6"),
     ("MESSAGE", 'Traceback (most recent call last):\n  File "a.py", line 3, in f\nValueError: bad')],
    [("SYSLOG_IDENTIFIER", "run"), ("MESSAGE", "Fatal Python error: Segmentation fault\x01")],
]


def cursor(n):
    return f"s=81e10e76f4ae4344b72ecaf8e4eeeb34;i={n + 1:x};b={BOOT.hex()};m={n + 1:x};t={START + n * 1000000:x};x=a5efe1ba0b61253"


def export():
    out = bytearray()
    for n, fields in enumerate(ENTRIES):
        out += f"__CURSOR={cursor(n)}\n__REALTIME_TIMESTAMP={START + n * 1000000}\n__MONOTONIC_TIMESTAMP={n + 1}\n_BOOT_ID={BOOT.hex()}\n_HOSTNAME=ember\n".encode()
        for key, value in fields:
            value = value.encode()
            out += key.encode() + (b"\n" + struct.pack("<Q", len(value)) + value if b"\n" in value or b"\x01" in value else b"=" + value) + b"\n"
        out += b"\n"
    return bytes(out)


def pretty():
    out = ""
    for n, fields in enumerate(ENTRIES):
        rows = [("__CURSOR", cursor(n)), ("__REALTIME_TIMESTAMP", str(START + n * 1000000)), ("_BOOT_ID", BOOT.hex()), ("_HOSTNAME", "ember")] + fields
        out += "{\n" + ",\n".join('\t%s : %s' % (json.dumps(k), json.dumps(list(v.encode()) if "\x01" in v else v)) for k, v in rows) + "\n}\n"
    return out.encode()


def verbose():
    out = ""
    for n, fields in enumerate(ENTRIES):
        out += f"Sat 2026-11-21 02:00:{59 if n == 0 else n - 1:02d}.000000 UTC [{cursor(n)}]\n    _HOSTNAME=ember\n"
        for key, value in fields:
            out += f"    {key}=" + value.replace("\n", "\n" + " " * (5 + len(key))) + "\n"
    return out.encode()


def dmesg(decoded):
    out = []
    for n, fields in enumerate(ENTRIES[:1]):
        level = '         "fac": "kern",\n         "pri": "err",\n' if decoded else '         "pri": 3,\n'
        out.append(f'{{\n{level}         "time":   812.100000,\n         "caller": "T4242",\n         "msg": {json.dumps(fields[-1][1])}\n      }}')
    return ('{\n   "dmesg": [\n      ' + ",".join(out) + "\n   ]\n}\n").encode()


def parse(culprit, folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(data)
    r = subprocess.run([culprit, "parse", "--times", path], capture_output=True, text=True, timeout=60, errors="replace")
    if r.returncode not in (0, 3):
        sys.exit(f"{name}: exit status {r.returncode}\n{r.stderr}")
    return r.stdout


def want(name, out, *texts):
    for text in texts:
        if text not in out:
            sys.exit(f"{name}: {text!r} is missing in\n{out}")


def main(culprit):
    with tempfile.TemporaryDirectory() as folder:
        for compact in (False, True):
            for how in (None, "lz4", "xz"):
                name = f"{'compact' if compact else 'plain'}-{how}.journal"
                out = parse(culprit, folder, name, story(compact=compact, how=how).bytes())
                want(name, out, "nvidia.xid xid=79", "nvidia.xid xid=48", 'status="offline" count=4', "exception=\"ValueError\"", "bad bad bad", "2026-11-21")
                if "input.damaged" in out:
                    sys.exit(f"{name}: damage where there is none\n{out}")
        whole = story(state=1).bytes()
        want("online", parse(culprit, folder, "system.journal", whole), 'status="online"')
        # renamed as journald does with what it finds unclosed, and cut off behind the first entry
        out = parse(culprit, folder, "system@1-2.journal~", whole[:1200])
        want("cut", out, "xid=79", "input.damaged", "cut short")
        # a hole: what lies behind it is found again
        at = story().field(b"SYSLOG_IDENTIFIER=kernel")
        torn = bytearray(whole)
        torn[at:at + 24] = b"\xff" * 24
        want("torn", parse(culprit, folder, "torn.journal", bytes(torn)), "xid=48", "make no sense")
        for name, data in (("journal.export", export()), ("pretty.json", pretty()), ("verbose.txt", verbose())):
            out = parse(culprit, folder, name, data)
            want(name, out, "nvidia.xid xid=79", 'journal.export count=3', 'exception="ValueError" what="bad"', "@2026-11-21T02:00:59")
            if "input.damaged" in out:
                sys.exit(f"{name}: damage where there is none\n{out}")
            for n in range(0, len(data), 71):
                parse(culprit, folder, "chop-" + name, data[:n])
        want("export", parse(culprit, folder, "journal.export", export()[:-10]), "xid=79", "cut short")
        for decoded in (False, True):
            want("dmesg", parse(culprit, folder, "dmesg.json", dmesg(decoded)), "nvidia.xid xid=79", "dmesg.json count=1")
        # each of these is a way to go astray: sizes of nothing and of everything, items that point anywhere, a header of any size
        base = story(how="xz").bytes()
        for n in range(0, len(base) - 8, 40):
            for word in (0, 1, 15, (1 << 64) - 1, 1 << 63, len(base)):
                bad = bytearray(base)
                bad[n:n + 8] = struct.pack("<Q", word)
                if n % 400 == 0:
                    parse(culprit, folder, "bad.journal", bytes(bad))
        # work is bounded: without that these take minutes
        for name, data, least in (("hostile.journal", hostile(), "make no sense"), ("tiny.journal", tiny(9000), "entries may be missing"),
                                  ("longest.journal", longest(50000), "entries may be missing")):
            began = time.monotonic()
            want(name, parse(culprit, folder, name, data), least)
            if time.monotonic() - began > 60:
                sys.exit(f"{name}: {time.monotonic() - began:.0f} s")
        for n in (0, 8, 100, 207, 208, 264, 300):
            parse(culprit, folder, "short.journal", base[:n])


def hostile():
    """Heads of objects all over that end far away, amid nothing: what is looked at of each must not cost a window."""
    half = 8 << 20
    head = bytearray(264)
    head[:8] = b"LPKSHHRH"
    struct.pack_into("<QQ", head, 88, 264, 2 * half)
    struct.pack_into("<Q", head, 136, 2 * half)
    return bytes(head) + b"\xff" * 16 + struct.pack("<QQ", 3, half * 3 // 2) * (half // 16) + bytes(half)


def longest(count):
    """One message of 256 KiB, of entries without a time: nothing is ever written of it."""
    j = Journal()
    at = j.field(b"MESSAGE=" + b"x" * (256 << 10))
    for n in range(count):
        j.add(3, 0, struct.pack("<QQQ16sQQQ", n, (1 << 63) + n, n, BOOT, 0, at, 0))
    return j.bytes(64)


def tiny(count):
    """Entries of nothing but values that are far away, packed, and more than are remembered."""
    j = Journal(compact=True, how="xz")
    packed = lzma.compress(b"MESSAGE=" + b"x" * 600, check=lzma.CHECK_NONE)
    at = [j.add(1, 1, bytes(56) + packed) for n in range(20000)]
    for n in range(count):
        items = b"".join(struct.pack("<I", at[(n * 256 + i) * 7919 % len(at)]) for i in range(256))
        j.add(3, 0, struct.pack("<QQQ16sQ", n, START + n, n, BOOT, 0) + items)
    return j.bytes(64)


def seeds(folder):
    for name, how in (("plain", {}), ("compact-xz", {"compact": True, "how": "xz"}), ("lz4", {"how": "lz4"})):
        with open(os.path.join(folder, f"{name}.journal"), "wb") as f:
            f.write(story(**how).bytes(64))
    for name, data in (("entries.export", export()), ("pretty.json", pretty()), ("verbose.txt", verbose()), ("dmesg.json", dmesg(False))):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    seeds(sys.argv[2]) if sys.argv[1] == "--seed" else main(sys.argv[1])
