#!/usr/bin/env python3
"""Pushes generated lines into a fresh dendro, asks for them, and does the same with ripgrep and zstd.

Standard library only. See run.sh for what the rows mean.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

APPS = ["shop", "payment", "search", "mail", "stock", "login", "gateway", "report"]
LEVELS = ["info"] * 85 + ["warn"] * 7 + ["debug"] * 5 + ["error"] * 3
MESSAGES = [
    "order {n} placed by customer {m}",
    "payment of {m}.{k:02d} EUR for order {n} accepted",
    "cache miss for product {m}",
    "GET /orders/{n} 200 {k} ms",
    "connection to 10.0.{k}.{k} closed after {n} ms",
    "mail to user{m}@example.com queued as {n}",
]
RARE_WORD = "kaleidoscope"


def generate(path, count, end_ns):
    """Writes `count` NDJSON lines over the hour before `end_ns`; the same each time but for the times."""
    rng = random.Random(1)
    levels = {}
    trace = needle = None
    rare = 0
    with open(path, "w", encoding="utf-8") as out:
        for index in range(count):
            if index % 8 == 0:
                trace = f"{rng.getrandbits(128):032x}"
            if index == count // 2:
                needle = trace
            level = rng.choice(LEVELS)
            message = rng.choice(MESSAGES).format(n=rng.randrange(10**7), m=rng.randrange(10**5), k=rng.randrange(256))
            if index % 20_011 == 7:
                message += " " + RARE_WORD
                rare += 1
            line = {
                "timestamp": str(end_ns - (count - index) * (3600 * 10**9 // count)),
                "app": rng.choice(APPS),
                "level": level,
                "trace_id": trace,
                "message": message,
                "duration_ms": round(rng.lognormvariate(2.5, 1.1), 3),
                "host": f"web-{rng.randrange(12)}",
            }
            levels[level] = levels.get(level, 0) + 1
            out.write(json.dumps(line, separators=(",", ":")) + "\n")
    return {"levels": levels, "needle": needle, "rare": rare}


class Server:
    """A dendro process with a data folder of its own."""

    def __init__(self, binary, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.data = os.path.join(folder, "data")
        self.log = open(os.path.join(folder, "server.log"), "wb")
        address = f"127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [binary, "serve", "--listen", address, "--data-dir", self.data, "--log-own-lines", "false"],
            stdout=self.log,
            stderr=self.log,
        )
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        deadline = time.monotonic() + 30
        while True:
            try:
                if self.request("GET", "/ready")[0] == 200:
                    return
            except OSError:
                self.connection.close()
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"dendro does not get ready, see {self.log.name}")
            time.sleep(0.02)

    def request(self, method, target, body=None):
        self.connection.request(method, target, body)
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def must(self, method, target, body=None):
        status, answer = self.request(method, target, body)
        if status // 100 != 2:
            sys.exit(f"{method} {target.split('?')[0]}: {status} {answer[:300]!r}")
        return answer

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        return 0.0

    def part_bytes(self):
        total = 0
        for folder, _, names in os.walk(os.path.join(self.data, "tenants")):
            total += sum(os.path.getsize(os.path.join(folder, name)) for name in names)
        return total

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        self.log.close()


def bodies(path, size=1_000_000):
    """The file in pieces of about `size` bytes that end with a line."""
    with open(path, "rb") as file:
        while True:
            lines = file.readlines(size)
            if not lines:
                return
            yield b"".join(lines)


def push(server, path, count):
    cpu, start, accepted = server.cpu_seconds(), time.monotonic(), 0
    for body in bodies(path):
        accepted += json.loads(server.must("POST", "/api/v1/push", body))["accepted"]
    wall = time.monotonic() - start
    server.must("POST", "/flush")
    if accepted != count:
        sys.exit(f"{accepted} of {count} lines accepted")
    return wall, server.cpu_seconds() - cpu


def median_ms(action, times=5):
    taken = []
    for _ in range(times):
        start = time.monotonic()
        action()
        taken.append((time.monotonic() - start) * 1000)
    return statistics.median(taken)


def query(server, expression, start_ns, end_ns, **more):
    parameters = {"query": expression, "start": start_ns, "end": end_ns, "limit": 5000, **more}
    target = "/loki/api/v1/query_range?" + urllib.parse.urlencode(parameters)
    return json.loads(server.must("GET", target))["data"]["result"]


def entries(result):
    return sum(len(stream["values"]) for stream in result)


def ripgrep_ms(word, path):
    if not shutil.which("rg"):
        return None
    command = ["rg", "--fixed-strings", "--count", word, path]
    return median_ms(lambda: subprocess.run(command, stdout=subprocess.DEVNULL, check=False))


def zstd(path):
    if not shutil.which("zstd"):
        return None, None
    start = time.monotonic()
    packed = subprocess.run(["zstd", "-3", "-T1", "-q", "-c", path], stdout=subprocess.PIPE, check=True).stdout
    return len(packed), time.monotonic() - start


def measure_queries(server, facts, path, count, end_ns):
    span = (end_ns - 3700 * 10**9, end_ns + 10**9)
    every = '{app=~".+"}'
    questions = [
        ("trace lookup", f'{{trace_id="{facts["needle"]}"}}', 8, facts["needle"]),
        ("word in few lines", f'{every} |= "{RARE_WORD}"', facts["rare"], RARE_WORD),
        ("word in no line", f'{every} |= "heliotropeless"', 0, "heliotropeless"),
    ]
    for name, expression, expected, word in questions:
        found = entries(query(server, expression, *span))
        if found != expected:
            sys.exit(f"{name}: {found} entries instead of {expected}")
        yield name, median_ms(lambda: query(server, expression, *span)), ripgrep_ms(word, path)
    expression = f"sum by (level) (count_over_time({every}[2h]))"
    step = {"start_ns": end_ns, "end_ns": end_ns, "step": "60"}
    series = query(server, expression, **step)
    counted = {one["metric"].get("level"): int(float(one["values"][-1][1])) for one in series}
    if counted != facts["levels"]:
        sys.exit(f"counts by level: {counted} instead of {facts['levels']}")
    yield "count by level", median_ms(lambda: query(server, expression, **step)), ripgrep_ms('"level":"error"', path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--keep", action="store_true", help="leave data and server log behind")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="dendro-bench-")
    path = os.path.join(folder, "lines.ndjson")
    end_ns = time.time_ns()
    facts = generate(path, options.lines, end_ns)
    raw = os.path.getsize(path)
    server = Server(options.binary, folder)
    try:
        wall, cpu = push(server, path, options.lines)
        peak, disk = server.peak_mib(), server.part_bytes()
        packed, packed_seconds = zstd(path)
        print(f"{options.lines} lines, {raw / 1e6:.1f} MB\n")
        print("| | dendro | beside it |\n|---|---|---|")
        print(f"| push, wall | {wall:.2f} s, {options.lines / wall:,.0f} lines/s | |")
        print(f"| push, seal and merge, CPU | {cpu:.2f} s, {cpu / options.lines * 1e6:.2f} µs/line | |")
        print(f"| peak memory | {peak:.0f} MiB | |")
        beside = f"zstd -3: {packed / 1e6:.2f} MB in {packed_seconds:.2f} s, ratio {raw / packed:.1f}" if packed else ""
        print(f"| disk | {disk / 1e6:.2f} MB, ratio {raw / max(disk, 1):.1f} | {beside} |")
        for name, own, other in measure_queries(server, facts, path, options.lines, end_ns):
            print(f"| {name} | {own:.1f} ms | {f'ripgrep {other:.1f} ms' if other is not None else ''} |")
    finally:
        server.stop()
        if options.keep:
            print(f"\nkept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
