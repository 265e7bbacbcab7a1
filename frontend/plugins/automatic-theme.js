// A reader who has not chosen a theme gets <html data-bs-theme="auto">: every rule
// written for [data-bs-theme=dark] is repeated for "auto" under prefers-color-scheme,
// so that no script is needed and nothing flashes.
const DARK = /\[data-bs-theme=(["']?)dark\1\]/g;

export function automaticTheme() {
  return {
    postcssPlugin: 'pochtar-automatic-theme',
    OnceExit(root, { AtRule }) {
      root.walkRules((rule) => {
        const dark = rule.selectors.filter((text) => text.match(DARK) && !text.includes(':not('));
        if (!dark.length || rule.parent.type === 'atrule' && rule.parent.name === 'keyframes') return;
        const media = new AtRule({ name: 'media', params: '(prefers-color-scheme: dark)' });
        media.append(rule.clone({ selectors: dark.map((text) => text.replace(DARK, '[data-bs-theme=auto]')) }));
        rule.after(media);
      });
    },
  };
}
automaticTheme.postcss = true;
