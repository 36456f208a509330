"""Asks with the learned examples that share the most words with the input."""

import json
import re

import wit_world
from componentize_py_types import Err
from wit_world.imports import log, model
from wit_world.imports.types import Answer, Feedback, Input, Task

NEAREST = 4


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def prompt(task: Task, examples: list[tuple[str, str]], text: str) -> str:
    shown = [f"Input: {known}\nAnswer: {gold}" for known, gold in examples]
    labels = ["Labels: " + ", ".join(task.labels)] if task.labels else []
    return "\n\n".join([task.instructions, *labels, *shown, f"Input: {text}\nAnswer:"])


def ask(question: str) -> str:
    message = model.Message(model.Role.USER, question)
    request = model.Request(
        system=None, messages=[message], max_tokens=64, temperature=None, stop=[]
    )
    return model.complete(request).text.strip()


class WitWorld(wit_world.WitWorld):
    def predict(self, task: Task, state: bytes, input: Input) -> Answer:
        known = [tuple(it) for it in json.loads(state)] if state else []
        asked = words(input.text)
        nearest = sorted(known, key=lambda it: -len(asked & words(it[0])))[:NEAREST]
        log.write(log.Level.DEBUG, f"shows {len(nearest)} of {len(known)} examples")
        try:
            reply = ask(prompt(task, nearest, input.text))
        except Err as error:
            # Recorded as this example's outcome, and counted as wrong.
            raise Err(f"the model gave no reply: {error.value}") from error
        label = next((it for it in task.labels if it.lower() in reply.lower()), reply)
        return Answer(label)

    def learn(self, task: Task, state: bytes, feedback: list[Feedback]) -> bytes:
        known = json.loads(state) if state else []
        known += [(it.input.text, it.gold) for it in feedback]
        return json.dumps(known).encode()
