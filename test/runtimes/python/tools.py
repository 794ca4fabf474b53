"""What the agents have in common: the texts they are given, and the tool."""

import json
import logging
import os
import sys

import httpx
from opentelemetry import trace

with open(os.environ["PLAN"], encoding="utf-8") as f:
    plan = json.load(f)

tracer = trace.get_tracer("app")
log = logging.getLogger("app")

PARAMETERS = {"type": "object", "properties": {"command": {"type": "string"}, "attempt": {"type": "integer"}}, "required": ["command"]}
DESCRIPTION = plan["tool_description"]


def shell(arguments):
    """Runs nothing: asks the stand-in, as tools ask services, and gives what the plan says."""
    with tracer.start_as_current_span("execute_tool shell") as span:
        span.set_attribute("gen_ai.operation.name", "execute_tool")
        span.set_attribute("gen_ai.tool.name", "shell")
        span.set_attribute("gen_ai.tool.call.arguments", json.dumps(arguments))
        if arguments.get("attempt", 1) > 1:
            return plan["files"]
        httpx.get(plan["tool_url"], headers={"X-Api-Key": plan["tool_key"]}).raise_for_status()
        span.set_attribute("gen_ai.tool.call.result", plan["result"])
        log.info("tool answered", extra={"tool_result": plan["result"], "attempt": arguments.get("attempt", 0)})
        return plan["result"]


def refused(call):
    """A call that the provider refuses, and that the application does not expect to be."""
    try:
        with tracer.start_as_current_span("refused call"):
            call()
    except Exception as e:
        log.exception("the provider refused: %s", e)
        return
    sys.exit("the provider should have refused")


def crash():
    """An exception of the application's own, with a cause, through a span."""
    try:
        with tracer.start_as_current_span("connect"):
            try:
                raise ConnectionError(plan["cause"])
            except ConnectionError as e:
                raise RuntimeError(plan["exception"]) from e
    except RuntimeError:
        log.exception("giving up")
