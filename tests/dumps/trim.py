#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
A kernel dump that keeps only what culprit reads of it, for samples/.

usage: trim.py CULPRIT DUMP OUT.elf[.xz] [--blank]

DUMP is ELF64 or kdump-compressed (raw, zlib or zstd pages; zstd by the program). strace tells which places of the file are read; the
pages there are written as an ELF dump with the notes of the old one, all other memory is left out as if it had been filtered.
--blank: of kallsyms' names and BTF's members, which are most of what stays, those are made blanks of the same length that no source of
culprit's names and no stack. Needs strace. Both must give the same observations but for what describes the container itself.
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


def machine_of(data, notes):
    if data[:4] == b'\x7fELF':
        return struct.unpack_from('<H', data, 18)[0]
    return 183 if b'NUMBER(kimage_voffset)' in notes else 62


def written(data, contents, notes):
    keep = contents.keys()
    runs = []
    for pfn in sorted(keep):
        if runs and runs[-1][1] == pfn:
            runs[-1][1] += 1
        else:
            runs.append([pfn, pfn + 1])
    at = 64 + 56 * (1 + len(runs))
    head = b'\x7fELF\2\1\1' + bytes(9) + struct.pack('<HHIQQQIHHHHHH', 4, machine_of(data, notes), 1, 0, 64, 0, 0, 64, 56, 1 + len(runs), 0, 0, 0)
    table, body = struct.pack('<IIQQQQQQ', 4, 0, at, 0, 0, len(notes), len(notes), 0), [notes]
    at += len(notes)
    body.append(bytes(-at % 8))
    at += -at % 8
    for first, last in runs:
        size = (last - first) * PAGE
        table += struct.pack('<IIQQQQQQ', 1, 0, at, 0, first * PAGE, size, size, 0)
        body.extend(contents[pfn] for pfn in range(first, last))
        at += size
    return head + table + b''.join(body)


