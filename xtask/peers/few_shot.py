"""The candidate in Python: shows the examples that share the most words with the text, and asks for a label."""

# EVOLVE-BLOCK-START
import re

VARIANT = "0"
SHOWN = 8


def words(text):
    return re.findall(r"\w+", text.lower())


def classify(task, text, ask):
    wanted = set(words(text))
    nearest = sorted(task["train"], key=lambda row: -sum(word in wanted for word in words(row["text"])))[:SHOWN]
    shown = "\n\n".join(f"Text: {row['text']}\nLabel: {row['label']}" for row in nearest)
    names = "\n".join(f"- {label}" for label in task["labels"])
    reply = ask(f"{task['instructions']}\n\nLabels:\n{names}\n\n{shown}\n\nForm {VARIANT}\nText: {text}\nLabel:")
    return next((label for label in task["labels"] if label == reply.strip().lower()), task["labels"][0])


# EVOLVE-BLOCK-END
