// Stands in for the host's interfaces in tests: a model that gives scripted replies, and a log that is dropped. A test says
// `script(['a reply', { tag: 'refused', val: 'why' }])`; `asked()` has the requests since then.
import { register } from 'node:module';

const model = `
const CALLS = 16;
let replies = [];
let requests = [];
export function script(given) {
  replies = [...given];
  requests = [];
}
export const asked = () => requests;
export const callsLeft = () => CALLS - requests.length;
export const fuelLeft = () => 10_000_000_000n;
export function completeAll(given) {
  return given.map((request) => {
    if (callsLeft() === 0) return { tag: 'err', val: { tag: 'call-limit', val: CALLS } };
    requests.push(request);
    if (replies.length === 0) throw new Error('model call ' + requests.length + ' has no reply: script([...]) needs one more');
    const next = replies.shift();
    if (typeof next !== 'string') return { tag: 'err', val: next };
    return { tag: 'ok', val: { text: next, stopReason: 'end', usage: { inputTokens: 1n, outputTokens: 1n } } };
  });
}
export function complete(request) {
  const [{ tag, val }] = completeAll([request]);
  if (tag === 'err') throw Object.assign(new Error(val.tag), { payload: val });
  return val;
}
`;
const sources = { model, log: 'export const write = () => {};', types: '' };
const hooks = `
  const sources = ${JSON.stringify(sources)};
  const own = /^mmh:harness\\/([a-z]+)@/;
  export const resolve = (name, context, next) =>
    own.test(name) ? { url: name, shortCircuit: true } : next(name, context);
  export const load = (url, context, next) =>
    own.test(url) ? { format: 'module', source: sources[own.exec(url)[1]], shortCircuit: true } : next(url, context);
`;
register('data:text/javascript,' + encodeURIComponent(hooks));
