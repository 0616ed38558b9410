#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
The files that makedumpfile --split would have written, out of one kdump-compressed dump.

usage: split.py DUMP OUT COUNT [--pair]

Writes OUT-1 … OUT-COUNT, each with as many pages of the dump.
--pair: the two files of COUNT = 2 one behind the other in OUT, the first one filled up to the second's size: a seed for fuzz-dump.
"""
import struct, sys


def parts(d, count):
    block, sub, bitmap_blocks = struct.unpack_from('<3I', d, 428)
    half, bits_at = bitmap_blocks * block // 2, (1 + sub) * block + bitmap_blocks * block // 2
    table = bits_at + half
    end = struct.unpack_from('<Q', d, block + 96)[0]
    dumped = [pfn for pfn in range(end) if d[bits_at + (pfn >> 3)] >> (pfn & 7) & 1]
    edges = [0] + [dumped[len(dumped) * i // count] for i in range(1, count)] + [end]
    for first, last in zip(edges, edges[1:]):
        out = bytearray(d[:table])
        struct.pack_into('<iQQ', out, block + 12, 1, first, last)
        struct.pack_into('<QQ', out, block + 80, first, last)
        mine = [i for i, pfn in enumerate(dumped) if first <= pfn < last]
        at, rows, pages = table + 24 * len(mine), bytearray(), bytearray()
        for i in mine:
            offset, size, flags, page_flags = struct.unpack_from('<QIIQ', d, table + 24 * i)
            rows += struct.pack('<QIIQ', at + len(pages), size, flags, page_flags)
            pages += d[offset:offset + size]
        yield bytes(out + rows + pages)


def main():
    source, out, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    files = list(parts(open(source, 'rb').read(), count))
    if '--pair' in sys.argv:
        size = max(map(len, files))
        open(out, 'wb').write(b''.join(f.ljust(size, b'\0') for f in files))
        return
    for i, f in enumerate(files):
        open(f'{out}-{i + 1}', 'wb').write(f)


main()
