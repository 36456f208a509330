// Builds a harness to a component: `node build.mjs harness.js [harness.wasm]`. WIT names the folder of the contract.
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { arch, platform } from 'node:process';

const [source, output = 'harness.wasm'] = process.argv.slice(2);
// The parser of node names the line of a mistake; the runtime's does not.
const checked = spawnSync(process.execPath, ['--check', source], { stdio: 'inherit' });
if (checked.status !== 0) process.exit(1);
const witPath = process.env.WIT ?? '../../wit';
const steady = process.env.STEADY ?? '../steady.c';

// The path of the work folder, chance and the time get into the component: with these it is the same in each build.
await rm('build/work', { recursive: true, force: true });
await mkdir('build/work', { recursive: true });
process.env.TMPDIR = 'build/work';
Math.random = () => 0.5;
Date.now = () => 946_684_800_000;

/** The program that runs SpiderMonkey's start and stores its memory, with a fixed clock and fixed random numbers. */
async function steadyWizer() {
  const compile = ['-shared', '-fPIC', '-O1', '-o', 'build/steady.so', steady];
  const compiled = platform === 'linux' && arch === 'x64' && spawnSync('cc', compile, { stdio: 'inherit' });
  if (!compiled || compiled.status !== 0) {
    console.error('note: two builds will differ in a few bytes, because steady.c is for Linux on x86-64 and needs a C compiler');
    return undefined;
  }
  const { default: wizer } = await import('@bytecodealliance/wizer');
  // The runtime is told this folder's path in words, in variables and as a folder's name, and would keep it.
  const script = `#!/bin/sh
here=$PWD
for word do shift; case $word in --dir=*) ;; *) set -- "$@" "$word" ;; esac; done
sed "s#$here/#/#g" | env -u PWD -u OLDPWD -u SHLVL -u _ LD_PRELOAD=build/steady.so "${wizer}" "$@"
`;
  await writeFile('build/wizer.sh', script);
  await chmod('build/wizer.sh', 0o755);
  return 'build/wizer.sh';
}

// What the component begins with: the harness behind the guard, which gives errors their words.
const entry = 'build/entry.js';
await writeFile(entry, `import * as harness from '../${source}';
import { guarded } from '../guard.js';
export const { predict, learn } = guarded(harness);
`);

const wizerBin = await steadyWizer();
const { componentize } = await import('@bytecodealliance/componentize-js');
const { component } = await componentize({
  sourcePath: entry,
  witPath,
  worldName: 'harness',
  wizerBin,
  // A harness has no use for them, and without them the runtime starts faster. `stdio` stays: console writes there.
  disableFeatures: ['random', 'clocks', 'http', 'fetch-event'],
});
await writeFile(output, component);
