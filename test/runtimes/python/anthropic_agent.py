"""An agent on the Anthropic client: a tool call and a streamed answer, each both ways."""

import sys

import telemetry

finish = telemetry.start()

import anthropic  # noqa: E402  instrumentations come first

import tools  # noqa: E402

client = anthropic.Anthropic(max_retries=0)
TOOLS = [{"name": "shell", "description": tools.DESCRIPTION, "input_schema": tools.PARAMETERS}]
COMMON = {"model": "claude-sonnet-4-5", "max_tokens": 1000, "system": tools.plan["system"], "tools": TOOLS}


def start():
    kind, data = tools.plan["image"].removeprefix("data:").split(";base64,")
    return [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": tools.plan["user"]},
                {"type": "image", "source": {"type": "base64", "media_type": kind, "data": data}},
            ],
        }
    ]


def plain(messages):
    return client.messages.create(messages=messages, **COMMON)


def streamed(messages):
    with client.messages.stream(messages=messages, **COMMON) as stream:
        return stream.get_final_message()


def converse(ask):
    messages = start()
    with tools.tracer.start_as_current_span("agent"):
        for _ in range(4):
            message = ask(messages)
            if message.stop_reason != "tool_use":
                return "".join(b.text for b in message.content if b.type == "text")
            messages.append({"role": "assistant", "content": [b.model_dump(exclude_none=True) for b in message.content]})
            messages.append({
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": b.id, "content": tools.shell(b.input)}
                    for b in message.content
                    if b.type == "tool_use"
                ],
            })
    sys.exit("no end of tool calls")


for ask in plain, streamed:
    if converse(ask) != tools.plan["answer"]:
        sys.exit("the answer is not what the provider said")
tools.refused(lambda: client.messages.create(messages=start(), **{**COMMON, "model": "refuse"}))
tools.crash()
sys.exit(0 if finish() else "telemetry was not taken")
