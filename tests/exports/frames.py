"""frames.py FOLDER: reads the tables as pandas does, and prints sums of them."""
import json
import sys

import pandas

examples = pandas.read_csv(f"{sys.argv[1]}/examples.csv", keep_default_na=False)
calls = pandas.read_csv(f"{sys.argv[1]}/calls.csv", keep_default_na=False)
scores = examples[examples["split"] == "val"].groupby("iteration")["correct"].mean()
print(json.dumps({
    "examples": len(examples), "calls": len(calls), "scores": scores.tolist(),
    "tokens": int(examples["input_tokens"].sum()),
    "tokens_of_calls": int(calls[calls["part"] == "predict"][["input_tokens", "cache_read_tokens", "cache_write_tokens"]].sum().sum()),
    "cost": float(calls["cost_usd"].sum()), "inputs": sorted(set(examples["input"])), "replies": sorted(set(calls["reply"])),
}))
