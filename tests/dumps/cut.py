#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A small dump out of a large one, for samples/dumps.

usage: cut.py CULPRIT DUMP OUT.{kdump,elf} [--flat]

DUMP is kdump-compressed. Every page is left out (its bit in the second bitmap is cleared, as a filtered page's is) without which
`culprit dump dmesg` still prints the same; the pages that stay are copied as they are packed. OUT.elf has them unpacked (zlib and
raw pages only). --flat writes it as makedumpfile -F would.
"""
import struct, subprocess, sys, tempfile, zlib


class Kdump:
    def __init__(self, path):
        self.data = d = open(path, 'rb').read()
        assert d[:8] == b'KDUMP   ', 'kdump-compressed only'
        self.block, self.sub, self.bitmap_blocks = struct.unpack_from('<3I', d, 428)
        self.bitmap = (1 + self.sub) * self.block
        self.half = self.bitmap_blocks * self.block // 2
        bits = d[self.bitmap + self.half:self.bitmap + 2 * self.half]
        at, self.pages = self.bitmap + 2 * self.half, {}
        for pfn in range(self.half * 8):
            if bits[pfn >> 3] >> (pfn & 7) & 1:
                offset, size, flags, _ = struct.unpack_from('<QIIQ', d, at)
                self.pages[pfn] = (d[offset:offset + size], flags)
                at += 24

    def write(self, keep):
        out = bytearray(self.data[:self.bitmap + self.half]) + bytearray(self.half)
        keep = sorted(keep)
        at = len(out) + 24 * len(keep)
        descriptors, pages = bytearray(), bytearray()
        for pfn in keep:
            page, flags = self.pages[pfn]
            out[self.bitmap + self.half + (pfn >> 3)] |= 1 << (pfn & 7)
            descriptors += struct.pack('<QIIQ', at + len(pages), len(page), flags, 0)
            pages += page
        return bytes(out + descriptors + pages)

    def notes(self):
        at, size = struct.unpack_from('<QQ', self.data, self.block + 48)
        notes = self.data[at:at + size]
        if b'VMCOREINFO' not in notes:
            at, size = struct.unpack_from('<QQ', self.data, self.block + 32)
            info = self.data[at:at + size]
            notes += struct.pack('<3I', 11, len(info), 0) + b'VMCOREINFO\0\0' + info + bytes(-len(info) % 4)
        return notes

    def elf(self, keep):
        runs, notes = [], self.notes()
        for pfn in sorted(keep):
            if runs and runs[-1][1] == pfn:
                runs[-1][1] += 1
            else:
                runs.append([pfn, pfn + 1])
        at = 64 + 56 * (1 + len(runs))
        head = b'\x7fELF\2\1\1' + bytes(9) + struct.pack('<HHIQQQIHHHHHH', 4, 62, 1, 0, 64, 0, 0, 64, 56, 1 + len(runs), 0, 0, 0)
        table = struct.pack('<IIQQQQQQ', 4, 0, at, 0, 0, len(notes), len(notes), 0)
        place = (at + len(notes) + 4095) & ~4095
        body = notes + bytes(place - at - len(notes))
        for start, end in runs:
            table += struct.pack('<IIQQQQQQ', 1, 7, place, 0, start * 4096, (end - start) * 4096, (end - start) * 4096, 0)
            for pfn in range(start, end):
                page, flags = self.pages[pfn]
                body += zlib.decompress(page) if flags & 1 else page
            place += (end - start) * 4096
        return head + table + body


def flat(data):
    """As makedumpfile -F: the body in pieces, the header last, over what was written there first."""
    out = bytearray(b'makedumpfile\0\0\0\0' + struct.pack('>QQ', 1, 1)).ljust(4096, b'\0')
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536] if at else bytes(4096) + data[4096:65536]
        out += struct.pack('>QQ', at, len(piece)) + piece
    return bytes(out + struct.pack('>QQ', 0, 4096) + data[:4096] + b'\xff' * 16)


def main():
    culprit, source, target = sys.argv[1:4]
    dump = Kdump(source)

    def log(keep):
        with tempfile.NamedTemporaryFile() as f:
            f.write(dump.write(keep))
            f.flush()
            done = subprocess.run([culprit, 'dump', 'dmesg', f.name], capture_output=True)
            return done.stdout if done.returncode == 0 and not done.stderr else None

    keep = set(dump.pages)
    wanted = log(keep)
    assert wanted
    step = 64
    while step:
        for some in [sorted(keep)[i:i + step] for i in range(0, len(keep), step)]:
            if log(keep - set(some)) == wanted:
                keep -= set(some)
        step //= 4
    data = dump.elf(keep) if target.endswith('.elf') else dump.write(keep)
    open(target, 'wb').write(flat(data) if '--flat' in sys.argv else data)
    print(f'{target}: {len(keep)} of {len(dump.pages)} pages')


main()
