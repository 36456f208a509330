"""Tests of what needs no sandbox: `python3 -m unittest test_harness`, after `sh build.sh`."""

import unittest
from types import SimpleNamespace

import harness


class Harness(unittest.TestCase):
    def test_examples_and_labels_are_shown(self):
        task = SimpleNamespace(instructions="Sort it.", labels=["warm", "cold"])
        shown = harness.prompt(task, [("snow", "cold")], "sun")
        self.assertIn("Labels: warm, cold", shown)
        self.assertIn("Input: snow\nAnswer: cold", shown)
        self.assertTrue(shown.endswith("Input: sun\nAnswer:"))

    def test_what_is_learned_is_in_the_state(self):
        feedback = SimpleNamespace(input=SimpleNamespace(text="snow"), gold="cold")
        state = harness.WitWorld().learn(None, b"", [feedback])
        self.assertEqual(state, b'[["snow", "cold"]]')


if __name__ == "__main__":
    unittest.main()
