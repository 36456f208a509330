// Stands in for the host's interfaces in tests: a model that answers with the last part of its prompt but one, and a log that is dropped.
import { register } from 'node:module';

const model = `export const complete = ({ messages }) => ({ text: messages.at(-1).content.split('\\n\\n').at(-2) });`;
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
