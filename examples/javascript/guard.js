// Stands between the runtime and a harness. The runtime knows one kind of error, a thrown string, and drops the words of all
// others. The guard turns whatever is thrown into a string with its place, and names a result of the wrong type.

/** What an error says, and the first line of its stack, which is where it was thrown. @param {any} error */
function words(error) {
  if (typeof error === 'string') return error;
  const { tag, val } = error?.payload ?? {};
  const said = tag ? `the model gave no reply: ${tag}${val === undefined ? '' : `: ${val}`}` : String(error);
  const lines = `${error?.stack ?? ''}`.split('\n');
  const place = lines.find((line) => /@.*:\d+/.test(line) && !/(initializer|guard)\.js:/.test(line));
  return place ? `${said} (${place.trim()})` : said;
}

/** A value in a few words. @param {any} value */
function shown(value) {
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  if (typeof value === 'object' && value !== null) return `an object with ${Object.keys(value).join(', ') || 'nothing'} in it`;
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** @param {any} harness @param {string} name @param {(result: any) => boolean} fits @param {string} wanted */
function guard(harness, name, fits, wanted) {
  return (/** @type {any[]} */ ...given) => {
    let result;
    try {
      result = harness[name](...given);
    } catch (error) {
      throw words(error);
    }
    if (fits(result)) return result;
    throw `TypeError: ${name} has to return ${wanted}, and returned ${shown(result)}`;
  };
}

/** The exports of a harness with a guard around each. @param {any} harness */
export function guarded(harness) {
  for (const name of ['predict', 'learn']) {
    if (typeof harness[name] !== 'function') throw new TypeError(`the harness exports no function ${name}`);
  }
  return {
    predict: guard(harness, 'predict', (it) => typeof it?.text === 'string', 'an answer, { text: string }'),
    learn: guard(harness, 'learn', (it) => ArrayBuffer.isView(it) || Array.isArray(it), 'the state, a Uint8Array'),
  };
}
