"""Drives `mmh mcp` with the Model Context Protocol's own SDK for Python.

Reads a JSON object from standard input: `command` with its `args`, `env` and `cwd`; the `mode` of the protocol; `calls`,
pairs of a tool and its arguments; `leaves`, if the client is to vanish after the last call without a word. Prints what the
server says of itself and what each call returned, as JSON.
"""

import asyncio
import json
import os
import sys

from mcp import Client, StdioServerParameters

NOT_READY = "The search is not ready"


async def called(client, tool, arguments):
    """The result of a call. A candidate that is not ready is asked for again, as the server says."""
    while True:
        result = await client.call_tool(tool, arguments)
        text = "".join(block.text for block in result.content)
        if tool != "begin_candidate" or not text.startswith(NOT_READY):
            return {"tool": tool, "text": text, "is_error": bool(result.is_error)}


async def main(task):
    server = StdioServerParameters(
        command=task["command"], args=task["args"], env=task["env"], cwd=task["cwd"]
    )
    async with Client(server, mode=task["mode"]) as client:
        tools = await client.list_tools()
        prompts = await client.list_prompts()
        prompt = await client.get_prompt(prompts.prompts[0].name)
        resources = await client.list_resources()
        guide = await client.read_resource(resources.resources[0].uri)
        said = {
            "protocol": client.protocol_version,
            "server": client.server_info.name,
            "instructions": client.instructions,
            "tools": [
                {"name": it.name, "description": it.description, "schema": it.input_schema}
                for it in tools.tools
            ],
            "prompt": prompt.messages[0].content.text,
            "guide": guide.contents[0].text,
            "results": [await called(client, tool, arguments) for tool, arguments in task["calls"]],
        }
        print(json.dumps(said), flush=True)
        if task["leaves"]:
            os._exit(0)


asyncio.run(main(json.load(sys.stdin)))
