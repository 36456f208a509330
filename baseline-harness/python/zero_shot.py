"""Zero-shot: name the labels, show the input, ask for one of them. In an open task, ask for an answer alone.

A search in Python starts from this harness. It learns nothing, gives no examples, and asks once.
"""

import re

import wit_world
from componentize_py_types import Err
from wit_world.imports import model
from wit_world.imports.types import Answer, Feedback, Input, Task


def prompt(task: Task, input: Input) -> str:
    """What is asked: the instructions, what may be answered, the fields if there are any, the text."""
    parts = [task.instructions]
    if task.labels:
        parts.append("Labels:\n" + "\n".join(f"- {label}" for label in task.labels))
    if input.fields:
        parts.append("\n".join(f"{field.name}: {field.value}" for field in input.fields))
    parts.append(f"Text: {input.text}")
    wanted = "one label" if task.labels else "the answer"
    parts.append(f"Reply with {wanted} and nothing else.")
    return "\n\n".join(parts)


def ask(question: str) -> str:
    """The model's reply, as text."""
    message = model.Message(model.Role.USER, question)
    request = model.Request(system=None, messages=[message], max_tokens=64, temperature=None, stop=[])
    return model.complete(request).text.strip()


def read_answer(task: Task, reply: str) -> str | None:
    """The label that a reply means: the reply itself, or the only label that it mentions. In an open task, the reply."""
    if not task.labels:
        return reply or None
    if reply in task.labels:
        return reply
    mentioned = [label for label in task.labels if re.search(rf"(?<!\w){re.escape(label)}(?!\w)", reply, re.IGNORECASE)]
    # A label that is a part of another one that is mentioned is not meant.
    mentioned = [it for it in mentioned if not any(it != other and it.lower() in other.lower() for other in mentioned)]
    return mentioned[0] if len(mentioned) == 1 else None


class WitWorld(wit_world.WitWorld):
    def predict(self, task: Task, state: bytes, input: Input) -> Answer:
        reply = ask(prompt(task, input))
        answer = read_answer(task, reply)
        if answer is None:
            raise Err(f"the reply gives no answer: {reply!r}")
        return Answer(answer)

    def learn(self, task: Task, state: bytes, feedback: list[Feedback]) -> bytes:
        return state
