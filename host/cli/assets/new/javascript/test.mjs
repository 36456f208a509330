// `npm test`: the harness without the sandbox, with the model of stand-in.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learn, predict } from './harness.js';

const task = { name: 'weather', instructions: 'Sort it.', labels: ['warm', 'cold'] };
const input = (text) => ({ text, fields: [] });

test('an answer is a label that the reply names', () => {
  const state = learn(task, new Uint8Array(), [{ input: input('snow and ice'), gold: 'cold' }]);
  assert.deepEqual(predict(task, state, input('ice')), { text: 'cold' });
});
