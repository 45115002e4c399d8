"""OpenTelemetry SDK for Python: logging through OTLP over HTTP, batched and packed.

    pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http
    python python_otlp.py
"""

import logging
import os

from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

# CHANGE: dendro's address
URL = os.environ.get("DENDRO_URL", "http://127.0.0.1:3100") + "/v1/logs"

provider = LoggerProvider(Resource.create({"service.name": "shop", "deployment.environment.name": "prod"}))
provider.add_log_record_processor(
    BatchLogRecordProcessor(OTLPLogExporter(endpoint=URL, compression=Compression.Gzip))
)
set_logger_provider(provider)
log = logging.getLogger("shop.orders")
log.setLevel(logging.INFO)
log.addHandler(LoggingHandler(logger_provider=provider))

if __name__ == "__main__":
    log.info("order placed", extra={"order_id": 42})
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("payment failed")
    provider.shutdown()
