// A select one can type in; with data-source-url its options come from the server
// (?q=…, an answer [{value, text}] or {results: […]}).
import TomSelect from 'tom-select/base';
import removeButton from 'tom-select/dist/esm/plugins/remove_button/plugin.js';
import './select.scss';
import { words } from '../words.js';

TomSelect.define('remove_button', removeButton);

export function mount(select) {
  const source = select.dataset.sourceUrl;
  new TomSelect(select, {
    plugins: select.multiple ? { remove_button: { title: words.remove } } : {},
    maxOptions: 200,
    hideSelected: select.multiple,
    closeAfterSelect: !select.multiple,
    placeholder: select.dataset.placeholder ?? '',
    copyClassesToDropdown: false,
    refreshThrottle: 200,
    ...(source ? remote(source) : {}),
    render: {
      no_results: () => note(words.nothingFound),
      loading: () => note(words.searching),
    },
  });
  // What one types into has the label now; the select itself is only kept for the form.
  select.setAttribute('aria-hidden', 'true');
}

function note(text) {
  const node = document.createElement('div');
  node.className = 'ts-note';
  node.textContent = text;
  return node;
}

function remote(source) {
  return {
    preload: 'focus',
    valueField: 'value',
    labelField: 'text',
    searchField: ['text'],
    load(query, found) {
      const url = new URL(source, location.href);
      url.searchParams.set('q', query);
      fetch(url, { headers: { Accept: 'application/json' } })
        .then((answer) => answer.json())
        .then((answer) => found(answer.results ?? answer))
        .catch(() => found());
    },
  };
}
