"""One candidate, which is a prompt, evaluated by GEPA's default adapter: `gepa_prompt.py PROMPT`.

The adapter calls the model through a function. Its other way, LiteLLM, is an extra that takes seconds to import.
"""

import pathlib
import sys

from gepa.adapters.default_adapter.default_adapter import DefaultAdapter

import work

examples = [{"input": row["text"], "additional_context": {}, "answer": row["label"]} for row in work.rows("val")]
adapter = DefaultAdapter(lambda messages: work.ask(messages[1]["content"], messages[0]["content"]))
batch = adapter.evaluate(examples, {"system_prompt": pathlib.Path(sys.argv[1]).read_text()})
work.told(sum(batch.scores) / len(batch.scores))
