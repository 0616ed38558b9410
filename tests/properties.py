#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What must not change the findings, and what must.

usage: properties.py CULPRIT FOLDER [GLOB]

Over every case below FOLDER (files and a case.json each):
  order      the names of the files turned round, so that they are read in another order
  names      hosts, pids (but 0, 1, 2) and GPU addresses renamed consistently in all files
  zone       every date and time of day shifted by whole hours
  decisive   the lines that case.json calls decisive taken out, with their copies in the other files (the journal beside dmesg,
             the other ranks' logs): the cause must lose 0.3 of its certainty, or another leads

The first three must leave causes, roles and certainties as they are. Exit status 1 if one does not, or if
fewer than 95 % of the decisive cases react. How many react when only the named file loses its lines is told, no more:
what stands in two files is as sure as before.
"""
import datetime, fnmatch, json, os, re, shutil, subprocess, sys, tempfile


def run(culprit, folder):
    done = subprocess.run([culprit, "--json", folder], capture_output=True, timeout=120, stdin=subprocess.DEVNULL)
    if done.returncode:
        sys.exit("properties: %s: exit %d: %s" % (folder, done.returncode, done.stderr.decode("utf-8", "replace")))
    return json.loads(done.stdout)


def gist(report):
    return sorted((f["cause"], f["role"], round(f["certainty"], 2)) for f in report["findings"])


def lead(report):
    for f in report["findings"]:
        if f["order"] == report["lead"]:
            return f["cause"], f["certainty"]
    return None, 0.0


def read(folder):
    files = {}
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            short = os.path.relpath(path, folder)
            if short != "case.json":
                files[short] = open(path, "rb").read()
    return files


def write(files, scratch):
    shutil.rmtree(scratch, ignore_errors=True)
    for name, data in files.items():
        path = os.path.join(scratch, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)
    return scratch


def values(node, key):
    if isinstance(node, dict):
        for k, v in node.items():
            if k == key:
                yield from v if isinstance(v, list) else [v]
            yield from values(v, key)
    elif isinstance(node, list):
        for v in node:
            yield from values(v, key)


def turned(files):
    """The same files, last name first: flat names only, a tree is left as it is."""
    if any("/" in name for name in files):
        return None
    return {"%02d-%s" % (len(files) - i, name): files[name] for i, name in enumerate(sorted(files))}


def renamed(files, report):
    swap = {}
    for host in report["hosts"]:
        name = host["name"]
        if name not in ("host", "localhost") and not re.fullmatch(r"[\d.]+", name) and len(name) > 3:
            swap[name] = "".join(chr((ord(c) - 97 + 7) % 26 + 97) if c.islower() else c for c in name)
        for gpu in host.get("gpus", []):
            if gpu.get("bdf"):
                bus = gpu["bdf"][5:7]
                swap[bus + ":" + gpu["bdf"][8:10]] = "%02x:%s" % (int(bus, 16) ^ 0x04, gpu["bdf"][8:10])
    pids = {p for p in values(report["findings"], "pid") if isinstance(p, int) and p > 9999}
    used = b"\n".join(files.values())
    for pid in sorted(pids):
        new = pid + 1
        while re.search(rb"(?<!\d)%d(?!\d)" % new, used) or str(new) in swap.values():
            new += 1
        swap[str(pid)] = str(new)
    swap.update({k.upper(): v.upper() for k, v in list(swap.items()) if ":" in k})
    if not swap:
        return None
    pattern = re.compile(b"|".join(rb"(?<![\w])%s(?![\w])" % re.escape(k).encode() for k in sorted(swap, key=len, reverse=True)))
    return {name: pattern.sub(lambda m: swap[m.group().decode()].encode(), data) for name, data in files.items()}


MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def shifted(files, hours=5):
    delta = datetime.timedelta(hours=hours)

    def iso(m):
        t = datetime.datetime(*map(int, (m[1], m[3], m[4], m[6], m[7], m[8]))) + delta
        return ("%04d%s%02d%s%02d%s%02d:%02d:%02d" % (t.year, m[2].decode(), t.month, m[2].decode(), t.day, m[5].decode(), t.hour, t.minute, t.second)).encode()

    def named(m):
        t = datetime.datetime(2001, MONTHS.index(m[1].decode()) + 1, int(m[3]), int(m[4]), int(m[5]), int(m[6])) + delta
        day = "%02d" % t.day if m[2] == b" " and len(m[3]) == 2 else "%d" % t.day
        gap = " " if len(day) == 2 else "  "
        return ("%s%s%s %02d:%02d:%02d" % (MONTHS[t.month - 1], gap, day, t.hour, t.minute, t.second)).encode()

    def glog(m):  # E0828 21:18:07.060, PyTorch's E828
        t = datetime.datetime(2001, int(m[2]), int(m[3]), int(m[4]), int(m[5]), int(m[6])) + delta
        return b"%s%0*d%02d %02d:%02d:%02d" % (m[1], len(m[2]), t.month, t.day, t.hour, t.minute, t.second)

    out = {}
    for name, data in files.items():
        # a time that ends in Z or a zone says when it was: it stays; local ones move
        if re.search(rb"\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)\b", data) or re.search(rb"\b\d{10}\b", data):
            return None
        try:
            data = re.sub(rb"\b(20\d\d)([-/])(\d\d)[-/](\d\d)([T ]|[ ]-[ ])(\d\d):(\d\d):(\d\d)", iso, data)
            data = re.sub(rb"\b([IWEF])(0\d|1[0-2]|[1-9])([0-3]\d) (\d\d):(\d\d):(\d\d)(?=\.\d)", glog, data)
            data = re.sub(rb"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)( {1,2})(\d{1,2}) (\d\d):(\d\d):(\d\d)", named, data)
        except ValueError:
            return None
        out[name] = data
    return out


def certainty_of(report, cause):
    return max((f["certainty"] for f in report["findings"] if f["cause"] == cause), default=0.0)


def without(files, decisive, everywhere):
    """The files without the decisive lines; None: there are none."""
    out = dict(files)
    gone = 0
    for d in decisive:
        pattern = re.compile(d["line_regex"])
        for name in out:
            named = name == d["file"] or name.endswith("/" + d["file"])
            if not named and not everywhere:
                continue
            lines = out[name].split(b"\n")
            kept = [l for l in lines if not pattern.search(l.decode("utf-8", "replace"))]
            gone += named and len(lines) - len(kept)
            out[name] = b"\n".join(kept)
    return out if gone else None


def reacts(culprit, scratch, report, label, other):
    """None, or what stays as it was: "cause 0.98 -> 0.95"."""
    leading, before = lead(report)
    after = run(culprit, write(other, scratch))
    cause = leading
    if leading != label["cause"] and certainty_of(report, label["cause"]):  # one that will do leads: the lines decide the labelled one
        cause, before = label["cause"], certainty_of(report, label["cause"])
    if lead(after)[0] != leading or before - certainty_of(after, cause) >= 0.3:
        return None
    return "%s %.2f -> %.2f" % (cause, before, certainty_of(after, cause))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    culprit, folder, glob = os.path.abspath(sys.argv[1]), sys.argv[2], (sys.argv[3:] + ["*"])[0]
    wrong, tried, moved, named, still = 0, 0, 0, 0, []
    with tempfile.TemporaryDirectory() as top:
        scratch = os.path.join(top, "case")
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if not fnmatch.fnmatch(name, glob) or not os.path.exists(os.path.join(path, "case.json")):
                continue
            files = read(path)
            label = json.load(open(os.path.join(path, "case.json"), encoding="utf-8"))
            report = run(culprit, write(files, scratch))
            for what, other in (("order", turned(files)), ("names", renamed(files, report)), ("zone", shifted(files))):
                if other is None:
                    continue
                tried += 1
                seen = gist(run(culprit, write(other, scratch)))
                if seen != gist(report):
                    wrong += 1
                    print("%-6s %s: %s" % (what, name, sorted(set(gist(report)) ^ set(seen))))
            if label.get("cause") and label.get("decisive"):
                other, alone = (without(files, label["decisive"], everywhere) for everywhere in (True, False))
                if not other:
                    wrong += 1
                    print("decisive %s: no such lines" % name)
                elif lead(report)[0] in {label["cause"], *label.get("also_acceptable", [])}:
                    stays = reacts(culprit, scratch, report, label, other)
                    moved += not stays
                    named += not (reacts(culprit, scratch, report, label, alone) if alone != other else stays)
                    if stays:
                        still.append("%s: %s" % (name, stays))
    for line in still:
        print("decisive %s" % line)
    total = moved + len(still)
    print("properties: %d of %d transformed cases alike, decisive lines matter in %d of %d, those of the named file alone in %d" %
          (tried - wrong, tried, moved, total, named))
    sys.exit(1 if wrong or (total and moved < 0.95 * total) else 0)


if __name__ == "__main__":
    main()
