"""Serves one model with llama.cpp's server on loopback, until its standard input ends. `real_model.py` starts it.

The model is a base model, which has no chat template of its own: the messages of a request are joined as they stand, and the
model goes on from there.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

import xllamacpp

# Joins the contents of all messages with line breaks.
TEMPLATE = "{% for message in messages %}{{ message.content }}{% if not loop.last %}\n{% endif %}{% endfor %}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("weights")
    parser.add_argument("address_file", type=Path, help="gets the server's address once it listens")
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--slots", type=int, required=True)
    parser.add_argument("--slot-tokens", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()

    params = xllamacpp.CommonParams()
    params.model.path = args.weights
    params.model_alias = {args.name}
    params.hostnames = ["127.0.0.1"]
    params.port = args.port
    params.n_parallel = args.slots
    params.n_ctx = args.slots * args.slot_tokens
    params.cpuparams.n_threads = args.threads
    params.use_jinja = True
    params.chat_template = TEMPLATE
    server = xllamacpp.Server(params)

    # Whole or not there at all.
    draft = args.address_file.with_suffix(".draft")
    draft.write_text(server.listening_address, encoding="utf-8")
    draft.rename(args.address_file)
    # The parent's end of this pipe closes with the parent, whatever ends it.
    sys.stdin.buffer.read()
    # The server's threads are in the middle of nothing that must be kept.
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
