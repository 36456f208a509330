"""A scripted proposer behind the OpenAI wire format, on loopback: it submits harnesses that ship with `mmh`, one for each
candidate. It shows that a search works against a real target; it is no measure of proposers.
"""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODEL = "scripted-proposer"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.answer(self.server.script.reply(body["messages"]))

    def do_GET(self) -> None:
        self.answer({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    def answer(self, reply: dict) -> None:
        text = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_) -> None:
        """No request is logged: the run records them."""


class Script:
    """The sources, in their order. Each conversation begins without a turn of the proposer's, and gets the next source."""

    def __init__(self, sources: list[Path]) -> None:
        self.sources = sources
        self.begun = 0
        self.lock = threading.Lock()

    def reply(self, messages: list[dict]) -> dict:
        if any(message["role"] == "assistant" for message in messages):
            return completion({"role": "assistant", "content": "There is nothing more to submit."}, "stop")
        with self.lock:
            source = self.sources[self.begun % len(self.sources)]
            self.begun += 1
        arguments = {
            "code": source.read_text(encoding="utf-8"),
            "reasoning": f"A script submits {source.stem}, which ships with the program.",
        }
        function = {"name": "write_harness", "arguments": json.dumps(arguments)}
        call = {"id": f"call_{self.begun}", "type": "function", "function": function}
        return completion({"role": "assistant", "content": "", "tool_calls": [call]}, "tool_calls")


def completion(message: dict, reason: str) -> dict:
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return {"object": "chat.completion", "model": MODEL, "choices": [choice], "usage": usage}


@contextlib.contextmanager
def proposer(sources: list[Path]):
    """Answers while the block runs. Yields the base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.script = Script(sources)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
