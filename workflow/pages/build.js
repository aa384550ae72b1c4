// Writes the script and the style that every page carries, and the licences of what is in them: node build.js [folder]

import {build} from 'esbuild';
import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? join(here, '../scripts/kilomoist/publishing/pages_files');

const made = await build({
  absWorkingDir: here,
  entryPoints: ['src/page.js', 'src/page.css'],
  bundle: true,
  charset: 'utf8',
  format: 'iife',
  legalComments: 'none', // all of it stands in licences.txt
  metafile: true,
  minify: true,
  outdir: 'out',
  target: 'es2022',
  write: false,
});

const names = Object.values(made.metafile.outputs)
  .flatMap((output) => Object.entries(output.inputs))
  .filter(([, input]) => input.bytesInOutput)
  .map(([path]) => path.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1])
  .filter(Boolean);
const licences = [...new Set(names)].sort().map((name) => {
  const package_ = join(here, 'node_modules', name);
  const {version} = JSON.parse(readFileSync(join(package_, 'package.json'), 'utf8'));
  const file = readdirSync(package_).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${name} has no licence text`);
  return `${name} ${version}\n\n${readFileSync(join(package_, file), 'utf8').trim()}\n`;
});

mkdirSync(folder, {recursive: true});
for (const file of made.outputFiles) {
  writeFileSync(join(folder, file.path.split(/[\\/]/).pop()), file.contents);
}
writeFileSync(join(folder, 'licences.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`));
