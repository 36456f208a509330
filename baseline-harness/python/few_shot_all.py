"""Few-shot with all that fits: shows the train examples in their order, as many as a budget of bytes has room for.

What is too long for the room that is left is skipped, so that shorter examples behind it are still shown.
"""

import json
import re

import wit_world
from componentize_py_types import Err
from wit_world.imports import model
from wit_world.imports.types import Answer, Feedback, Input, Task

# The most bytes that the examples of a prompt take together. It leaves most of the usual 256 KiB of a prompt to what is asked.
EXAMPLES_BYTES = 64 * 1024


def question(input: Input) -> str:
    """What an input asks: its fields, then its text."""
    lines = [f"{field.name}: {field.value}" for field in input.fields]
    return "\n".join([*lines, f"Text: {input.text}"])


def answer_name(task: Task) -> str:
    return "Label" if task.labels else "Answer"


def example(task: Task, it: Feedback) -> str:
    """An example as it stands in a prompt."""
    return f"{question(it.input)}\n{answer_name(task)}: {it.gold}"


def prompt(task: Task, examples: list[str], input: Input) -> str:
    """What is asked: the instructions, what may be answered, the examples, the input."""
    parts = [task.instructions]
    if task.labels:
        parts.append("Labels:\n" + "\n".join(f"- {label}" for label in task.labels))
    if examples:
        parts += ["Examples:", *examples]
    wanted = "one label for" if task.labels else "the answer to"
    parts.append(f"Reply with {wanted} the following and nothing else.")
    parts.append(f"{question(input)}\n{answer_name(task)}:")
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
        shown = json.loads(state) if state else []
        reply = ask(prompt(task, shown, input))
        answer = read_answer(task, reply)
        if answer is None:
            raise Err(f"the reply gives no answer: {reply!r}")
        return Answer(answer)

    def learn(self, task: Task, state: bytes, feedback: list[Feedback]) -> bytes:
        shown = json.loads(state) if state else []
        room = EXAMPLES_BYTES - sum(len(it.encode()) + 2 for it in shown)
        for it in feedback:
            new = example(task, it)
            # The same example may come again, in another epoch.
            if len(new.encode()) + 2 <= room and new not in shown:
                shown.append(new)
                room -= len(new.encode()) + 2
        return json.dumps(shown).encode()
