#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Fresh kernel dumps: boot a kernel under QEMU, let it die, dump its memory.

usage: boot.py OUT [KERNEL...]        KERNEL: a vmlinuz; without one those below /boot, or what `apt-get download` brings

Each kernel dies in each way (panic: sysrq-c; oom: a shell that eats all memory; frozen: writers on an ext4 that was frozen), and is
written in each form that this QEMU writes: OUT/KERNEL-WAY.{elf,kdump-zlib,…}, and beside it OUT/KERNEL-WAY.serial, what the guest
printed. x86-64 or arm64, as KERNEL is; ARCH=arm64 downloads that one (`dpkg --add-architecture arm64` first). Needs
qemu-system-x86_64 or qemu-system-aarch64 and a static busybox (BUSYBOX=FILE; of another machine it is downloaded); some 20 s a boot, a
minute for arm64. KVM=1 uses KVM. WAYS="panic frozen" only those, CPU=cortex-a57 another CPU than QEMU's best, SMP=2 two, INSERT="FILE.ko ARG" one
more module, APPEND=… more of the kernel's command line.

The guest has the vmcoreinfo device. Where X/lib/modules lies beside X/boot/vmlinuz-…, what the guest needs of it is loaded, qemu_fw_cfg
before all: it puts VMCOREINFO into a note of the dump. Without, it is searched for in memory, as in a dump by a host that knows nothing
of its guest.
"""
import glob, gzip, json, lzma, os, re, shutil, socket, subprocess, sys, tempfile, time

INIT = '''#!/bin/busybox sh
B=/bin/busybox
$B mkdir -p /proc /dev
$B mount -t proc proc /proc
$B mount -t devtmpfs dev /dev 2>/dev/null
$B hostname node7
way=panic
for w in $($B cat /proc/cmdline); do case $w in way=*) way=${w#way=} ;; esac; done
for m in $($B cat /modules 2>/dev/null); do $B insmod /$m.ko; done
[ -e /insert.ko ] && $B insmod /insert.ko $($B cat /insert)
echo "init: dying by $way" > /dev/kmsg
echo 1 > /proc/sys/kernel/sysrq
$B sleep 600 &
case $way in
oom) $B sh -c 'a=x; while :; do a=$a$a; done' ;;
frozen)
	echo 5 > /proc/sys/kernel/hung_task_timeout_secs
	$B mke2fs /dev/ram0 > /dev/null
	$B mount -t ext4 /dev/ram0 /mnt
	$B fsfreeze --freeze /mnt
	$B dd if=/dev/zero of=/mnt/checkpoint count=1 &
	$B touch /mnt/other &
	$B sleep 12 ;;
*) echo c > /proc/sysrq-trigger ;;
esac
$B sleep 2
echo "init: done" > /dev/kmsg
$B sleep 600
'''
WAYS = {'panic': 'end Kernel panic', 'oom': 'init: done', 'frozen': 'init: done'}
MODULES = 'qemu_fw_cfg brd crc16 crc32c_generic mbcache jbd2 ext4'.split()  # in this order; some are built in
X86, ARM = 'amd64', 'arm64'


def cpio(files):
    """Name, mode, bytes -> an archive as Linux unpacks it (newc)."""
    out = bytearray()
    for n, (name, mode, data) in enumerate(files + [('TRAILER!!!', 0, b'')], 1):
        fields = (n, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b'070701' + b''.join(b'%08x' % f for f in fields) + name.encode() + b'\0'
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def download(folder, package):
    subprocess.run(['apt-get', 'download', package], cwd=folder, check=True)
    for deb in glob.glob(folder + '/*.deb'):
        subprocess.run(['dpkg-deb', '-x', deb, folder], check=True)
        os.unlink(deb)


def kernels(folder, arch):
    found = sorted(glob.glob('/boot/vmlinuz-*')) if arch == this_arch() else []
    if found:
        return found[-1:]
    index = subprocess.run(['apt-cache', 'depends', f'linux-image-{arch}:{arch}'], capture_output=True, text=True).stdout
    package = re.search(r'Depends: (linux-image-[^\s:]+)', index)
    if not package:
        sys.exit(f'no kernel in /boot, and apt knows of none for {arch}: name one')
    download(folder, f'{package[1]}:{arch}')
    return glob.glob(folder + '/boot/vmlinuz-*')


def this_arch():
    return ARM if os.uname().machine == 'aarch64' else X86


def arch_of(kernel):
    with open(kernel, 'rb') as f:
        head = f.read(64)
    return ARM if head[56:60] == b'ARM\x64' else X86


def busybox_for(folder, arch):
    if os.environ.get('BUSYBOX'):
        return os.environ['BUSYBOX']
    if arch == this_arch() and shutil.which('busybox'):
        return shutil.which('busybox')
    place = f'{folder}/busybox-{arch}'
    if not os.path.exists(place):
        os.mkdir(place)
        download(place, f'busybox-static:{arch}')
    return (glob.glob(place + '/bin/busybox') + glob.glob(place + '/usr/bin/busybox'))[0]


def module(kernel, name):
    """A module that lies with the kernel, or None."""
    root, version = os.path.dirname(os.path.dirname(os.path.abspath(kernel))), os.path.basename(kernel).replace('vmlinuz-', '')
    for place in glob.glob(f'{root}/lib/modules/{version}/kernel/**/{name}.ko*', recursive=True):
        data = open(place, 'rb').read()
        return lzma.decompress(data) if place.endswith('.xz') else data
    return None


def initrd(folder, kernel):
    files = [(d, 0o40755, b'') for d in ('bin', 'dev', 'proc', 'mnt')]
    files += [('bin/busybox', 0o100755, open(busybox_for(folder, arch_of(kernel)), 'rb').read()), ('init', 0o100755, INIT.encode())]
    with_it = [(m, module(kernel, m)) for m in MODULES]
    files += [(f'{m}.ko', 0o100644, data) for m, data in with_it if data]
    files += [('modules', 0o100644, ' '.join(m for m, data in with_it if data).encode())]
    if os.environ.get('INSERT'):
        name, *arguments = os.environ['INSERT'].split()
        files += [('insert.ko', 0o100644, open(name, 'rb').read()), ('insert', 0o100644, ' '.join(arguments).encode())]
    open(folder + '/initrd', 'wb').write(gzip.compress(cpio(files)))
    return folder + '/initrd'


def machine(kernel):
    """QEMU's command and the console's name."""
    fast = os.environ.get('KVM') == '1' # a /dev/kvm that is there need not work, in a container
    cpu = os.environ.get('CPU') or ('host' if fast else 'max')
    accel = ['-accel', 'kvm' if fast else 'tcg']
    if arch_of(kernel) == ARM:
        if cpu == 'max':
            cpu = 'max,pauth-impdef=on'  # pointers are signed by a cheap cipher
        return ['qemu-system-aarch64', '-M', 'virt', *accel, '-cpu', cpu, '-m', '256'], 'ttyAMA0'
    return ['qemu-system-x86_64', *accel, '-cpu', cpu, '-m', '128'], 'ttyS0'


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
    command, console = machine(kernel)
    guest = subprocess.Popen([*command, '-kernel', kernel, '-initrd', initrd, '-append', f'console={console} panic=0 way={way} ' + os.environ.get('APPEND', ''), '-nodefaults',
                              '-smp', os.environ.get('SMP', '1'), '-display', 'none', '-no-reboot', '-serial', 'file:' + serial, '-device', 'vmcoreinfo',
                              '-qmp', f'unix:{monitor},server=on,wait=off'])
    try:
        until = time.time() + 600
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
    os.makedirs(out, exist_ok=True)
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for kernel in sys.argv[2:] or kernels(folder, os.environ.get('ARCH') or this_arch()):
            if not shutil.which(machine(kernel)[0][0]):
                sys.exit(f'{machine(kernel)[0][0]} is not installed (apt-get install qemu-system-x86 or qemu-system-arm)')
            files = initrd(folder, kernel)
            for way in os.environ.get('WAYS', ' '.join(WAYS)).split():
                good &= boot(kernel, files, way, out, folder)
    sys.exit(not good)


main()
