// The pages' styles and scripts, built into Django's static folder with a manifest
// that `{% vite %}` reads. One entry; charts, select and editor are chunks of their own.
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { iconSprite } from './plugins/icons.js';
import { compress } from './plugins/compress.js';
import { keepRecent } from './plugins/keep-recent.js';
import { automaticTheme } from './plugins/automatic-theme.js';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

export default defineConfig({
  root: path('.'),
  base: './',
  publicDir: false,
  plugins: [
    iconSprite(path('icons.txt')),
    compress(),
    keepRecent(path('../src/pochtar/web/static/dist/assets')),
  ],
  css: {
    postcss: { plugins: [automaticTheme()] },
    preprocessorOptions: {
      scss: { loadPaths: [path('node_modules')], quietDeps: true },
    },
  },
  build: {
    outDir: path('../src/pochtar/web/static/dist'),
    emptyOutDir: false,
    manifest: 'manifest.json',
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: false,
    chunkSizeWarningLimit: 700,
    rollupOptions: { input: { app: path('src/app.js') } },
  },
});
