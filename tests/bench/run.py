#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast, against the tools that everybody has, side by side. usage: run.py BUILD [--size quick|normal|full] [--write] [--only WORD]

Data is made once, below BUILD/bench-data. What is compared runs in turn, A B A B, so that a machine that gets slower does so for both;
a ratio is that of neighbours, and the median of these is told with the least and the largest. The page cache is warm. Wall, CPU time
(user and system, all threads and children) and peak memory come from wait4() through tests/bench/timed.c.

--write puts the result into docs/benchmark.md and between the two marks of README.md. Standard library only.
"""
import argparse, hashlib, json, os, random, re, shutil, signal, statistics, subprocess, sys, tempfile, time

MIB = 1 << 20
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIZES = {  # plain log, variants of it, tree (bytes, members), sosreport (bytes, members), tiny files, the giant and its line, rounds, seconds a row
    "quick": dict(plain=32, part=8, tree=(24, 400), sos=(12, 1000), tiny=10000, giant=(48, 40), rounds=3, limit=12, starts=21),
    "normal": dict(plain=256, part=48, tree=(300, 2000), sos=(64, 4700), tiny=500000, giant=(256, 200), rounds=5, limit=60, starts=41),
    "full": dict(plain=256, part=256, tree=(300, 2000), sos=(300, 4700), tiny=500000, giant=(1000, 800), rounds=7, limit=600, starts=101),
}
LONGEST_S = 120  # one command
RG = ["rg", "-a", "-c", "--no-unicode", "--regex-size-limit", "2G", "-f"]  # bytes, as culprit's patterns are


class Bench:
    def __init__(self, build, size):
        self.build = os.path.abspath(build)
        self.size = SIZES[size]
        self.data = os.path.join(self.build, "bench-data", size)
        self.culprit = os.path.join(self.build, "cli", "culprit")
        self.tool = lambda name: os.path.join(self.build, "tests", "bench-" + name)
        self.scratch = tempfile.mkdtemp(prefix="culprit-bench-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.env = {"PATH": os.environ["PATH"], "HOME": self.scratch, "LC_ALL": "C.UTF-8", "TMPDIR": self.scratch}
        self.peaks = {}   # what was read -> peak MiB of culprit
        self.rows = []    # budget rows
        self.more = []    # (heading, head of the table, rows)
        self.missing = [t for t in ("rg", "zstd", "gzip", "igzip", "xz", "tar", "wc", "cat", "lnav") if not shutil.which(t)]
        self.flags = set(re.search(r"^(?:flags|Features)\s*: (.*)$", open("/proc/cpuinfo").read(), re.M).group(1).split())

    # ---- measuring --------------------------------------------------------------------------

    def once(self, command, env=None):
        """wall s, CPU s, peak MiB; None when it took too long or failed"""
        result = os.path.join(self.scratch, "result")
        if isinstance(command, str):
            command = ["sh", "-c", command]
        p = subprocess.Popen([self.tool("timed"), result] + command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, env={**self.env, **(env or {})}, start_new_session=True)
        try:
            p.wait(LONGEST_S)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            return None
        wall, user, system, peak, status = (int(n) for n in open(result).read().split())
        # rg ends with 1 where nothing matches
        if status > 1:
            return None
        return wall / 1e9, (user + system) / 1e6, peak / 1024

    def group(self, commands, rounds=None, limit=None):
        """Run named commands in turn; name -> list of (wall, CPU, peak), as many for each. Those that can't be run are left out."""
        got = {name: [] for name in commands}
        began = time.monotonic()
        for i in range(rounds or self.size["rounds"]):
            if i and time.monotonic() - began > (limit or self.size["limit"]):
                break
            for name in list(got):
                command = commands[name]
                one = self.once(*command) if isinstance(command, tuple) else self.once(command)
                if one is None:
                    del got[name]
                else:
                    got[name].append(one)
        return got

    @staticmethod
    def ratio(group, a, b, what=0):
        """median, least and largest ratio of neighbours"""
        if not group.get(a) or not group.get(b):
            return None
        each = sorted(x[what] / max(y[what], 1e-9) for x, y in zip(group[a], group[b]))
        return statistics.median(each), each[0], each[-1]

    @staticmethod
    def median(group, name, what=0):
        return statistics.median(x[what] for x in group[name]) if group.get(name) else None

    def peak(self, what, group, name="culprit"):
        if group.get(name):
            self.peaks[what] = max(x[2] for x in group[name])

    # ---- rows of the budget -----------------------------------------------------------------

    def row(self, what, must, aim, got, form="{:.2f}", least=False, why="", note=""):
        """@got: (median, least, largest), a number, or None; @must and @aim are bounds, from below when @least"""
        if got is None:
            value, verdict = "", "not measured" + (f" ({why})" if why else "")
        else:
            middle = got[0] if isinstance(got, tuple) else got
            fine = form
            if form == "{:.2f}" and middle < 0.1:
                fine = "{:.4f}"
            value = fine.format(middle)
            if isinstance(got, tuple):
                value += f" ({fine.format(got[1])}–{fine.format(got[2])})"
            within = lambda bound: bound is not None and (middle >= bound if least else middle <= bound)
            verdict = "no budget" if must is None else "ok, aim reached" if within(aim) else "ok" if within(must) else "MISSED"
        sign = "≥" if least else "≤"
        bound = lambda b: "" if b is None else sign + " " + form.format(b)
        self.rows.append((what + (f" — {note}" if note else ""), value, bound(must), bound(aim), verdict))
        print(f"  {what}: {value or '-'}  [{verdict}]", file=sys.stderr, flush=True)

    def lacking(self, *tools):
        gone = [t for t in tools if t in self.missing]
        return "no " + ", ".join(gone) + " here" if gone else "failed or took more than %d s" % LONGEST_S

    # ---- data -------------------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.data, name)

    def make(self, name, command, needs=()):
        """Write @name by a shell @command ($G: the generator), once. False: a tool is missing."""
        if any(not shutil.which(t) for t in needs):
            return False
        path = self.path(name)
        if not os.path.exists(path):
            print(f"  making {name}", file=sys.stderr, flush=True)
            subprocess.run(["bash", "-o", "pipefail", "-c", f"({command}) > {path}.part"], check=True, cwd=self.data,
                           env={**self.env, "G": self.tool("generate"), "TMPDIR": self.data})
            os.rename(path + ".part", path)
        return True

    def make_all(self):
        s, m = self.size, MIB
        # a generator that says something else makes other data
        stamp = hashlib.sha256(b"".join(open(os.path.join(ROOT, "tests/bench", name), "rb").read() for name in ("generate.c", "text.c", "messages.h"))).hexdigest()
        if os.path.isdir(self.data) and (not os.path.exists(self.path("stamp")) or open(self.path("stamp")).read() != stamp):
            shutil.rmtree(self.data)
        os.makedirs(self.data, exist_ok=True)
        open(self.path("stamp"), "w").write(stamp)
        self.make("plain.log", f"$G log {s['plain'] * m} 1 2000 100")
        for name, shares in (("part.log", "2000 100"), ("severe.log", "20000 100"), ("storm1.log", "2000 10000"), ("storm10.log", "2000 100000"),
                             ("telemetry.log", "2000 100 100000")):
            self.make(name, f"$G log {s['part'] * m} 2 {shares}")
        self.make("repeat.log", f"$G repeat {s['part'] * m} 3")
        self.make("dmesg.txt", "$G kind dmesg 4096 4")
        self.make("tree.tar", f"$G tree {s['tree'][1]} {s['tree'][0] * m} 5")
        self.make("tree.tar.gz", "gzip -6 -c tree.tar", ("gzip",))
        self.make("tree.tar.zst", "zstd -q -3 -c tree.tar", ("zstd",))
        self.make("plain.log.zst", "zstd -q -3 -c plain.log", ("zstd",))
        self.make("sos.tar", f"$G tree {s['sos'][1]} {s['sos'][0] * m} 6")
        self.make("sos.tar.xz", "xz -3 -T1 -c sos.tar", ("xz",))
        self.make("blocks.tar.xz", "xz -T2 -c tree.tar", ("xz",))  # blocks of 24 MiB, as xz makes them when nothing else is said
        self.make("tiny.tar", f"$G tiny {s['tiny']} 7")
        self.make("giant.log", f"$G giant {s['giant'][0] * 1000000} {s['giant'][1] * 1000000} 8")
        self.make("nested.tar.gz", f"mkdir -p nest && $G nest 3 {m * 2} 9 | gzip -1 > nest/inner.tar.gz && $G tree 50 {m * 4} 9 | xz -1 > nest/side.tar.xz"
                  " && tar -C nest --owner=0 --group=0 --mtime=@0 -cf - inner.tar.gz side.tar.xz | gzip -1; rm -rf nest", ("gzip", "xz", "tar"))
        for times in (1, 4, 16):
            self.make(f"size{times}.log", f"$G log {s['part'] * m // 4 * times // 4} 10 2000 100")
        for count in (400, 2000):
            self.make_rules(count)
        self.make_lists()
        for name in os.listdir(self.data):  # into the page cache
            if os.path.isfile(self.path(name)):
                with open(self.path(name), "rb") as f:
                    while f.read(MIB):
                        pass

    def make_rules(self, count):
        """Rules of one pattern each, whose three words nobody else uses."""
        folder = os.path.join(self.data, f"rules{count}", "bench")
        if os.path.isdir(folder):
            return
        os.makedirs(folder)
        chance = random.Random(11)
        word = lambda: "".join(chance.choice("bcdfghklmnprstvw") + chance.choice("aeiou") for _ in range(chance.randint(2, 4)))
        for i in range(count):
            a, b, c = word(), word(), word()
            with open(os.path.join(folder, f"r{i}.yaml"), "w") as out:
                out.write(f"""id: bench.r{i}
title: "{a} {b}"
severity: warning
certainty: hint
role: background
must:
  line: {{ text: "~ {a} {b} (?<pid>\\\\d+) {c}" }}
summary: "{a}"
examples: {{ hit: [ "{a} {b} 12 {c}" ], miss: [ "{a} {b} {c}" ] }}
""")

    def make_lists(self):
        """What culprit looks for, in rg's language: named groups lose their names, what a DFA can't do is left out and counted."""
        subprocess.run([self.tool("literals"), self.data], check=True, env=self.env)
        self.literals = sum(1 for _ in open(self.path("literals"), "rb"))
        kept, left = [], 0
        for line in open(self.path("patterns"), encoding="utf-8", errors="surrogateescape"):
            p = line.rstrip("\n")
            if re.search(r"\(\?[=!>|(]|\(\?<[=!]|\\[KGQ1-9]|[*+?}]\+|\(\*", p):
                left += 1
                continue
            p = re.sub(r"\(\?P?<\w+>", "(?:", p)
            p = re.sub(r"^\(\?i\)(.*)$", r"(?i:\1)", p)
            # a brace that is none of a repetition, a bracket in a class: rg wants them quoted
            p = re.sub(r"(?<!\\)\{(?!\d+(,\d*)?\})", r"\\{", p)
            kept.append(p)
        if "rg" not in self.missing:
            works = lambda some: subprocess.run(RG + ["-", "/dev/null"], env=self.env, text=True,
                                                input="\n".join(some) + "\n", errors="surrogateescape", capture_output=True).returncode < 2

            def good(some):
                if not some or works(some):
                    return some
                return [] if len(some) == 1 else good(some[:len(some) // 2]) + good(some[len(some) // 2:])
            all_good = good(kept)
            left += len(kept) - len(all_good)
            kept = all_good
        with open(self.path("patterns.rg"), "w", encoding="utf-8", errors="surrogateescape") as out:
            out.write("\n".join(kept) + "\n")
        self.patterns, self.left_out = len(kept), left

    # ---- what is measured -------------------------------------------------------------------

    def read(self, name, *options):
        return [self.culprit, "-q", *options, self.path(name)]

    def rate(self, group, name, file):
        m = self.median(group, name)
        return os.path.getsize(self.path(file)) / MIB / m if m else None

    def plain(self):
        path = self.path("plain.log")
        commands = {"culprit": self.read("plain.log")}
        # a build that does not know the variable has one path alone
        if "avx2" in self.flags and b"CULPRIT_ISA" in open(self.culprit, "rb").read():
            commands["plain C"] = (self.read("plain.log"), {"CULPRIT_ISA": "scalar"})
        if "rg" not in self.missing:
            commands["rg -F"] = ["rg", "-a", "-c", "-F", "-f", self.path("literals"), path]
        commands["wc -l"], commands["cat"] = ["wc", "-l", path], ["cat", path]
        fast = self.group(commands)
        self.peak("plain", fast)
        # as many patterns make rg slow: a part of it will do, at culprit's cost, whose start weighs more there
        few = {"culprit": self.read("size4.log"), **({"plain C": (self.read("size4.log"), {"CULPRIT_ISA": "scalar"})} if "plain C" in commands else {})}
        if "rg" not in self.missing:
            few["rg -f"] = RG + [self.path("patterns.rg"), self.path("size4.log")]
        slow = self.group(few)
        for key, name, aims in (("culprit", "AVX2" if "avx2" in self.flags else "plain C", (0.25, 0.18)), ("plain C", "plain C", (None, None))):
            if key == "plain C" and key not in commands:
                continue
            # the budget is AVX2's, where there is such a thing
            bounds = (0.40, 0.30) if key == "culprit" else (None, None)
            self.row(f"plain {self.size['plain']} MiB log ({name}), CPU against rg -a -c -F -f, {self.literals} literals", bounds[0], aims[0],
                     self.ratio(fast, key, "rg -F", 1), why=self.lacking("rg"))
            self.row(f"plain {os.path.getsize(self.path('size4.log')) / MIB:.0f} MiB log ({name}), CPU against rg -a -c -f, {self.patterns} patterns", bounds[1], aims[1], self.ratio(slow, key, "rg -f", 1),
                     why=self.lacking("rg"), note=f"{self.left_out} with look-around or the like left out" if self.left_out else "")
        rows = []
        for name in ("culprit", "plain C", "cat", "wc -l", "rg -F"):
            if fast.get(name):
                rows.append((name, self.median(fast, name), self.median(fast, name, 1), self.rate(fast, name, "plain.log"), max(x[2] for x in fast[name])))
        if slow.get("rg -f"):
            rows.append((f"rg -f ({os.path.getsize(self.path('size4.log')) / MIB:.0f} MiB)", self.median(slow, "rg -f"), self.median(slow, "rg -f", 1), self.rate(slow, "rg -f", "size4.log"),
                         max(x[2] for x in slow["rg -f"])))
        if "lnav" not in self.missing:
            small = self.group({"culprit": self.read("size1.log"), "lnav": ["lnav", "-n", "-q", self.path("size1.log")]}, limit=20)
            got = self.ratio(small, "culprit", "lnav")
            if got:
                rows.append((f"lnav -n ({os.path.getsize(self.path('size1.log')) / MIB:.0f} MiB; culprit takes {got[0]:.2f} of it)", self.median(small, "lnav"),
                             self.median(small, "lnav", 1), self.rate(small, "lnav", "size1.log"), max(x[2] for x in small["lnav"])))
        self.more.append(("One plain log, medians", ("", "wall s", "CPU s", "MiB/s", "peak MiB"),
                          [(n, f"{w:.2f}", f"{c:.2f}", f"{r:.3g}" if r < 100 else f"{r:.0f}", f"{p:.0f}") for n, w, c, r, p in rows]))

    def shares(self):
        names = ("part.log", "severe.log", "storm1.log", "storm10.log", "telemetry.log", "repeat.log")
        g = self.group({n: self.read(n) for n in names}, limit=2 * self.size["limit"])
        back = lambda n: self.ratio(g, "part.log", n)
        self.row("the same with 2 % suspicious lines, rate against the plain one", 0.4, 0.6, back("severe.log"), least=True, why=self.lacking())
        self.row("storm: 1 % of lines match, rate against the plain one", 0.25, 0.5, back("storm1.log"), least=True, why=self.lacking())
        self.row("storm: 10 % of lines match, rate against the plain one", 0.08, 0.2, back("storm10.log"), least=True, why=self.lacking())
        about = ("ordinary, 0.2 % severe, 0.01 % match", "2 % severe", "1 % match", "10 % match", "10 % telemetry that parsers keep", "four complaints, again and again")
        self.more.append((f"What the lines say, {self.size['part']} MiB each", ("", "wall s", "MiB/s", "peak MiB"),
                          [(a, f"{self.median(g, n):.2f}", f"{self.rate(g, n, n):.0f}", f"{max(x[2] for x in g[n]):.0f}") for a, n in zip(about, names) if g.get(n)]))

    def packed(self):
        zst, gz, xz, many = (self.path(n) for n in ("tree.tar.zst", "tree.tar.gz", "sos.tar.xz", "blocks.tar.xz"))
        g = self.group({"culprit": self.read("tree.tar.zst"), "zstd": ["zstd", "-q", "-dc", zst]})
        self.peak("zst", g)
        self.row(".tar.zst, wall against zstd -dc", 1.15, 1.00, self.ratio(g, "culprit", "zstd"), why=self.lacking("zstd"))
        g = self.group({"culprit": self.read("tree.tar.gz"), "gzip": ["gzip", "-dc", gz], **({} if "igzip" in self.missing else {"igzip": ["igzip", "-dc", gz]})})
        self.peak("gz", g)
        self.row(".tar.gz, wall against gzip -dc", 0.35, 0.27, self.ratio(g, "culprit", "gzip"), why=self.lacking("gzip"))
        self.row(".tar.gz, wall against igzip -dc", None, None, self.ratio(g, "culprit", "igzip"), why=self.lacking("igzip"))
        g = self.group({"culprit": self.read("sos.tar.xz"), "xz": ["xz", "-dc", xz], "list": f"xz -dc {xz} | tar -t >/dev/null"})
        self.peak("xz", g)
        self.row(".tar.xz of one block, wall against xz -dc", 1.15, 1.05, self.ratio(g, "culprit", "xz"), why=self.lacking("xz"))
        sos = self.ratio(g, "culprit", "list")
        g = self.group({"culprit": self.read("blocks.tar.xz"), "xz": ["xz", "-T2", "-dc", many]})
        self.peak("xz of many blocks", g)
        self.row(".tar.xz of many blocks, wall against xz -T2 -dc", 1.15, 1.00, self.ratio(g, "culprit", "xz"), why=self.lacking("xz"))
        self.row(f"a tree like a sosreport's ({self.size['sos'][1]} members) against xz -dc | tar -t", 1.5, 1.15, sos, why=self.lacking("xz", "tar"))
        g = self.group({"culprit": self.read("tiny.tar"), "tar": ["tar", "-tf", self.path("tiny.tar")]})
        self.peak("tiny files", g)
        self.row(f"{self.size['tiny']} tiny files in a tar against tar -t", 4, 3, self.ratio(g, "culprit", "tar"), why=self.lacking("tar"))
        g = self.group({"culprit": self.read("giant.log"), "wc": ["wc", "-l", self.path("giant.log")]}, rounds=2)
        self.peak(f"one line of {self.size['giant'][1]} MB", g)
        self.row(f"a file with one line of {self.size['giant'][1]} MB, wall against wc -l", None, None, self.ratio(g, "culprit", "wc"), why=self.lacking())
        g = self.group({"culprit": self.read("nested.tar.gz")}, rounds=2)
        self.peak("archives in archives", g)

    def rules(self):
        each = {str(n): self.read("part.log", "--no-builtin", "--rules", self.path(f"rules{n}")) for n in (400, 2000)}
        load = {f"load {n}": [self.culprit, "-q", "--no-builtin", "--rules", self.path(f"rules{n}"), self.path("dmesg.txt")] for n in (400, 2000)}
        g = self.group({**each, **load, "none": self.read("part.log", "--no-builtin")})
        self.row("2,000 rules of the user against 400, wall", 3.0, 2.0, self.ratio(g, "2000", "400"), why=self.lacking())
        if all(g.get(n) for n in ("400", "2000", "none", "load 400", "load 2000")):
            m = lambda n: self.median(g, n, 1)
            scan = (m("2000") - m("load 2000") - m("400") + m("load 400")) / 1600 / self.size["part"] * 1e6
            self.more.append(("What a rule costs", ("", ""), [
                ("no rules, parsers alone", f"{m('none'):.2f} s of CPU for {self.size['part']} MiB"), ("400 rules", f"{m('400'):.2f} s, of it {m('load 400'):.3f} s to load the YAML"),
                ("2,000 rules", f"{m('2000'):.2f} s, of it {m('load 2000'):.3f} s to load"), ("one more rule", f"{scan:.2f} µs a MiB, {(m('load 2000') - m('load 400')) / 1600 * 1e6:.0f} µs at the start")]))

    def pass_alone(self):
        """The pass over all literals, in memory, against Vectorscan's, on a log that was used to choose nothing."""
        oracle = os.path.join(self.build, "tests", "vectorscan")
        if not os.path.exists(oracle):
            return
        rows = []
        for isa in ("avx2", "scalar") if "avx2" in self.flags else ("scalar",):
            out = subprocess.run([oracle, "--time", self.path("part.log")], capture_output=True, text=True, env={**self.env, "CULPRIT_ISA": isa}).stdout
            got = re.search(r"ours \((\w+)\) ([\d.]+) GB/s, Vectorscan (\S+) .*?([\d.]+) GB/s\n(\d+) needles.* (\d+) blocks differ", out)
            if got:
                rows.append((f"culprit's, {'plain C' if got[1] == 'scalar' else got[1].upper()}", got[2], f"{got[5]} literals, {got[6]} blocks of 256 KiB with other hits"))
                theirs = (f"Vectorscan {got[3]}", got[4], "hs_compile_lit_multi")
        if rows:
            self.more.append(("The pass over all literals alone", ("", "GB/s of CPU time", ""), rows + [theirs]))

    def starts(self):
        case = os.path.join(self.scratch, "start.culprit")
        g = self.group({"true": ["true"], "culprit": self.read("dmesg.txt"), "scan": f"rm -f {case}; exec {self.culprit} scan -q {self.path('dmesg.txt')} -o {case}",
                        "sh": "rm -f /nowhere; exec true"}, rounds=self.size["starts"])
        ms = lambda n: tuple(f(x[0] for x in g[n]) * 1000 for f in (statistics.median, min, max)) if g.get(n) else None
        self.row("start to exit on a 4 KB dmesg, ms", 15, 5, ms("culprit"), "{:.1f}", why=self.lacking(), note=f"true takes {ms('true')[0]:.1f}")
        self.row("… with a case written, ms", 25, 10, ms("scan"), "{:.1f}", why=self.lacking(), note=f"through sh, which takes {ms('sh')[0]:.1f}")

    def cases(self):
        case = os.path.join(self.scratch, "size.culprit")

        def scan(name, *options):
            if os.path.exists(case):
                os.remove(case)
            if not self.once([self.culprit, "scan", "-q", *options, self.path(name), "-o", case]) or not os.path.exists(case):
                return None, None
            return os.path.getsize(case), os.path.getsize(self.path(name))
        percent = lambda pair: 100 * pair[0] / pair[1] if pair[0] else None
        self.row("case file, share of the raw bytes, %", 1, 0.3, percent(scan("plain.log")), why=self.lacking())
        size, raw = scan("tree.tar")
        self.row("case file of the tree, less 64 B a member, %", 1, 0.3, 100 * max(0, size - 64 * self.size["tree"][1]) / raw if size else None, why=self.lacking())
        self.row("case file of the storm (10 % match), %", 4, 2, percent(scan("storm10.log")), why=self.lacking())
        size, raw = scan("plain.log", "--keep", "all")
        zst = os.path.getsize(self.path("plain.log.zst")) if os.path.exists(self.path("plain.log.zst")) else None
        got = size / zst if size and zst else None
        # smaller than half of what zstd makes of it: not all of it is there
        self.row("--keep all, size against zstd -3", 1.25, 1.08, got if got and got > 0.5 else None,
                 why=f"--keep all keeps no more than the evidence: {got:.2f}" if got and got <= 0.5 else self.lacking("zstd"))

    def memory(self):
        logs = [self.peaks[k] for k in ("plain", "gz", "zst") if k in self.peaks]
        self.row("peak memory, logs in plain, gz, zst, MiB", 64, 24, max(logs) if logs else None, "{:.0f}")
        self.more.append(("Peak memory", ("", "MiB"), [(k, f"{v:.0f}") for k, v in self.peaks.items()]))

    def scaling(self):
        g = self.group({str(t): self.read(f"size{t}.log") for t in (1, 4, 16)})
        sizes = {t: os.path.getsize(self.path(f"size{t}.log")) / MIB for t in (1, 4, 16)}
        self.more.append(("Over the size of the input", ("", "MiB", "wall s", "MiB/s", "peak MiB"),
                          [(f"{t} ×", f"{sizes[t]:.0f}", f"{self.median(g, str(t)):.3f}", f"{sizes[t] / self.median(g, str(t)):.0f}", f"{max(x[2] for x in g[str(t)]):.0f}")
                           for t in (1, 4, 16) if g.get(str(t))]))

    def jobs(self):
        known = "--jobs" in subprocess.run([self.culprit, "scan", "--help"], capture_output=True, text=True, env=self.env).stdout
        got = None
        if known:
            files = [self.path(n) for n in ("part.log", "severe.log", "storm1.log", "telemetry.log")]
            g = self.group({str(n): [self.culprit, "-q", "--jobs", str(n)] + 2 * files for n in (1, 2)})
            got = self.ratio(g, "2", "1")
        self.row("N bundles with --jobs 2 against --jobs 1, wall", 0.60, 0.53, got, why="there is no --jobs" if not known else self.lacking())

    # ---- what is written --------------------------------------------------------------------

    def machine(self):
        text = open("/proc/cpuinfo").read()
        name = re.search(r"^(?:model name|Model)\s*: (.*)$", text, re.M)
        isa = "AVX2" if "avx2" in self.flags else "no AVX2" # what the search for literals asks for
        gib = int(re.search(r"MemTotal:\s*(\d+)", open("/proc/meminfo").read()).group(1)) / MIB
        return (f"{len(os.sched_getaffinity(0))} cores of {name.group(1).strip() if name else os.uname().machine} with {isa}"
                f"{', virtual' if 'hypervisor' in self.flags else ''}, {gib:.0f} GiB of memory")

    def versions(self):
        ask = {"rg": "rg --version", "zstd": "zstd --version", "gzip": "gzip --version", "igzip": "igzip --version", "xz": "xz --version", "tar": "tar --version",
               "lnav": "lnav -V"}
        out = subprocess.run([self.culprit, "--version"], capture_output=True, text=True, env=self.env).stdout.splitlines()[:2]
        for tool, command in ask.items():
            if tool not in self.missing:
                done = subprocess.run(command.split(), capture_output=True, text=True, env=self.env)
                found = re.search(r"v?(\d+\.\d[\w.+]*)", done.stdout + done.stderr)
                out.append(f"{tool} {found.group(1) if found else '?'}")
        return "; ".join(out) + (f"; not here: {', '.join(self.missing)}" if self.missing else "")

    @staticmethod
    def table(head, rows):
        line = lambda cells: "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"
        return "\n".join([line(head), "|" + "---|" * len(head)] + [line(r) for r in rows]) + "\n"

    def markdown(self, size):
        text = f"""# Benchmark

Written by `make bench` (tests/bench/run.py). Both sides run in turn on one machine with a warm page cache; ratios are those of neighbours, median (least–largest)
of up to {self.size['rounds']} rounds. Data comes from tests/bench/generate.c. *must* and *aim* are the project's budgets.

{self.machine()}. {self.versions()}.

"""
        text += self.table(("what", "measured", "must", "aim", ""), self.rows)
        for heading, head, rows in self.more:
            text += f"\n## {heading}\n\n" + self.table(head, rows)
        return text

    def write(self, text):
        with open(os.path.join(ROOT, "docs", "benchmark.md"), "w") as out:
            out.write(text)
        path = os.path.join(ROOT, "README.md")
        readme = open(path).read()
        wanted = ("plain", ".tar.zst", ".tar.gz, wall against gzip", ".tar.xz of one", "a tree like", "peak memory", "start to exit", "case file, share")
        short = self.table(("", "measured", "must", "aim"), [r[:4] for r in self.rows if r[0].startswith(wanted) and r[1]])
        start, end = "<!-- make bench writes from here -->\n", "<!-- to here -->\n"
        if start not in readme or end not in readme:
            sys.exit("README.md lacks its two marks")
        a, b = readme.index(start) + len(start), readme.index(end)
        with open(path, "w") as out:
            out.write(readme[:a] + f"On {self.machine()}:\n\n" + short + readme[b:])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build")
    parser.add_argument("--size", choices=SIZES, default="normal")
    parser.add_argument("--write", action="store_true", help="docs/benchmark.md and README.md")
    parser.add_argument("--only", help="the steps whose name begins so")
    parser.add_argument("--json", help="the rows as JSON, to this file")
    args = parser.parse_args()
    b = Bench(args.build, args.size)
    try:
        began = time.monotonic()
        b.make_all()
        print(f"  data: {time.monotonic() - began:.0f} s", file=sys.stderr)
        for step in (b.plain, b.shares, b.packed, b.rules, b.pass_alone, b.starts, b.cases, b.memory, b.scaling, b.jobs):
            if not args.only or step.__name__.startswith(args.only):
                step()
        text = b.markdown(args.size)
        print(text)
        if args.json:
            with open(args.json, "w") as out:
                json.dump([dict(zip(("what", "measured", "must", "aim", "verdict"), r)) for r in b.rows], out, indent=1, ensure_ascii=False)
        if args.write:
            b.write(text)
        print(f"  {time.monotonic() - began:.0f} s in all", file=sys.stderr)
    finally:
        shutil.rmtree(b.scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
