#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hold reports to schema/report.schema.json, and to what a schema can't say.

usage: schema.py SCHEMA FILE.json...          reports; "-" is standard input
       schema.py SCHEMA --run CULPRIT PATH... what the program prints for each path
It knows the words of JSON Schema 2020-12 that report.schema.json uses, and refuses others.
"""
import json
import re
import subprocess
import sys

TYPES = {
    "object": lambda v: isinstance(v, dict), "array": lambda v: isinstance(v, list), "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool), "null": lambda v: v is None,
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "integer": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and v == int(v),
}
LIMITS = {  # word: the values that it speaks of, what must hold
    "enum": (object, lambda v, x: v in x), "const": (object, lambda v, x: v == x), "minimum": ((int, float), lambda v, x: v >= x),
    "maximum": ((int, float), lambda v, x: v <= x), "minLength": (str, lambda v, x: len(v) >= x), "maxItems": (list, lambda v, x: len(v) <= x),
    "pattern": (str, lambda v, x: re.search(x, v)),
}
SILENT = {"$schema", "$id", "$defs", "title", "description"}


def wrong(root, schema, value, at=""):
    """What @value breaks of @schema, a sentence each."""
    for word, x in schema.items():
        if word == "$ref":
            yield from wrong(root, root["$defs"][x.removeprefix("#/$defs/")], value, at)
        elif word == "type":
            if not any(TYPES[t](value) for t in (x if isinstance(x, list) else [x])):
                yield f"{at}: {json.dumps(value)[:80]} is no {x}"
        elif word == "anyOf":
            if all(list(wrong(root, s, value, at)) for s in x):
                yield f"{at}: {json.dumps(value)[:80]} is none of what may stand there"
        elif word == "required":
            yield from (f"{at}: no {name}" for name in x if isinstance(value, dict) and name not in value)
        elif word == "properties":
            for name in x if isinstance(value, dict) else ():
                if name in value:
                    yield from wrong(root, x[name], value[name], f"{at}/{name}")
        elif word == "additionalProperties":
            for name in sorted(set(value) - set(schema.get("properties", ()))) if isinstance(value, dict) else ():
                yield from [f"{at}: {name} is not known"] if x is False else wrong(root, {} if x is True else x, value[name], f"{at}/{name}")
        elif word == "items":
            for i, item in enumerate(value if isinstance(value, list) else ()):
                yield from wrong(root, x, item, f"{at}/{i}")
        elif word in LIMITS:
            kinds, holds = LIMITS[word]
            if isinstance(value, kinds) and not isinstance(value, bool if kinds != object else ()) and not holds(value, x):
                yield f"{at}: {json.dumps(value)[:80]} against {word} {x}"
        elif word not in SILENT:
            sys.exit(f"the schema says {word}, which is not understood here")


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
    with open(args[0]) as f:
        schema = json.load(f)
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
            for error in wrong(schema, schema, report):
                print("%s: %s" % (path, error))
                bad += 1
            for line in mistakes(report) if not bad else ():
                print("%s: %s" % (path, line))
                bad += 1
    print("%d reports, %d mistakes" % (len(texts), bad))
    return bad > 0


sys.exit(main(sys.argv[1:]))
