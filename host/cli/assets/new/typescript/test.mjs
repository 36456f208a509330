// `npm test`: the harness without the sandbox, with the scripted model of stand-in.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asked, callsLeft, script } from 'mmh:harness/model@2.0.0';
import { learn, predict } from './build/harness.js';

const task = { name: 'weather', instructions: 'Sort it.', labels: ['warm', 'cold'] };
const input = (text) => ({ text, fields: [] });
const state = learn(task, new Uint8Array(), [{ input: input('snow and ice'), gold: 'cold' }]);

test('an answer is a label that the reply names', () => {
  script(['I think that it is Cold.']);
  assert.deepEqual(predict(task, state, input('ice')), { text: 'cold' });
  assert.equal(callsLeft(), 15);
  assert.match(asked()[0].messages[0].content, /Input: snow and ice\nAnswer: cold/);
});

test('an error of the model is thrown', () => {
  script([{ tag: 'refused', val: 'no' }]);
  assert.throws(() => predict(task, state, input('ice')), { payload: { tag: 'refused', val: 'no' } });
});
