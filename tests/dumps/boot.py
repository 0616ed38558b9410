#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Fresh kernel dumps: boot a kernel under QEMU, let it die, dump its memory.

usage: boot.py OUT [KERNEL...]        KERNEL: a vmlinuz; without one those below /boot, or what `apt-get download` brings

Each kernel dies in each way (panic: sysrq-c; oom: a shell that eats all memory), and is written in each form that this QEMU writes:
OUT/KERNEL-WAY.{elf,kdump-zlib,…}, and beside it OUT/KERNEL-WAY.serial, what the guest printed. Needs qemu-system-x86_64 and a static
busybox; some 20 s a boot; KVM=1 uses KVM. The guest has the vmcoreinfo device, but VMCOREINFO is in a note only where the kernel has
fw_cfg built in: else it is searched for in memory, as in a dump by a host that knows nothing of its guest.
"""
import glob, gzip, json, os, re, shutil, socket, subprocess, sys, tempfile, time

INIT = '''#!/bin/busybox sh
B=/bin/busybox
$B mkdir -p /proc /dev
$B mount -t proc proc /proc
$B mount -t devtmpfs dev /dev 2>/dev/null
$B hostname node7
way=panic
for w in $($B cat /proc/cmdline); do case $w in way=*) way=${w#way=} ;; esac; done
echo "init: dying by $way" > /dev/kmsg
echo 1 > /proc/sys/kernel/sysrq
$B sleep 600 &
case $way in
oom) $B sh -c 'a=x; while :; do a=$a$a; done' ;;
*) echo c > /proc/sysrq-trigger ;;
esac
$B sleep 2
echo "init: done" > /dev/kmsg
$B sleep 600
'''
WAYS = {'panic': 'end Kernel panic', 'oom': 'init: done'}


def cpio(files):
    """Name, mode, bytes -> an archive as Linux unpacks it (newc)."""
    out = bytearray()
    for n, (name, mode, data) in enumerate(files + [('TRAILER!!!', 0, b'')], 1):
        fields = (n, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b'070701' + b''.join(b'%08x' % f for f in fields) + name.encode() + b'\0'
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def kernels(folder):
    found = sorted(glob.glob('/boot/vmlinuz-*'))
    if found:
        return found[-1:]
    index = subprocess.run(['apt-cache', 'depends', 'linux-image-amd64'], capture_output=True, text=True).stdout
    package = re.search(r'Depends: (linux-image-\S+)', index)
    if not package:
        sys.exit('no /boot/vmlinuz-*, and apt knows of none: name a kernel')
    subprocess.run(['apt-get', 'download', package[1]], cwd=folder, check=True)
    for deb in glob.glob(folder + '/*.deb'):
        subprocess.run(['dpkg-deb', '-x', deb, folder], check=True)
    return glob.glob(folder + '/boot/vmlinuz-*')


class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.stream = self.socket.makefile('rw')
        self.answer()
        self.ask('qmp_capabilities')

    def answer(self):
        for line in self.stream:
            got = json.loads(line)
            if 'event' not in got:
                return got
        return {'error': {'desc': 'QEMU is gone'}}

    def ask(self, command, **arguments):
        self.stream.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
        self.stream.flush()
        return self.answer()


def boot(kernel, initrd, way, out, folder):
    name = os.path.join(out, os.path.basename(kernel).replace('vmlinuz-', '') + '-' + way)
    serial, monitor = name + '.serial', folder + '/monitor'
    for old in (serial, monitor):
        if os.path.exists(old):
            os.unlink(old)
    fast = os.environ.get('KVM') == '1' # a /dev/kvm that is there need not work, in a container
    guest = subprocess.Popen(['qemu-system-x86_64', '-accel', 'kvm' if fast else 'tcg', '-cpu', 'host' if fast else 'max', '-m', '128', '-kernel', kernel,
                              '-initrd', initrd, '-append', f'console=ttyS0 panic=0 way={way}', '-nodefaults', '-display', 'none', '-no-reboot',
                              '-serial', 'file:' + serial, '-device', 'vmcoreinfo', '-qmp', f'unix:{monitor},server=on,wait=off'])
    try:
        until = time.time() + 300
        while time.time() < until and guest.poll() is None:
            if os.path.exists(serial) and WAYS[way] in open(serial, errors='replace').read():
                break
            time.sleep(0.5)
        else:
            print(f'{name}: the guest did not come so far; see {serial}')
            return False
        qemu = Monitor(monitor)
        qemu.ask('stop')
        able = qemu.ask('query-dump-guest-memory-capability').get('return', {}).get('formats', ['elf'])
        for form in able:
            if form.startswith('win') or form.startswith('kdump-raw'):
                continue
            wish = {} if form == 'elf' else {'format': form}
            got = qemu.ask('dump-guest-memory', paging=False, protocol=f'file:{name}.{form}', **wish)
            print(f'{name}.{form}:', got.get('error', {}).get('desc') or f'{os.path.getsize(name + "." + form)} bytes')
        return True
    finally:
        guest.kill()
        guest.wait()


def main():
    out = sys.argv[1]
    busybox = shutil.which('busybox')
    for needed in ('qemu-system-x86_64', 'busybox'):
        if not shutil.which(needed):
            sys.exit(f'{needed} is not installed (apt-get install qemu-system-x86 busybox-static)')
    os.makedirs(out, exist_ok=True)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        initrd = folder + '/initrd'
        files = [(d, 0o40755, b'') for d in ('bin', 'dev', 'proc')]
        files += [('bin/busybox', 0o100755, open(busybox, 'rb').read()), ('init', 0o100755, INIT.encode())]
        open(initrd, 'wb').write(gzip.compress(cpio(files)))
        for kernel in sys.argv[2:] or kernels(folder):
            for way in WAYS:
                good &= boot(kernel, initrd, way, out, folder)
    sys.exit(not good)


main()
