// One SVG sprite of the icons named in icons.txt, taken from @tabler/icons.
// The pages refer to it as <svg><use href="…/icons-HASH.svg#name"/></svg>.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const outlines = fileURLToPath(
  new URL('../node_modules/@tabler/icons/icons/outline', import.meta.url),
);

function symbol(name) {
  const source = readFileSync(join(outlines, `${name}.svg`), 'utf8');
  const shapes = source
    .slice(source.indexOf('>', source.indexOf('<svg')) + 1, source.lastIndexOf('</svg>'))
    .replace(/<path stroke="none"[^>]*\/>/g, '')
    .replace(/\s*\n\s*/g, '');
  return `<symbol id="${name}" viewBox="0 0 24 24">${shapes}</symbol>`;
}

export function iconSprite(listFile) {
  return {
    name: 'pochtar-icons',
    buildStart() {
      this.addWatchFile(listFile);
    },
    generateBundle() {
      const names = readFileSync(listFile, 'utf8')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line && !line.startsWith('#'));
      const body = [...new Set(names)].map(symbol).join('');
      this.emitFile({
        type: 'asset',
        name: 'icons.svg',
        originalFileName: 'icons.svg',
        source: `<svg xmlns="http://www.w3.org/2000/svg">${body}</svg>`,
      });
    },
  };
}
