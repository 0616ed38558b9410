#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A kernel dump that keeps only what culprit reads of it, for samples/.

usage: trim.py CULPRIT DUMP OUT.elf[.xz]

DUMP is ELF64 or kdump-compressed (raw, zlib or zstd pages; zstd by the program). strace tells which places of the file are read; the
pages there are written as an ELF dump with the notes of the old one, all other memory is left out as if it had been filtered.
Needs strace. Both must give the same observations but for what describes the container itself.
"""
import lzma
import os
import re
import struct
import subprocess
import sys
import tempfile
import zlib
from bisect import bisect_right

PAGE = 4096


def places_read(culprit, dump):
    """[(offset, size)] that are read of the file."""
    with tempfile.NamedTemporaryFile('r') as log:
        subprocess.run(['strace', '-f', '-s0', '-e', 'trace=openat,pread64,read,lseek', '-o', log.name, culprit, 'parse', dump],
                       stdout=subprocess.DEVNULL, check=True)
        places, fd, at = [], None, 0
        for line in log:
            if 'openat(' in line and '"%s"' % dump in line and 'O_PATH' not in line:
                fd = line.rsplit('= ', 1)[1].strip()
            m = re.search(r'(pread64|read|lseek)\((\d+), .*= (\d+)$', line)
            if not m or m.group(2) != fd:
                continue
            result = int(m.group(3))
            if m.group(1) == 'lseek':
                at = result
            elif m.group(1) == 'read':
                if result < 65536:  # else: what comes first in every file
                    places.append((at, result))
                at += result
            else:
                places.append((int(re.search(r', (\d+)\) +=', line).group(1)), result))
        return places


def elf_pages(data):
    """{pfn: (offset, bytes)} and the notes."""
    at, = struct.unpack_from('<Q', data, 32)
    count, = struct.unpack_from('<H', data, 56)
    pages, notes = {}, b''
    for i in range(count):
        kind, _, offset, _, phys, filesz, _, _ = struct.unpack_from('<IIQQQQQQ', data, at + 56 * i)
        if kind == 4:
            notes += data[offset:offset + filesz]
        elif kind == 1:
            for p in range(0, filesz - PAGE + 1, PAGE):
                pages.setdefault((phys + p) // PAGE, (offset + p, PAGE, 0))
    return pages, notes


def kdump_pages(data):
    block, sub, blocks = struct.unpack_from('<3I', data, 428)
    start, half = (1 + sub) * block, blocks * block // 2
    bits, at, pages = data[start + half:start + 2 * half], start + 2 * half, {}
    for pfn in range(half * 8):
        if bits[pfn >> 3] >> (pfn & 7) & 1:
            offset, size, flags, _ = struct.unpack_from('<QIIQ', data, at)
            pages[pfn] = (offset, size, flags)
            at += 24
    at, size = struct.unpack_from('<QQ', data, block + 48)
    notes = data[at:at + size]
    if b'VMCOREINFO' not in notes:
        at, size = struct.unpack_from('<QQ', data, block + 32)
        info = data[at:at + size]
        notes += struct.pack('<3I', 11, len(info), 0) + b'VMCOREINFO\0\0' + info + bytes(-len(info) % 4)
    return pages, notes


def unpacked(data, page):
    offset, size, flags = page
    body = data[offset:offset + size]
    if flags & 1:
        body = zlib.decompress(body)
    elif flags & 0x20:
        body = subprocess.run(['zstd', '-dcq'], input=body, capture_output=True, check=True).stdout
    elif flags:
        sys.exit('pages packed by lzo or snappy are not read')
    return body.ljust(PAGE, b'\0')


def written(data, pages, keep, notes):
    runs = []
    for pfn in sorted(keep):
        if runs and runs[-1][1] == pfn:
            runs[-1][1] += 1
        else:
            runs.append([pfn, pfn + 1])
    at = 64 + 56 * (1 + len(runs))
    head = b'\x7fELF\2\1\1' + bytes(9) + struct.pack('<HHIQQQIHHHHHH', 4, 62, 1, 0, 64, 0, 0, 64, 56, 1 + len(runs), 0, 0, 0)
    table, body = struct.pack('<IIQQQQQQ', 4, 0, at, 0, 0, len(notes), len(notes), 0), [notes]
    at += len(notes)
    body.append(bytes(-at % 8))
    at += -at % 8
    for first, last in runs:
        size = (last - first) * PAGE
        table += struct.pack('<IIQQQQQQ', 1, 0, at, 0, first * PAGE, size, size, 0)
        body.extend(unpacked(data, pages[pfn]) for pfn in range(first, last))
        at += size
    return head + table + b''.join(body)


def observations(culprit, dump):
    out = subprocess.run([culprit, 'parse', dump], capture_output=True, text=True, check=True).stdout
    return [line for line in out.splitlines() if ' dump.kernel ' not in line and not line.startswith('# ')]


def main():
    culprit, dump, out = sys.argv[1:4]
    data = open(dump, 'rb').read()
    pages, notes = kdump_pages(data) if data[:8] == b'KDUMP   ' else elf_pages(data)
    order = sorted((p[0], p[1], pfn) for pfn, p in pages.items())
    keep, starts = set(), [o[0] for o in order]
    longest = max(o[1] for o in order)
    for offset, size in places_read(culprit, dump):
        at = bisect_right(starts, offset) - 1
        while at > 0 and starts[at] + longest > offset:
            at -= 1
        for o in order[max(at, 0):]:
            if o[0] >= offset + size:
                break
            if o[0] + o[1] > offset:
                keep.add(o[2])
    whole = written(data, pages, keep, notes)
    if out.endswith('.xz'):
        packed = lzma.compress(whole, preset=9 | lzma.PRESET_EXTREME)
    else:
        packed = whole
    open(out, 'wb').write(packed)
    same = observations(culprit, dump) == observations(culprit, out)
    print('%s: %d of %d pages, %d KiB%s' % (out, len(keep), len(pages), len(packed) // 1024, '' if same else ': NOT THE SAME'))
    return 0 if same else 1


sys.exit(main())
