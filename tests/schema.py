#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hold reports to schema/report.schema.json, and to what a schema can't say.

usage: schema.py SCHEMA FILE.json...          reports; "-" is standard input
       schema.py SCHEMA --run CULPRIT PATH... what the program prints for each path
Ends with 77 (skipped) where the module jsonschema is missing.
"""
import json
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("the module jsonschema is missing: skipped")
    sys.exit(77)


def mistakes(report):
    orders = [f["order"] for f in report["findings"]]
    if orders != sorted(set(orders)):
        yield "findings are not in order"
    if report["lead"] is not None:
        lead = [f for f in report["findings"] if f["order"] == report["lead"]]
        if not lead:
            yield "the lead is no finding"
        elif lead[0]["role"] != "root" or lead[0]["certainty"] < 0.5:
            yield "the lead is no root, or not certain enough"
    for f in report["findings"]:
        if f["explained_by"] is not None and (f["explained_by"] not in orders or f["explained_by"] == f["order"]):
            yield "finding %d is explained by nothing" % f["order"]
    for s in report["coverage"]["sources"]:
        if s["first"] and s["last"] and s["first"] > s["last"]:
            yield "%s ends before it begins" % s["source"]


def main(args):
    validator = jsonschema.Draft202012Validator(json.load(open(args[0])))
    jsonschema.Draft202012Validator.check_schema(validator.schema)
    texts = []
    if args[1] == "--run":
        for path in args[3:]:
            texts.append((path, subprocess.run([args[2], "--json", path], stdout=subprocess.PIPE, check=True).stdout))
    else:
        for path in args[1:]:
            texts.append((path, sys.stdin.buffer.read() if path == "-" else open(path, "rb").read()))
    bad = 0
    for path, text in texts:
        found = json.loads(text.decode("utf-8"), parse_constant=lambda c: sys.exit("%s: %s is no JSON" % (path, c)))
        for report in found if isinstance(found, list) else [found]:
            if report is None:
                continue
            for error in validator.iter_errors(report):
                print("%s: %s: %s" % (path, "/".join(map(str, error.absolute_path)), error.message[:200]))
                bad += 1
            for line in mistakes(report) if not bad else ():
                print("%s: %s" % (path, line))
                bad += 1
    print("%d reports, %d mistakes" % (len(texts), bad))
    return bad > 0


sys.exit(main(sys.argv[1:]))
