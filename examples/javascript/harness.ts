// Asks with the learned examples that share the most words with the input.
import { complete } from 'mmh:harness/model@2.0.0';
import { write } from 'mmh:harness/log@2.0.0';
import type { Answer, Feedback, Input, Task } from 'mmh:harness/types@2.0.0';

type Known = { text: string; gold: string; words: string[] };

const NEAREST = 4;

const words = (text: string): string[] => [...new Set(text.toLowerCase().match(/[a-z0-9]+/g) ?? [])];

const read = (state: Uint8Array): Known[] =>
  state.length === 0 ? [] : JSON.parse(new TextDecoder().decode(state));

function prompt(task: Task, examples: Known[], text: string): string {
  const labels = task.labels.length === 0 ? [] : [`Labels: ${task.labels.join(', ')}`];
  const shown = examples.map((known) => `Input: ${known.text}\nAnswer: ${known.gold}`);
  return [task.instructions, ...labels, ...shown, `Input: ${text}\nAnswer:`].join('\n\n');
}

/** Answers one input. An error that is thrown as a string is recorded as this example's outcome. */
export function predict(task: Task, state: Uint8Array, input: Input): Answer {
  const asked = new Set(words(input.text));
  const common = (known: Known): number => known.words.filter((it) => asked.has(it)).length;
  const ranked = read(state).map((known) => ({ known, common: common(known) }));
  const nearest = ranked.sort((a, b) => b.common - a.common).slice(0, NEAREST).map((it) => it.known);
  write('debug', `shows ${nearest.length} of ${ranked.length} examples`);
  const content = prompt(task, nearest, input.text);
  const reply = complete({ messages: [{ role: 'user', content }], maxTokens: 64, stop: [] }).text.trim();
  const label = task.labels.find((it) => reply.toLowerCase().includes(it.toLowerCase()));
  return { text: label ?? reply };
}

/** Takes in a batch of examples, and returns the new state. */
export function learn(_task: Task, state: Uint8Array, feedback: Feedback[]): Uint8Array {
  // The words are found once here, and not in each call of predict.
  const known = feedback.map(({ input, gold }) => ({ text: input.text, gold, words: words(input.text) }));
  return new TextEncoder().encode(JSON.stringify([...read(state), ...known]));
}
