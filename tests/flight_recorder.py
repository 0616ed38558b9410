#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes flight recorder files as PyTorch does: pickles with the opcodes of its C++ Pickler, JSON in its key order.

    flight_recorder.py FOLDER KIND [pickle|json] [ODD] [RANKS]    KIND: a method of Job below

The Pickler (torch/csrc/jit/serialization/pickler.cpp, protocol 2) puts texts into the memo at their first use and gets
them from there later, containers only where they are shared (frames), numbers and tuples never.
"""
import json
import os
import pickle
import struct
import sys

START_NS = 1_762_900_000_000_000_000  # 2025-11-11T22:26:40Z


class IntList(list):
    """A list that the Pickler wraps in torch.jit._pickle.build_intlist."""


class Pickler:
    def __init__(self):
        self.out = bytearray(b"\x80\x02")
        self.texts, self.shared, self.memo, self.globals = {}, {}, 0, {}

    def put(self):
        self.out += bytes([0x71, self.memo]) if self.memo < 256 else b"r" + struct.pack("<I", self.memo)
        self.memo += 1
        return self.memo - 1

    def get(self, index):
        self.out += bytes([0x68, index]) if index < 256 else b"j" + struct.pack("<I", index)

    def value(self, v):
        if v is None:
            self.out += b"N"
        elif v is True or v is False:
            self.out += b"\x88" if v else b"\x89"
        elif isinstance(v, int):
            if 0 <= v < 256:
                self.out += b"K" + bytes([v])
            elif 0 <= v < 65536:
                self.out += b"M" + struct.pack("<H", v)
            elif -2**31 <= v < 2**31:
                self.out += b"J" + struct.pack("<i", v)
            else:
                self.out += b"\x8a\x08" + struct.pack("<q", v)
        elif isinstance(v, float):
            self.out += b"G" + struct.pack(">d", v)
        elif isinstance(v, str):
            if v in self.texts:
                return self.get(self.texts[v])
            raw = v.encode()
            self.out += b"X" + struct.pack("<I", len(raw)) + raw
            self.texts[v] = self.put()
        elif isinstance(v, IntList):
            name = b"torch.jit._pickle\nbuild_intlist\n"
            if name in self.globals:
                self.get(self.globals[name])
            else:
                self.out += b"c" + name
                self.globals[name] = self.put()
            self.out += b"(]("
            for item in v:
                self.value(item)
            self.out += b"etR"
        elif isinstance(v, tuple):
            for item in v:
                self.value(item)
            self.out += bytes([0x84 + len(v)])
        elif id(v) in self.shared:
            self.get(self.shared[id(v)])
        else:
            self.out += b"}(" if isinstance(v, dict) else b"]("
            for item in v.items() if isinstance(v, dict) else v:
                if isinstance(v, dict):
                    self.value(item[0])
                    self.value(item[1])
                else:
                    self.value(item)
            self.out += b"u" if isinstance(v, dict) else b"e"
            if isinstance(v, dict) and set(v) == {"name", "filename", "line"}:
                self.shared[id(v)] = self.put()


def torch_pickle(v):
    p = Pickler()
    p.value(v)
    return bytes(p.out) + b"."


class Job:
    """@ranks ranks in one group over all and pairs of neighbours; 90 steps ran well, in the 91st something is odd with one rank."""

    def __init__(self, ranks=4, odd=2, steps=90):
        self.ranks, self.odd, self.steps = ranks, odd, steps
        self.entries = {r: [] for r in range(ranks)}
        self.seq = {}
        self.now = START_NS
        self.frames = [
            {"name": "all_reduce", "filename": "/opt/conda/lib/python3.11/site-packages/torch/distributed/distributed_c10d.py", "line": 2806},
            {"name": "wrapper", "filename": "/opt/conda/lib/python3.11/site-packages/torch/distributed/c10d_logger.py", "line": 81},
            {"name": "sync_gradients", "filename": "/workspace/train.py", "line": 214},
            {"name": "<module>", "filename": "/workspace/train.py", "line": 388}]

    def groups(self, rank):
        pair = rank // 2 * 2
        return {"0": ("default_pg", list(range(self.ranks))), str(1 + pair // 2): ("tensor_parallel", [pair, pair + 1])}

    def add(self, rank, pg, op, size, state="completed", dtype="Float", delay_ms=1.0, p2p=False):
        seq = self.seq[rank, pg] = self.seq.get((rank, pg), 0) + (not p2p)
        created = self.now + rank * 40_000 + int(delay_ms * 1e6)
        e = {"frames": list(self.frames), "record_id": len(self.entries[rank]), "pg_id": 0 if pg == "0" else 1,
             "process_group": (pg, self.groups(rank)[pg][0]), "collective_seq_id": seq, "p2p_seq_id": 0, "op_id": seq,
             "profiling_name": "nccl:" + op, "time_created_ns": created, "input_sizes": [size], "input_dtypes": [dtype],
             "output_sizes": [size], "output_dtypes": [dtype], "state": state,
             "time_discovered_started_ns": created + 300_000 if state != "scheduled" else None,
             "time_discovered_completed_ns": created + 2_100_000 if state == "completed" else None,
             "retired": state == "completed", "timeout_ms": 600_000, "is_p2p": p2p}
        if state == "completed":
            e["duration_ms"] = 1.75
        self.entries[rank].append(e)

    def run(self):
        for step in range(self.steps):
            self.now += 250_000_000
            for r in range(self.ranks):
                self.add(r, str(1 + r // 2), "all_reduce", [4096, 1024])
                self.add(r, "0", "all_reduce", [1048576])
        self.now += 250_000_000

    def missing(self):
        """The odd rank never comes to its next collective; the rest stands in it."""
        self.run()
        for r in range(self.ranks):
            if r != self.odd:
                self.add(r, "0", "all_reduce", [1048576], "started")
                self.add(r, "0", "all_reduce", [524288], "scheduled")

    def missing_chain(self):
        """The same, but its neighbour waits for it in their pair, and the others for both."""
        self.run()
        for r in range(self.ranks):
            if r == self.odd:
                continue
            if r // 2 == self.odd // 2:
                self.add(r, str(1 + r // 2), "all_reduce", [4096, 1024], "started")
            else:
                self.add(r, str(1 + r // 2), "all_reduce", [4096, 1024])
                self.add(r, "0", "all_reduce", [1048576], "started")

    def size(self):
        """All come, the odd one with another size."""
        self.run()
        for r in range(self.ranks):
            self.add(r, "0", "all_reduce", [1048576 if r != self.odd else 1000000], "started")

    def op(self):
        """The odd one calls something else."""
        self.run()
        for r in range(self.ranks):
            self.add(r, "0", "all_reduce" if r != self.odd else "_all_gather_base", [1048576], "started")

    def dtype(self):
        self.run()
        for r in range(self.ranks):
            self.add(r, "0", "broadcast", [8192], "started", dtype="Float" if r != self.odd else "BFloat16")

    def stuck(self):
        """All others are through; the odd one's kernel started and does not end, they wait for it in the next."""
        self.run()
        for r in range(self.ranks):
            self.add(r, "0", "all_reduce", [1048576], "completed" if r != self.odd else "started")
            self.add(r, "0", "all_reduce", [1048576], "started" if r != self.odd else "scheduled")

    def extra(self):
        """The odd one alone calls a collective that is for all."""
        self.run()
        self.add(self.odd, "0", "broadcast", [16], "started")

    def circle(self):
        """The odd one and its neighbour take their two groups in different order: each waits for the other."""
        self.run()
        for r in range(self.ranks):
            if r // 2 == self.odd // 2 and r != self.odd:
                self.add(r, str(1 + r // 2), "all_reduce", [4096, 1024], "started")
            else:
                self.add(r, "0", "all_reduce", [1048576], "started")

    def healthy(self):
        self.run()

    def healthy_running(self):
        """Asked for while the job runs: the last one is under way everywhere; all-to-all brings other sizes."""
        self.run()
        for r in range(self.ranks):
            self.add(r, "0", "all_to_all", [1024 * (r + 1)])
            self.add(r, "0", "all_reduce", [1048576], "started")

    def content(self, rank):
        status = {}
        for pg, number in (("0", 0), (str(1 + rank // 2), 1)):
            done = [e["collective_seq_id"] for e in self.entries[rank] if e["process_group"][0] == pg and e["state"] == "completed"]
            status[str(number)] = {"last_enqueued_collective": self.seq.get((rank, pg), 0), "last_started_collective": max(done, default=-1),
                                   "last_completed_collective": max(done, default=-1)}
        return {"version": "2.10", "pg_config": {pg: {"name": pg, "desc": desc, "ranks": "[" + ", ".join(map(str, ranks)) + "]"}
                                                 for pg, (desc, ranks) in self.groups(rank).items()},
                "nccl_version": "2.27.3", "pg_status": status, "entries": self.entries[rank]}

    def as_pickle(self, rank):
        return torch_pickle(self.content(rank))

    def as_json(self, rank):
        c = self.content(rank)
        c["pg_status"] = {k: {name: str(n) for name, n in v.items()} for k, v in c["pg_status"].items()}
        c["entries"] = [{k: (0 if v is None else v) for k, v in e.items() if k != "frames"} for e in c["entries"]]
        return json.dumps(c, sort_keys=True, separators=(",", ":")).encode()

    def resaved(self, rank):
        return pickle.dumps(self.content(rank), protocol=4)


def write(folder, kind, form="pickle", odd=2, ranks=4, absent=(), steps=90):
    job = Job(ranks, odd, steps)
    getattr(job, kind)()
    os.makedirs(folder, exist_ok=True)
    for r in range(ranks):
        if r in absent:
            continue
        name = f"nccl_trace_rank_{r}" + (".json" if form == "json" else "")
        data = job.as_json(r) if form == "json" else job.resaved(r) if form == "resaved" else job.as_pickle(r)
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "pickle", *map(int, sys.argv[4:6]))
