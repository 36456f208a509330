// @ts-check
// Asks with the learned examples that share the most words with the input.
import { complete } from 'mmh:harness/model@2.0.0';
import { write } from 'mmh:harness/log@2.0.0';

/** @import { Answer, Feedback, Input, Task } from 'mmh:harness/types@2.0.0' */
/** @typedef {{ text: string, gold: string, words: string[] }} Known */

const NEAREST = 4;

/** @param {string} text */
const words = (text) => [...new Set(text.toLowerCase().match(/[a-z0-9]+/g) ?? [])];

/** @param {Uint8Array} state @returns {Known[]} */
const read = (state) => (state.length === 0 ? [] : JSON.parse(new TextDecoder().decode(state)));

/** @param {Task} task @param {Known[]} examples @param {string} text */
function prompt(task, examples, text) {
  const labels = task.labels.length === 0 ? [] : [`Labels: ${task.labels.join(', ')}`];
  const shown = examples.map((known) => `Input: ${known.text}\nAnswer: ${known.gold}`);
  return [task.instructions, ...labels, ...shown, `Input: ${text}\nAnswer:`].join('\n\n');
}

/**
 * Answers one input. An error that is thrown as a string is recorded as this example's outcome.
 * @param {Task} task @param {Uint8Array} state @param {Input} input @returns {Answer}
 */
export function predict(task, state, input) {
  const asked = new Set(words(input.text));
  const common = (/** @type {Known} */ known) => known.words.filter((it) => asked.has(it)).length;
  const ranked = read(state).map((known) => ({ known, common: common(known) }));
  const nearest = ranked.sort((a, b) => b.common - a.common).slice(0, NEAREST).map((it) => it.known);
  write('debug', `shows ${nearest.length} of ${ranked.length} examples`);
  const content = prompt(task, nearest, input.text);
  const reply = complete({ messages: [{ role: 'user', content }], maxTokens: 64, stop: [] }).text.trim();
  const label = task.labels.find((it) => reply.toLowerCase().includes(it.toLowerCase()));
  return { text: label ?? reply };
}

/**
 * Takes in a batch of examples, and returns the new state.
 * @param {Task} _task @param {Uint8Array} state @param {Feedback[]} feedback @returns {Uint8Array}
 */
export function learn(_task, state, feedback) {
  // The words are found once here, and not in each call of predict.
  const known = feedback.map(({ input, gold }) => ({ text: input.text, gold, words: words(input.text) }));
  return new TextEncoder().encode(JSON.stringify([...read(state), ...known]));
}
