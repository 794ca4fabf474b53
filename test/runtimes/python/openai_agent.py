"""An agent on the OpenAI client: a tool call and a streamed answer, each both ways."""

import json
import sys

import telemetry

finish = telemetry.start()

import openai  # noqa: E402  instrumentations come first

import tools  # noqa: E402

client = openai.OpenAI(max_retries=0)
TOOLS = [{"type": "function", "function": {"name": "shell", "description": tools.DESCRIPTION, "parameters": tools.PARAMETERS}}]


def start(pictures=True):
    parts = [{"type": "text", "text": tools.plan["user"]}, {"type": "image_url", "image_url": {"url": tools.plan["image"]}}]
    return [
        {"role": "system", "content": tools.plan["system"]},
        {"role": "user", "content": parts if pictures else tools.plan["user"]},
    ]


def plain(messages):
    message = client.chat.completions.create(
        model="gpt-4.1", messages=messages, tools=TOOLS, logprobs=True, prompt_cache_key=tools.plan["cache_key"], user=tools.plan["decoy_uuid"]
    ).choices[0].message
    return message.content, [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or []]


def streamed(messages):
    text, calls = "", {}
    stream = client.chat.completions.create(
        model="gpt-4.1", messages=messages, tools=TOOLS, stream=True, stream_options={"include_usage": True}
    )
    for chunk in stream:
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for call in choice.delta.tool_calls or []:
                known = calls.setdefault(call.index, ["", "", ""])
                known[0] += call.id or ""
                known[1] += call.function.name or ""
                known[2] += call.function.arguments or ""
    return text, [tuple(c) for c in calls.values()]


def converse(ask, messages):
    with tools.tracer.start_as_current_span("agent"):
        for _ in range(4):
            text, calls = ask(messages)
            if not calls:
                return text
            messages.append({
                "role": "assistant",
                "content": text or None,
                "tool_calls": [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in calls],
            })
            for i, _, arguments in calls:
                messages.append({"role": "tool", "tool_call_id": i, "content": tools.shell(json.loads(arguments))})
    sys.exit("no end of tool calls")


for ask, messages in (plain, start()), (streamed, start()), (plain, start(pictures=False)):
    if converse(ask, messages) != tools.plan["answer"]:
        sys.exit("the answer is not what the provider said")
client.responses.create(model="gpt-4.1", instructions=tools.plan["system"], input=tools.plan["user"])
client.embeddings.create(model="text-embedding-3-small", input=[tools.plan["user"]])
tools.refused(lambda: client.chat.completions.create(model="refuse", messages=start()))
tools.crash()
sys.exit(0 if finish() else "telemetry was not taken")
