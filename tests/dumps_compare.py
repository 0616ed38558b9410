#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kernel dumps against references made with full debuginfo.

usage: dumps_compare.py CULPRIT FOLDER

Each FOLDER/*/ holds a vmcore, tasks.drgn.txt ("PID TGID PPID STATE CPU COMM" and a line a task, then "STACK pid comm" with
indented functions, inlined ones too) and dmesg.ref.txt. Compared: every task but the idle ones; the stacks of waiting tasks up
to the first module frame with the reference, and as a whole with the kernel's own call trace of that task in the log. Exit
status 1 if anything differs.
"""
import os
import re
import subprocess
import sys
import time


def fields(line):
    return dict((k, v[1:-1].encode().decode('unicode_escape') if v[:1] == '"' else v)
                for k, v in re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S+)', line))


def read_reference(path):
    tasks, stacks, at = {}, {}, None
    for line in open(path):
        line = line.rstrip('\n')
        if line.startswith('STACK '):
            at = stacks.setdefault(int(line.split()[1]), [])
        elif line.startswith('    ') and at is not None:
            at.append(line.strip())
        elif re.match(r'\d', line) and at is None:
            pid, tgid, ppid, state, cpu, comm = line.split(None, 5)
            tasks[int(pid)] = (int(tgid), int(ppid), state, int(cpu), comm)
    return tasks, stacks


def read_traces(path):
    """pid -> functions with offsets, of the last hung-task report."""
    traces, pid, at = {}, None, None
    for line in open(path, errors='replace'):
        text = re.sub(r'^\[ *[\d.]+\]( \[ *[TC]\d+\])? ?', '', line.rstrip('\n'))
        m = re.match(r'task:.*? state:.*? pid:(\d+)', text)
        if m:
            pid = int(m.group(1))
        elif text.strip() == '<TASK>' and pid is not None:
            at = traces[pid] = []
        elif text.strip() == '</TASK>':
            pid = at = None
        elif at is not None and re.match(r' [?]? ?[\w.]+\+0x', text) and not text.startswith(' ? '):
            at.append(text.strip())
    return traces


def main():
    culprit, folder = sys.argv[1:3]
    bad = 0
    for name in sorted(os.listdir(folder)):
        base = os.path.join(folder, name)
        reference = os.path.join(base, 'tasks.drgn.txt')
        if not os.path.exists(reference):
            continue
        start = time.time()
        out = subprocess.run([culprit, 'parse', os.path.join(base, 'vmcore')], capture_output=True, text=True, check=False).stdout
        took = time.time() - start
        tasks, stacks, problems = {}, {}, []
        for line in out.splitlines():
            f = fields(line)
            if ' dump.task ' in line:
                tasks[int(f['pid'])] = (int(f['tgid']), int(f['ppid']), f['state'], int(f['cpu']), f['comm'])
            elif ' dump.stack ' in line:
                stacks[int(f['pid'])] = f
        want, want_stacks = read_reference(reference)
        traces = read_traces(os.path.join(base, 'dmesg.ref.txt'))
        for pid in sorted(set(want) | set(tasks)):
            if pid and want.get(pid) != tasks.get(pid):
                problems.append('task %d: %s, reference %s' % (pid, tasks.get(pid), want.get(pid)))
        ours = set()
        for f in stacks.values():
            ours |= {re.sub(r'[.+].*', '', x) for x in f.get('trace', '').split('\n')}
        for pid, frames in want_stacks.items():
            if want.get(pid, (0, 0, ''))[2] != 'D':
                continue
            have = stacks.get(pid, {}).get('trace', '').split('\n')
            kernel = [f for f in frames]
            for i, f in enumerate(kernel):
                if f.startswith('0x'):
                    kernel = kernel[:i]
                    break
            plain = [re.sub(r'[.+].*', '', x) for x in have]
            at = 0
            for f in kernel:
                f = f.split('.')[0]
                if at < len(plain) and plain[at] == f:
                    at += 1
                elif f in ours:
                    problems.append('stack %d: %s is missing in %s' % (pid, f, plain))
                    break
            if any(x.startswith('? ') for x in have):
                problems.append('stack %d has guesses: %s' % (pid, have))
            if pid in traces and traces[pid] != have[:len(traces[pid])]:
                problems.append('stack %d: %s, the kernel said %s' % (pid, have, traces[pid]))
        bad += len(problems)
        print('%-20s %3d tasks, %d stacks, %d call traces, %.2f s: %s' % (name, len(tasks), len(want_stacks), len(traces), took,
                                                                    'same' if not problems else '%d differ' % len(problems)))
        for p in problems[:20]:
            print('    ' + p)
    return 1 if bad else 0


sys.exit(main())
