"""A service that only logs: everything that the logging handler can be given."""

import sys

import telemetry

finish = telemetry.start()

import tools  # noqa: E402

log, plan = tools.log, tools.plan
log.info(plan["user"])
log.warning("retrying with %s", plan["answer"])
log.info({"event": "request", "config": {"password": plan["password"], "retries": 3}, "lines": [plan["result"], plan["decoy_digest"]]})
log.info("settings %s", {"DB_PASSWORD": plan["escaped_password"], "retries": 3, "proxy": None})
log.info(plan["files"])
log.error("bytes", extra={"payload": plan["user"].encode(), "db.password": plan["password"], "request_id": plan["decoy_uuid"]})
for at in range(0, len(plan["answer"]), 7):  # as applications log what streams in
    log.info(plan["answer"][at : at + 7])
tools.crash()
with tools.tracer.start_as_current_span("job " + plan["tool_url"]) as span:
    span.set_attribute("db.statement", plan["sql"])
    log.info("in a span", extra={"statement": plan["sql"]})
tools.shell({"command": plan["command"]})
sys.exit(0 if finish() else "telemetry was not taken")
