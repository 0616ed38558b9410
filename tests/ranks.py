#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The odd rank is named, whichever it is.

usage: ranks.py CULPRIT SAMPLES [--update]

Bundles of N ranks in which one rank (or GPU) is odd, with the odd one at each place in turn: flight recorders as pickle and as JSON,
watchdog logs in one file a rank and joined in one, utilisation of GPUs; and what is read of SAMPLES/dumps/flight_recorder, byte for
byte as in the .obs beside each. In each family the lead must be the same cause with the
same certainty, and the rank it names must be the odd one. What is healthy must have no lead.
"""
import json, os, subprocess, sys, tempfile
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import flight_recorder

failures = []
cases = 0


def judge(culprit, folder):
    done = subprocess.run([culprit, "--json", folder], capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit("ranks: %s: exit %d: %s" % (folder, done.returncode, done.stderr.decode("utf-8", "replace")))
    report = json.loads(done.stdout)
    for f in report["findings"]:
        if f["order"] == report["lead"]:
            return f, report
    return None, report


def numbers(value):
    """Fact or entity -> the numbers it names."""
    out = []
    for item in value if isinstance(value, list) else [value]:
        for word in str(item).replace(",", " ").split():
            if word.isdigit():
                out.append(int(word))
    return sorted(set(out))


def family(culprit, name, count, cause, write, named):
    """@write(folder, odd) makes a bundle; @named(finding) are the ranks it names. @cause None: no lead."""
    global cases
    seen = {}
    for odd in range(count):
        cases += 1
        with tempfile.TemporaryDirectory() as folder:
            write(folder, odd)
            lead, report = judge(culprit, folder)
        if cause is None:
            if lead:
                failures.append("%s, odd %d: %s leads, nothing should" % (name, odd, lead["cause"]))
            continue
        if not lead or lead["cause"] != cause:
            others = ", ".join("%s %s %.2f" % (f["cause"], f["role"], f["certainty"]) for f in report["findings"])
            failures.append("%s, odd %d: %s leads, not %s (%s)" % (name, odd, lead and lead["cause"], cause, others))
            continue
        seen.setdefault(round(lead["certainty"], 2), []).append(odd)
        if numbers(named(lead)) != [odd]:
            failures.append("%s, odd %d: it names %s" % (name, odd, named(lead)))
    if len(seen) > 1:
        failures.append("%s: the certainty depends on which is odd: %s" % (name, seen))


# ---- watchdog logs ------------------------------------------------------------------------------

def watchdog(rank, seq, numel, last, op="ALLREDUCE"):
    head = "[rank%d]:[E1111 22:37:0%d.38%d000000 ProcessGroupNCCL.cpp:" % (rank, 2 + rank % 6, rank)
    return [head + "632] [Rank %d] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=%d, OpType=%s, NumelIn=%d, NumelOut=%d, "
            "Timeout(ms)=600000) ran for %d milliseconds before timing out." % (rank, seq, op, numel, numel, 600050 + rank),
            head + "2268] [PG ID 0 PG GUID 0(default_pg) Rank %d] failure detected by watchdog at work sequence id: %d PG status: "
            "last enqueued work: %d, last completed work: %d" % (rank, seq, last, seq - 1)]


def init(rank, count):
    return ["gpu07:%d:%d [%d] NCCL INFO comm 0x55d2a4c0%02x10 rank %d nranks %d cudaDev %d nvmlDev %d busId %x commId 0x9c6d3ad3c1a8ed0f - Init COMPLETE"
            % (4100 + rank, 4400 + rank, rank, rank, rank, count, rank, rank, (0x17 + 0x10 * rank) << 12)]


def logs(folder, lines, joined):
    if joined:
        order = sorted((text for part in lines.values() for text in part), key=lambda t: t[t.find(":[E"):][:24] if ":[E" in t else "")
        with open(os.path.join(folder, "job.log"), "w") as f:
            f.write("\n".join(order) + "\n")
        return
    for rank, part in lines.items():
        with open(os.path.join(folder, "rank%d.log" % rank), "w") as f:
            f.write("\n".join(part) + "\n")


def sizes_differ(count, joined):
    def write(folder, odd):
        logs(folder, {r: init(r, count) + watchdog(r, 91, 1048576 if r != odd else 1000000, 91) for r in range(count)}, joined)
    return write


def never_came(count, joined):
    def write(folder, odd):
        logs(folder, {r: init(r, count) + (watchdog(r, 91, 1048576, 92) if r != odd else []) for r in range(count)}, joined)
    return write


def told(count, joined):
    """The odd one was told to dump and says how far it came."""
    def write(folder, odd):
        line = ("[rank%d]:[E1111 22:37:05.640218331 ProcessGroupNCCL.cpp:1987] [PG ID 0 PG GUID 0(default_pg) Rank %d] Received a dump signal due to a "
                "collective timeout from  rank %d and we will try our best to dump the debug info. Last enqueued NCCL work: 90, last completed NCCL "
                "work: 90.This is most likely caused by incorrect usages of collectives, e.g., wrong sizes used across ranks" % (odd, odd, (odd + 1) % count))
        logs(folder, {r: watchdog(r, 91, 1048576, 91) if r != odd else [line] for r in range(count)}, joined)
    return write


def behind(count, joined):
    """The odd one stands in the number before."""
    def write(folder, odd):
        logs(folder, {r: init(r, count) + watchdog(r, 91 if r != odd else 90, 1048576, 91 if r != odd else 90) for r in range(count)}, joined)
    return write


# ---- GPUs ---------------------------------------------------------------------------------------

def gpus(count):
    """The odd one stands at 0 %, the others poll for it at a quarter of their power."""
    def write(folder, odd):
        rows = ["timestamp, index, utilization.gpu [%], power.draw [W], power.limit [W], memory.used [MiB], memory.total [MiB]"]
        for i in range(count):
            rows.append("2025/11/11 22:37:10.%d00, %d, %d %%, %d.00 W, 350.00 W, 20100 MiB, 24576 MiB" % (i, i, 0 if i == odd else 100, 62 if i == odd else 96))
        with open(os.path.join(folder, "nvidia-smi.csv"), "w") as f:
            f.write("\n".join(rows) + "\n")
        with open(os.path.join(folder, "stacks.txt"), "w") as f:
            f.write("(gdb) attach 331\n(gdb) thread apply all bt\n\nThread 7 (Thread 0x7f5a52986467 (LWP 520) \"python\"):\n"
                    "#0  0x00007f1 in sched_yield () from /lib/x86_64-linux-gnu/libc.so.6\n#1  0x00007f2 in ?? () from /usr/lib/x86_64-linux-gnu/libcuda.so.1\n"
                    "#2  0x00007f3 in cudaStreamSynchronize () from /usr/lib/libcudart.so.12\n#3  0x00007f4 in ncclAllReduce ()\n")
    return write


def golden(culprit, folder, update):
    for name in sorted(os.listdir(folder)):
        if name.endswith(".obs"):
            continue
        got = subprocess.run([culprit, "parse", os.path.join(folder, name)], capture_output=True, timeout=60, stdin=subprocess.DEVNULL).stdout
        path = os.path.join(folder, name + ".obs")
        if update:
            with open(path, "wb") as f:
                f.write(got)
        with open(path, "rb") as f:
            if f.read() != got:
                failures.append("%s: other observations than in %s.obs" % (name, name))


def main():
    culprit = sys.argv[1]
    golden(culprit, os.path.join(sys.argv[2], "dumps", "flight_recorder"), "--update" in sys.argv)
    entity = lambda f: f["entities"].get("rank", [])
    for form in "pickle", "json", "resaved":
        for kind, cause in (("missing", "nccl.rank-missing"), ("missing_chain", "nccl.rank-missing"), ("size", "nccl.desync"), ("op", "nccl.desync"),
                            ("dtype", "nccl.desync"), ("extra", "nccl.desync"), ("stuck", "nccl.collective-timeout")):
            if form == "resaved" and kind != "missing":
                continue
            family(culprit, "flight recorder %s, %s" % (form, kind), 4, cause,
                   lambda folder, odd: flight_recorder.write(folder, kind, form, odd, 4, steps=20), entity)
        family(culprit, "flight recorder %s, no file" % form, 4, "nccl.rank-missing",
               lambda folder, odd: flight_recorder.write(folder, "missing", form, odd, 4, absent=(odd,), steps=5), entity)
        for kind in "healthy", "healthy_running":
            family(culprit, "flight recorder %s, %s" % (form, kind), 1, None,
                   lambda folder, odd: flight_recorder.write(folder, kind, form, odd, 4, steps=20), None)
    family(culprit, "flight recorder of 16 ranks", 16, "nccl.rank-missing",
           lambda folder, odd: flight_recorder.write(folder, "missing", "pickle", odd, 16, steps=3), entity)
    for joined in False, True:
        where = "joined log" if joined else "log a rank"
        family(culprit, "watchdog, %s, another size" % where, 4, "nccl.desync", sizes_differ(4, joined), lambda f: f["facts"]["odd_rank"])
        family(culprit, "watchdog, %s, never came" % where, 4, "nccl.rank-missing", never_came(4, joined), lambda f: f["facts"]["missing_ranks"])
        family(culprit, "watchdog, %s, one says so" % where, 4, "nccl.rank-missing", told(4, joined), lambda f: f["facts"]["missing_ranks"])
        family(culprit, "watchdog, %s, one behind" % where, 4, "nccl.desync", behind(4, joined), lambda f: f["facts"]["odd_rank"])
    for count in 2, 4:
        family(culprit, "%d GPUs, one idle" % count, count, "nccl.hang-one-gpu-busy", gpus(count), lambda f: f["facts"]["idle_gpu"])
    for text in failures:
        print(text)
    print("%d bundles, %d failures" % (cases, len(failures)))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
