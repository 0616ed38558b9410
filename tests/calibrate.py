#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is a certainty of 0.8 right four times out of five? The table of bins, and the map that the cases themselves would give.

usage: calibrate.py CULPRIT FOLDER...   each FOLDER holds cases: a case file with CASE.label.json
(culprit label), or a folder with case.json ({"cause": ID or null}) beside its files

Every root of every case is one prediction: it is right when it is the label's cause, one of "also_acceptable" or of
"must_appear" (true, though not what leads). The map from log-odds (the sum of a finding's summands) to a certainty is fitted as one monotone
curve (pool adjacent violators), each case by the curve of all others: what rules/calibration.yaml says is held against that.
"""
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

BINS = [0.0, 0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0]
PRIOR = 1.0  # of a bin: so many cases that say what the present map says


def run(culprit, folder):
    """Judge the case as it was handed in, without its label."""
    if os.path.isfile(folder):
        return json.loads(subprocess.run([culprit, "--json", folder], stdout=subprocess.PIPE, check=True).stdout.decode("utf-8", "replace"))
    with tempfile.TemporaryDirectory() as scratch:
        bundle = os.path.join(scratch, os.path.basename(folder))
        shutil.copytree(folder, bundle, ignore=shutil.ignore_patterns("case.json"))
        out = subprocess.run([culprit, "--json", bundle], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        try:
            return json.loads(out.stdout.decode("utf-8", "replace"))
        except ValueError:
            sys.exit("%s: no report came of it (exit status %d)" % (folder, out.returncode))


def read(culprit, folders):
    for top in folders:
        for name in sorted(os.listdir(top)):
            folder = os.path.join(top, name)
            label = os.path.join(folder, "case.json")
            if name.endswith(".label.json") and os.path.isfile(folder[:-len(".label.json")]):
                label, folder = folder, folder[:-len(".label.json")]
            if not os.path.isfile(label):
                continue
            with open(label, encoding="utf-8") as file:
                case = json.load(file)
            if "cause" not in case:
                continue
            true = {case["cause"], *case.get("also_acceptable", []), *case.get("must_appear", [])} - {None}
            report = run(culprit, folder)
            points = []
            for f in report["findings"]:
                if f["role"] != "root" or "waived" in f:
                    continue
                odds = sum(s["points"] or 0 for s in f["summands"])
                points.append((odds, f["certainty"], f["cause"] in true, f["order"] == report["lead"]))
            yield name, points


def fit(points):
    """Pool adjacent violators: [(odds, certainty)], rising. Each point is drawn a little to the certainty it has now."""
    blocks = []
    for odds, certainty, right, _ in sorted(points):
        blocks.append([odds, odds, right + PRIOR * certainty, 1 + PRIOR])
        while len(blocks) > 1 and blocks[-2][2] / blocks[-2][3] >= blocks[-1][2] / blocks[-1][3]:
            last = blocks.pop()
            blocks[-1] = [blocks[-1][0], last[1], blocks[-1][2] + last[2], blocks[-1][3] + last[3]]
    curve = []
    for low, high, good, count in blocks:
        curve += [(low, good / count)] if low == high else [(low, good / count), (high, good / count)]
    return curve


def ask(curve, odds):
    if odds <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in zip(curve, curve[1:]):
        if odds <= x1:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (odds - x0) / (x1 - x0)
    return curve[-1][1]


def table(title, pairs):
    print("%s\n  certainty     n   predicted  right" % title)
    for low, high in zip(BINS, BINS[1:]):
        here = [(p, r) for p, r in pairs if low <= p < high or (high == 1.0 and p == 1.0)]
        if here:
            n = len(here)
            print("  %.2f-%.2f  %4d     %.3f     %.3f" % (low, high, n, sum(p for p, _ in here) / n, sum(r for _, r in here) / n))
    if pairs:
        print("  Brier score %.4f over %d" % (sum((p - r) ** 2 for p, r in pairs) / len(pairs), len(pairs)))


def main(args):
    if len(args) < 2:
        sys.exit(__doc__)
    cases = list(read(args[0], args[1:]))
    if not cases:
        sys.exit("no cases: a case is a folder with case.json")
    points = [p for _, found in cases for p in found]
    if not points:
        sys.exit("%d cases, and no root in any of them" % len(cases))
    print("%d cases, %d roots, %d of them lead\n" % (len(cases), len(points), sum(p[3] for p in points)))
    table("as rules/calibration.yaml maps them", [(p[1], p[2]) for p in points])
    print()
    table("of those, the leads alone", [(p[1], p[2]) for p in points if p[3]])
    held_out = []
    for i, (_, found) in enumerate(cases):
        others = [p for k, (_, other) in enumerate(cases) if k != i for p in other]
        if found and others:
            curve = fit(others)
            held_out += [(ask(curve, p[0]), p[2]) for p in found]
    print()
    table("each case by a map fitted to all others", held_out)
    curve = fit(points)
    print("\nfitted to all: log-odds -> certainty")
    for odds in (-4, -2, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4, 5, 8):
        if curve[0][0] - 1 <= odds <= curve[-1][0] + 1:
            print("  %5.1f  %.3f  (logistic %.3f)" % (odds, ask(curve, odds), 1 / (1 + math.exp(-odds))))
    return 0


sys.exit(main(sys.argv[1:]))
