// A page that was opened before a new build still asks for the chunks of the old one:
// files of earlier builds stay for a day.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const DAY = 24 * 60 * 60 * 1000;

export function keepRecent(folder) {
  let written = new Set();
  return {
    name: 'pochtar-keep-recent',
    writeBundle(options, bundle) {
      written = new Set(Object.keys(bundle).map((name) => name.replace('assets/', '')));
    },
    closeBundle() {
      if (!written.size) return;
      for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        if (!written.has(name.replace(/\.(gz|br)$/, '')) && Date.now() - statSync(path).mtimeMs > DAY) rmSync(path);
      }
    },
  };
}
