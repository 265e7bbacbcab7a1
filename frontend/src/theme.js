// The choice is kept in a cookie for the server (which draws the next page with it)
// and in localStorage for other open tabs.
import { words } from './words.js';

const root = document.documentElement;
const system = matchMedia('(prefers-color-scheme: dark)');
const isDark = () =>
  root.dataset.bsTheme === 'dark' || (root.dataset.bsTheme === 'auto' && system.matches);

function show(theme) {
  root.dataset.bsTheme = theme;
  describe();
  document.dispatchEvent(new CustomEvent('pochtar:theme'));
}

function describe() {
  for (const button of document.querySelectorAll('[data-theme-toggle]')) {
    const label = isDark() ? words.light : words.dark;
    button.hidden = false;
    button.title = label;
    button.setAttribute('aria-label', label);
  }
}

function choose() {
  const system_theme = system.matches ? 'dark' : 'light';
  const wanted = isDark() ? 'light' : 'dark';
  // Back to what the system wants is "follow the system" again.
  const theme = wanted === system_theme ? 'auto' : wanted;
  const secure = location.protocol === 'https:' ? '; secure' : '';
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax${secure}`;
  try {
    localStorage.setItem('theme', theme);
  } catch {
    // Private windows may refuse storage; the cookie is enough.
  }
  show(theme);
}

document.addEventListener('click', (event) => {
  if (event.target.closest?.('[data-theme-toggle]')) choose();
});
addEventListener('storage', (event) => {
  if (event.key === 'theme' && event.newValue) show(event.newValue);
});
system.addEventListener('change', () => show(root.dataset.bsTheme));
describe();