class Image:
    """The kernel's image in the pages that stay, by virtual address."""
    def __init__(self, contents, notes):
        self.contents = contents
        self.info = dict(l.split('=', 1) for l in notes[notes.index(b'OSRELEASE='):].split(b'\0')[0].decode().splitlines() if '=' in l)
        if 'NUMBER(kimage_voffset)' in self.info:
            self.shift = int(self.info['NUMBER(kimage_voffset)'], 16)
        else:
            self.shift = 0xffffffff80000000 - int(self.info['NUMBER(phys_base)'])

    def symbol(self, name):
        return int(self.info[f'SYMBOL({name})'], 16)

    def read(self, at, size):
        at -= self.shift
        first, last = at // PAGE, (at + size - 1) // PAGE
        whole = b''.join(self.contents.get(p, bytes(PAGE)) for p in range(first, last + 1))
        return bytearray(whole[at - first * PAGE:][:size])

    def write(self, at, data):
        at -= self.shift
        for i in range(0, len(data)):
            page = self.contents.get((at + i) // PAGE)
            if page is not None:
                page[(at + i) % PAGE] = data[i]


def blank_kallsyms(image, wanted):
    """Blank the names of symbols; where BTF is."""
    count, = struct.unpack('<I', image.read(image.symbol('kallsyms_num_syms'), 4))
    index = struct.unpack('<256H', image.read(image.symbol('kallsyms_token_index'), 512))
    table = bytes(image.read(image.symbol('kallsyms_token_table'), max(index) + 64))
    tokens = [table[i:table.index(0, i)] for i in index]
    offsets = struct.unpack(f'<{count}I', image.read(image.symbol('kallsyms_offsets'), 4 * count))
    base, = struct.unpack('<Q', image.read(image.symbol('kallsyms_relative_base'), 8))
    names, at, start = image.read(image.symbol('kallsyms_names'), count * 24), 0, {}
    for i in range(count):
        n, at = names[at], at + 1
        if n & 0x80:
            n, at = (n & 0x7f) | names[at] << 7, at + 1
        name = b''.join(tokens[t] for t in names[at:at + n])[1:].decode()
        start[name] = base + offsets[i]
        parts = name.split('.')[0].split('_')  # the sources also ask for beginnings: schedule, schedule_timeout
        if not any('_'.join(parts[:i + 1]) in wanted for i in range(len(parts)) if any(parts[:i + 1])):
            names[at:at + n] = bytes([ord('t')]) * n
        at += n
    image.write(image.symbol('kallsyms_names'), names[:at])
    return start['__start_BTF'], start['__stop_BTF']


def blank_btf(image, start, stop, wanted):
    data = image.read(start, stop - start)
    size, strings_at, strings_size = struct.unpack_from('<3I', data, 12)
    strings_at += 24
    extra = {1: 4, 3: 12, 14: 4, 17: 4}
    each = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}
    name_at = lambda n: bytes(data[strings_at + n:data.index(0, strings_at + n)]).decode()
    types, at = [None], 24
    while at < 24 + size:
        name, info = struct.unpack_from('<II', data, at)
        kind, count = info >> 24 & 0x1f, info & 0xffff
        types.append((at, kind, count, name))
        at += 12 + extra.get(kind, 0) + each.get(kind, 0) * count
    members = lambda t: [struct.unpack_from('<II', data, t[0] + 12 + i * 12) for i in range(t[2])]
    target = lambda t: struct.unpack_from('<I', data, t[0] + 8)[0]

    def behind(number):
        while number and types[number][1] in (2, 3, 8, 9, 10, 11, 18):
            number = struct.unpack_from('<I', data, types[number][0] + 12)[0] if types[number][1] == 3 else target(types[number])
        return number
    keep, todo = set(), [i for i, t in enumerate(types) if t and t[1] in (4, 5, 6, 19) and t[3] and name_at(t[3]) in wanted]
    while todo:
        number = todo.pop()
        if number in keep or not number:
            continue
        keep.add(number)
        if types[number][1] in (4, 5):
            todo += [behind(kind) for name, kind in members(types[number]) if not name or name_at(name) in wanted]
    used = {0}
    for i, t in enumerate(types):
        if not t:
            continue
        if i in keep or t[1] not in each:
            if t[1] not in (12, 14, 17):
                used.add(t[3])
            else:
                struct.pack_into('<I', data, t[0], 0)
            if i in keep:
                used.update(struct.unpack_from('<I', data, t[0] + 12 + n * each[t[1]])[0] for n in range(t[2]))
        else:
            struct.pack_into('<I', data, t[0], 0)
            first = t[0] + 12
            data[first:first + t[2] * each[t[1]]] = bytes(t[2] * each[t[1]])
    strings = bytearray(b'\0') * strings_size
    for n in used:
        strings[n:n + len(name_at(n))] = name_at(n).encode()
    data[strings_at:strings_at + strings_size] = strings
    image.write(start, data)


def words_of(culprit, dump):
    """What the sources name, and what stands on stacks."""
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'parsers', 'dump')
    words = set()
    for source in os.listdir(here):
        for text in re.findall(r'"([^"]*)"', open(os.path.join(here, source)).read()):
            words.update(re.findall(r'\w+', text))
    for command in (['dump', 'stacks'], ['parse']):
        text = subprocess.run([culprit, *command, dump], capture_output=True, text=True).stdout
        words.update(re.findall(r'\w+', text))
    return words


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
    contents = {pfn: bytearray(unpacked(data, pages[pfn])) for pfn in keep}
    if '--blank' in sys.argv:
        wanted, image = words_of(culprit, dump), Image(contents, notes)
        blank_btf(image, *blank_kallsyms(image, wanted), wanted)
    whole = written(data, contents, notes)
    if out.endswith('.xz'):
        packed = lzma.compress(whole, preset=9 | lzma.PRESET_EXTREME)
    else:
        packed = whole
    open(out, 'wb').write(packed)
    same = observations(culprit, dump) == observations(culprit, out)
    print('%s: %d of %d pages, %d KiB%s' % (out, len(keep), len(pages), len(packed) // 1024, '' if same else ': NOT THE SAME'))
    return 0 if same else 1


sys.exit(main())
