"""An agent of LangChain on the OpenAI API, plain and streamed."""

import sys

import telemetry

finish = telemetry.start()

from langchain.agents import create_agent  # noqa: E402  instrumentations come first
from langchain.tools import tool  # noqa: E402
from langchain_openai import ChatOpenAI  # noqa: E402

import tools  # noqa: E402


@tool(description=tools.DESCRIPTION)
def shell(command: str, attempt: int = 0) -> str:
    return tools.shell({"command": command, "attempt": attempt})


def agent(model, **options):
    return create_agent(ChatOpenAI(model=model, max_retries=0, **options), [shell], system_prompt=tools.plan["system"])


ask = {"messages": [{"role": "user", "content": tools.plan["user"]}]}
answer = agent("gpt-4.1").invoke(ask, config={"metadata": {"session": tools.plan["decoy_uuid"]}})
if answer["messages"][-1].text != tools.plan["answer"]:
    sys.exit("the answer is not what the provider said")
text = ""
for chunk, _ in agent("gpt-4.1", streaming=True).stream(ask, stream_mode="messages"):
    if chunk.type == "AIMessageChunk":
        text += chunk.text
if text != tools.plan["answer"]:
    sys.exit("the streamed answer is not what the provider said")
tools.refused(lambda: agent("refuse").invoke(ask))
tools.crash()
sys.exit(0 if finish() else "telemetry was not taken")
