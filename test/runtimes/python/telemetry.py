"""OpenTelemetry as an application sets it up: everything but the choice of
instrumentations comes from the environment."""

import logging
import os
import sys

from opentelemetry import _logs, trace
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] == "grpc":
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
else:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter


def instrument(dialect):
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

    if dialect == "genai":
        from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

        chosen = [OpenAIInstrumentor()]
    elif dialect == "openllmetry":
        from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
        from opentelemetry.instrumentation.langchain import LangchainInstrumentor
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor

        chosen = [OpenAIInstrumentor(), AnthropicInstrumentor(), LangchainInstrumentor()]
    elif dialect == "openinference":
        from openinference.instrumentation.anthropic import AnthropicInstrumentor
        from openinference.instrumentation.langchain import LangChainInstrumentor
        from openinference.instrumentation.openai import OpenAIInstrumentor

        chosen = [OpenAIInstrumentor(), AnthropicInstrumentor(), LangChainInstrumentor()]
    else:
        chosen = []
    for instrumentor in [*chosen, HTTPXClientInstrumentor()]:
        instrumentor.instrument()


def start():
    """Sets up traces and logs. What it returns must say True at the end: all was taken."""
    resource = Resource.create()
    traces = TracerProvider(resource=resource)
    traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(traces)
    logs = LoggerProvider(resource=resource)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
    _logs.set_logger_provider(logs)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("app").addHandler(LoggingHandler(logger_provider=logs))
    logging.getLogger("app").setLevel(logging.INFO)
    logging.getLogger("app").propagate = False
    instrument(os.environ.get("DIALECT", ""))

    def finish():
        taken = [traces.force_flush(), logs.force_flush()]
        traces.shutdown()
        logs.shutdown()
        return all(taken)

    return finish
