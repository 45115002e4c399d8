#!/usr/bin/env python3
"""Load: idle connections, slow readers, large packed bodies, a full disk, many streams, distinct trace ids, and
writers, readers and a tail at the edge of capacity.

Usage: load.py PATH-TO-DENDRO [SECONDS]; TRACE_IDS in the environment, 1000000 if not set; ROWS: names of the parts to
run, with commas. Prints a line for each: what is demanded, and what was measured. Clients share the machine's
processors with the server.
"""
import base64
import gzip
import http.client
import json
import multiprocessing
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from queue import Empty

BINARY, SECONDS = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 120
PORT = 18431
MEBIBYTE = 1 << 20


class Server:
    def __init__(self, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="dendro-load-")
        self.process = subprocess.Popen(
            [BINARY, "serve", "--data-dir", self.folder, "--listen", f"127.0.0.1:{PORT}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                if ask("GET", "/ready")[0] == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the server does not get ready")

    def bytes(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def ask(method, path, body=None, connection=None):
    connection = connection or http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
    connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.getheader("Retry-After")


class Tail(threading.Thread):
    """A WebSocket that follows lines and counts them."""

    def __init__(self, query):
        super().__init__()
        self.lines = 0
        self.socket = socket.create_connection(("127.0.0.1", PORT), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET /loki/api/v1/tail?query={query}&limit=1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        self.stream = self.socket.makefile("rb")
        while self.stream.readline().strip():
            pass

    def run(self):
        try:
            while True:
                head = self.stream.read(2)
                if len(head) < 2 or head[0] & 15 == 8:
                    return
                size = head[1] & 127
                if size > 125:
                    size = int.from_bytes(self.stream.read(2 if size == 126 else 8), "big")
                body = self.stream.read(size)
                if head[0] & 15 == 1:
                    self.lines += len(re.findall(rb'\["\d+","w', body))
        except OSError:
            pass


def push_body(labels, lines):
    now = time.time_ns()
    values = [[str(now + index), line] for index, line in enumerate(lines)]
    return json.dumps({"streams": [{"stream": labels, "values": values}]})


def percentile(values, share):
    values = sorted(values)
    return values[min(int(len(values) * share), len(values) - 1)] if values else 0


def total(query):
    path = "/loki/api/v1/query?query=" + query.replace(" ", "%20").replace('"', "%22")
    path = path.replace("{", "%7B").replace("}", "%7D").replace("[", "%5B").replace("]", "%5D")
    result = json.loads(ask("GET", path)[1])["data"]["result"]
    return sum(int(float(series["value"][1])) for series in result)


def edge_of_capacity():
    server = Server()
    end = time.time() + SECONDS
    acknowledged, refused, times, sizes = [0] * 4, [0] * 4, [], []
    filler = "GET /cart/items 200 payload=" + "x" * 60

    def write(number):
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        batch = 0
        while time.time() < end:
            lines = [f"w{number} b{batch} r{row} {filler}" for row in range(1000)]
            status, _, wait = ask("POST", "/loki/api/v1/push", push_body(
                {"app": "load", "writer": str(number)}, lines), connection)
            if status == 204:
                acknowledged[number] += len(lines)
            else:
                refused[number] += 1
                time.sleep(float(wait or 1))
            batch += 1

    def read():
        while time.time() < end:
            start = time.time()
            total('sum(count_over_time({app="load",writer="1"}[10s]))')
            times.append(time.time() - start)
            time.sleep(0.05)

    tail = Tail("%7Bapp%3D%22load%22%7D")
    tail.start()
    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    while time.time() < end:
        sizes.append(server.bytes())
        time.sleep(1)
    for thread in threads:
        thread.join()
    found = total(f'sum(count_over_time({{app="load"}}[{SECONDS + 600}s]))')
    sent = sum(acknowledged)
    before = -1
    while before != tail.lines:
        before = tail.lines
        time.sleep(2)
    print(f"{SECONDS} s of writers and readers: 0 lost demanded; {sent} acknowledged, {found} found, "
          f"{sent - found} lost; {sum(refused)} batches told to wait")
    told = int(float(re.search(rb"(?m)^dendro_tail_missed_lines_total (\S+)", ask("GET", "/metrics")[1])[1]))
    print(f"a tail of all of it: 0 missed demanded, or told of; {tail.lines} lines got, {told} told to be missing, "
          f"{sent - tail.lines - told} neither")
    print(f"p99 of small queries under it: {percentile(times, 0.99) * 1000:.0f} ms of {len(times)}")
    half = sizes[len(sizes) // 2:]
    print(f"memory: < 150 MB demanded; {max(sizes) // MEBIBYTE} MiB at most, "
          f"{percentile(sizes[:len(sizes) // 2], 0.5) // MEBIBYTE} then {percentile(half, 0.5) // MEBIBYTE} "
          "in the median of each half")
    server.stop()


def idle_connections():
    server = Server()
    before = server.bytes()
    sockets = [socket.create_connection(("127.0.0.1", PORT)) for _ in range(2000)]
    for one in sockets[:50]:
        one.sendall(b"GET /ready HTTP/1.1\r\nHost: a\r\n\r\n")
        one.recv(4096)
    time.sleep(2)
    after, start = server.bytes(), time.time()
    status = ask("GET", "/ready")[0]
    print(f"2,000 idle connections: < 10 kB each demanded; {(after - before) / 2000 / 1000:.1f} kB each; "
          f"another is answered {status} in {(time.time() - start) * 1000:.1f} ms")
    for one in sockets:
        one.close()
    server.stop()


def ask_health(times, end):
    """Asks the health route until `end` is set: in a process of its own, for the clients' threads take turns."""
    while not end.is_set():
        start = time.time()
        ask("GET", "/ready")
        times.put(time.time() - start)
        time.sleep(0.02)


def health_times(busy):
    """How long the health route takes while the threads `busy`, started here, live; in seconds."""
    queue, end = multiprocessing.Queue(), multiprocessing.Event()
    asking = multiprocessing.Process(target=ask_health, args=[queue, end])
    asking.start()
    for thread in busy:
        thread.start()
    times = []
    while any(thread.is_alive() for thread in busy):
        try:
            times.append(queue.get(timeout=0.1))
        except Empty:
            pass
    end.set()
    while not queue.empty() or asking.is_alive():
        try:
            times.append(queue.get(timeout=0.1))
        except Empty:
            pass
    return times


def packed_bodies():
    server = Server()
    lines = [f"request {number} served, payload {os.urandom(6).hex()}" for number in range(200_000)]
    bodies = [gzip.compress(push_body({"app": "packed", "number": str(number)}, lines).encode(), 1)
              for number in range(4)]
    answers, peak = {}, [0]

    def push(number):
        connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
        connection.request("POST", "/loki/api/v1/push", bodies[number % 4],
                           {"Content-Type": "application/json", "Content-Encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
        key = (answer.status, "with Retry-After" if answer.getheader("Retry-After") else "")
        answers[key] = answers.get(key, 0) + 1
        peak[0] = max(peak[0], server.bytes())

    threads = [threading.Thread(target=push, args=[number]) for number in range(64)]
    times = health_times(threads)
    inflated = len(push_body({}, lines)) / 1e6
    print(f"64 bodies of {len(bodies[0]) / 1e6:.1f} MB packed, {inflated:.0f} MB inflated: 2xx, or 429 "
          f"with Retry-After, < 400 MB and health < 100 ms demanded; {answers}, {peak[0] // MEBIBYTE} MiB, health "
          f"{max(times) * 1000:.0f} ms at worst of {len(times)}")
    server.stop()


def slow_readers():
    server = Server()
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    for batch in range(40):
        lines = [f"b{batch} r{row} " + "x" * 200 for row in range(1000)]
        ask("POST", "/loki/api/v1/push", push_body({"app": "slow"}, lines), connection)
    sockets = []
    for _ in range(200):
        one = socket.socket()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(("127.0.0.1", PORT))
        query = b"query=%7Bapp%3D%22slow%22%7D&limit=5000"
        one.sendall(b"GET /loki/api/v1/query_range?" + query + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        sockets.append(one)
    times, sizes, end = [], [], time.time() + 15
    while time.time() < end:
        start = time.time()
        total('sum(count_over_time({app="slow"}[1h]))')
        times.append(time.time() - start)
        sizes.append(server.bytes())
        time.sleep(0.05)
    print(f"200 slow readers of 1.2 MB each: < 150 MB and others < 100 ms demanded; {max(sizes) // MEBIBYTE} MiB, "
          f"others {percentile(times, 0.5) * 1000:.0f} ms median, {percentile(times, 0.99) * 1000:.0f} p99")
    for one in sockets:
        one.close()
    server.stop()


def full_disk():
    """A small disk filled to the brim by others, and freed; as root only, for it is mounted."""
    folder = tempfile.mkdtemp(prefix="dendro-load-")
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", folder]).returncode != 0:
        print("a full disk: passed over, it takes the right to mount")
        return
    server = Server(folder)
    try:
        sent, times, statuses = 0, [], set()

        def push():
            status, _, wait = ask("POST", "/loki/api/v1/push", push_body({"app": "full"}, [f"line {sent}"]))
            statuses.add((status, "with Retry-After" if wait else ""))
            return status == 204

        for _ in range(20):
            while push():
                sent += 1
                if sent % 50 == 0:
                    break
            with open(folder + "/filler", "wb") as filler:
                try:
                    while True:
                        filler.write(b"x" * 65536)
                        filler.flush()
                except OSError:
                    pass
            while push():
                sent += 1
                time.sleep(0.01)
            found = total('sum(count_over_time({app="full"}[1h]))')
            if found != sent:
                print(f"a full disk: {sent - found} of {sent} lines lost")
            os.remove(folder + "/filler")
            start = time.time()
            while not push():
                time.sleep(0.01)
            times.append(time.time() - start)
            sent += 1
        print(f"a full disk: 507 or 503 with Retry-After, 0 lost, back in < 1 s demanded; {sorted(statuses)}, {sent} "
              f"acknowledged and found, back in {percentile(times, 0.5) * 1000:.0f} ms median, "
              f"{max(times) * 1000:.0f} ms at worst of {len(times)}")
    finally:
        server.process.terminate()
        server.process.wait()
        subprocess.run(["umount", folder])
        os.rmdir(folder)


def many_streams():
    server = Server()
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    now, taken, refusals = time.time_ns(), 0, {}
    for start in range(0, 100_000, 500):
        streams = [{"stream": {"app": "many", "pod": f"p{number}"}, "values": [[str(now + number), "a line"]]}
                   for number in range(start, start + 500)]
        status, _, wait = ask("POST", "/loki/api/v1/push", json.dumps({"streams": streams}), connection)
        if status == 204:
            taken += 500
        else:
            refusals[(status, wait)] = refusals.get((status, wait), 0) + 1
    found = total('sum(count_over_time({app="many"}[10m]))')
    print(f"100,000 streams: all taken and < 150 MB demanded; {taken} taken, {found} found, refusals {refusals}, "
          f"{server.bytes() // MEBIBYTE} MiB")
    server.stop()


def trace_ids():
    server = Server()
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    count, wanted, peak, start = int(os.environ.get("TRACE_IDS", "1000000")), None, 0, time.time()
    for first in range(0, count, 5000):
        now, values = time.time_ns(), []
        for number in range(first, first + 5000):
            trace = os.urandom(16).hex()
            wanted = trace if number == count // 2 else wanted
            values.append([str(now + number - first), f"request {number} served", {"trace_id": trace}])
        body = json.dumps({"streams": [{"stream": {"app": "traced"}, "values": values}]})
        while True:
            status, _, wait = ask("POST", "/loki/api/v1/push", body, connection)
            if status == 204:
                break
            time.sleep(float(wait or 1))
        peak = max(peak, server.bytes())
    duration = time.time() - start
    ask("POST", "/flush")
    stored = sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(server.folder + "/tenants")
                 for name in names)
    path = f"/loki/api/v1/query_range?query=%7Bapp%3D%22traced%22%7D%7Ctrace_id%3D%22{wanted}%22"
    times, rows = [], 0
    for _ in range(20):
        begin = time.time()
        result = json.loads(ask("GET", path, None, connection)[1])["data"]["result"]
        times.append(time.time() - begin)
        rows = sum(len(series["values"]) for series in result)
    print(f"{count} trace ids: < 300 MB, < 5 ms, < 20 B a line demanded; {peak // MEBIBYTE} MiB, "
          f"{percentile(times, 0.5) * 1000:.1f} ms median, {max(times) * 1000:.1f} worst ({rows} row found), "
          f"{stored / count:.1f} B a line; {count / duration:.0f} lines/s from this client")
    server.stop()


if __name__ == "__main__":
    wanted = os.environ.get("ROWS", "").split(",")
    for row in (idle_connections, slow_readers, packed_bodies, full_disk, many_streams, trace_ids, edge_of_capacity):
        if wanted == [""] or row.__name__ in wanted:
            row()
