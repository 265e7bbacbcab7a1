// The menu of merge fields: beside a subject line (data-merge-target) and in the editor.
import { words } from '../words.js';

export function mount(input) {
  const fields = readFields(input);
  if (!fields.length) return;
  const row = document.createElement('div');
  row.className = 'with-button';
  input.replaceWith(row);
  row.append(input, mergeMenu(fields, (text) => insertInto(input, text)));
}

export function readFields(node) {
  let given = [];
  try {
    given = JSON.parse(node.dataset.mergeFields ?? '[]');
  } catch {
    return [];
  }
  return given.map((field) => {
    if (typeof field === 'string') return { name: field, label: field };
    if (Array.isArray(field)) return { name: field[0], label: field[1] ?? field[0] };
    const name = field.name ?? field.key;
    return { name, label: field.label ?? name };
  });
}

export function insertInto(input, text) {
  const { selectionStart: start, selectionEnd: end } = input;
  input.setRangeText(text, start, end, 'end');
  input.focus();
  input.dispatchEvent(new Event('input', { bubbles: true }));
}

export function mergeMenu(fields, insert) {
  const menu = document.createElement('details');
  menu.className = 'menu merge-menu';
  menu.dataset.menu = '';
  const summary = document.createElement('summary');
  summary.className = 'btn';
  summary.title = words.field;
  summary.setAttribute('aria-label', words.field);
  summary.textContent = '{ }';
  const list = document.createElement('div');
  list.className = 'menu-list';
  const standIn = defaultInput();
  list.append(standIn.row, document.createElement('hr'));
  for (const field of fields) {
    list.append(
      fieldButton(field, () => {
        insert(fieldText(field.name, standIn.input.value.trim()));
        standIn.input.value = '';
        menu.open = false;
      }),
    );
  }
  menu.append(summary, list);
  menu.addEventListener('toggle', () => {
    if (menu.open) list.scrollIntoView({ block: 'nearest' });
  });
  return menu;
}

function fieldText(name, standIn) {
  if (!standIn) return `{{ ${name} }}`;
  const quoted = standIn.replace(/\\/g, '\\\\').replace(/"/g, '\\"');
  return `{{ ${name} | default("${quoted}") }}`;
}

function fieldButton(field, choose) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'menu-item';
  const label = document.createElement('span');
  label.textContent = field.label;
  const name = document.createElement('code');
  name.textContent = field.name;
  button.append(label, name);
  button.addEventListener('click', choose);
  return button;
}

function defaultInput() {
  const row = document.createElement('label');
  row.className = 'merge-default';
  const input = document.createElement('input');
  input.className = 'form-control';
  input.maxLength = 100;
  // The default belongs to the menu, not to the form around it.
  input.addEventListener('input', (event) => event.stopPropagation());
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') event.preventDefault();
  });
  row.append(words.defaultHint, input);
  return { row, input };
}
