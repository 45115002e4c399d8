"""python-logging-loki: Python's logging, a request for each line.

    pip install python-logging-loki
    python python_logging_loki.py
"""

import logging
import os

import logging_loki

# CHANGE: dendro's address
URL = os.environ.get("DENDRO_URL", "http://127.0.0.1:3100") + "/loki/api/v1/push"

handler = logging_loki.LokiHandler(url=URL, tags={"app": "shop", "env": "prod"}, version="1")
log = logging.getLogger("shop.orders")
log.setLevel(logging.INFO)
log.addHandler(handler)

if __name__ == "__main__":
    log.info("order placed")
    # A trace id sent as a tag is kept as metadata: it does not make a stream of its own.
    log.error("payment failed", extra={"tags": {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}})
