"""Sends lines of JSON from standard input to dendro: for rsyslog's omprog, needs nothing but Python.

    rsyslog_dendro.py http://127.0.0.1:3100

Lines go out at the latest a second after they came, up to 500 in a request. What the server has no room for, or while
it is away, is sent again until it is taken; standard input then waits, and with it the queue of rsyslog.
"""

import select
import sys
import time
import urllib.error
import urllib.request

BATCH_LINES = 500
WAIT_SECONDS = 1.0


def send(url, lines):
    body = b"".join(lines)
    pause = 0.5
    while True:
        request = urllib.request.Request(url, body, {"Content-Type": "application/x-ndjson"})
        try:
            with urllib.request.urlopen(request, timeout=30):
                return
        except urllib.error.HTTPError as error:
            # Other refusals are final: the same bytes would be refused again.
            if error.code != 429 and error.code < 500:
                print(f"dendro refused {len(lines)} lines: {error.code} {error.read(500)!r}", file=sys.stderr)
                return
        except OSError:
            pass
        time.sleep(pause)
        pause = min(pause * 2, 30)


def main():
    url = sys.argv[1].rstrip("/") + "/api/v1/push"
    source = sys.stdin.buffer.raw
    rest = b""
    lines = []
    deadline = None
    while True:
        timeout = None if deadline is None else max(0, deadline - time.monotonic())
        if select.select([source], [], [], timeout)[0]:
            piece = source.read(1 << 16)
            if not piece:
                break
            *whole, rest = (rest + piece).split(b"\n")
            lines += [line + b"\n" for line in whole if line.strip()]
            if lines and deadline is None:
                deadline = time.monotonic() + WAIT_SECONDS
        while len(lines) >= BATCH_LINES or (lines and time.monotonic() >= (deadline or 0)):
            send(url, lines[:BATCH_LINES])
            del lines[:BATCH_LINES]
            deadline = time.monotonic() + WAIT_SECONDS if lines else None
        if not lines:
            deadline = None
    for start in range(0, len(lines), BATCH_LINES):
        send(url, lines[start : start + BATCH_LINES])


if __name__ == "__main__":
    main()
