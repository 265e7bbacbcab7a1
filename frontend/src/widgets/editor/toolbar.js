// The buttons above the rich view: one stop for Tab, arrows inside (ARIA toolbar).
import { words } from '../../words.js';
import { mergeMenu } from '../merge.js';
import { ask } from './ask.js';
import { isSafeAddress } from './link.js';

const sprite = document.querySelector('svg use')?.getAttribute('href')?.split('#')[0] ?? '';
const address = (value = '') => ({
  label: words.address,
  value,
  check: isSafeAddress,
  problem: words.badAddress,
});

// [icon, label, run, is it on?]
const TOOLS = [
  ['bold', words.bold, (chain) => chain.toggleBold(), (editor) => editor.isActive('bold')],
  ['italic', words.italic, (chain) => chain.toggleItalic(), (editor) => editor.isActive('italic')],
  [
    'heading',
    words.heading,
    (chain) => chain.toggleHeading({ level: 2 }),
    (editor) => editor.isActive('heading'),
  ],
  null,
  ['list', words.bullets, (chain) => chain.toggleBulletList(), (editor) => editor.isActive('bulletList')],
  [
    'list-numbers',
    words.numbers,
    (chain) => chain.toggleOrderedList(),
    (editor) => editor.isActive('orderedList'),
  ],
  [
    'blockquote',
    words.quote,
    (chain) => chain.toggleBlockquote(),
    (editor) => editor.isActive('blockquote'),
  ],
  null,
  ['link', words.link, editLink, (editor) => editor.isActive('link')],
  ['square-rounded-plus', words.button, addButton],
  ['photo', words.image, addImage],
  ['separator-horizontal', words.divider, (chain) => chain.setHorizontalRule()],
  null,
  ['arrow-back-up', words.undo, (chain) => chain.undo()],
];
const DIALOGS = new Set([editLink, addButton, addImage]);

export function toolbar(bar, editor, fields) {
  bar.className = 'editor-bar';
  bar.setAttribute('role', 'toolbar');
  bar.setAttribute('aria-label', words.toolbar);
  const states = [];
  for (const tool of TOOLS) {
    if (!tool) {
      const gap = document.createElement('span');
      gap.className = 'editor-gap';
      bar.append(gap);
      continue;
    }
    const [icon, label, run, isOn] = tool;
    const button = iconButton(icon, label);
    button.addEventListener('click', () =>
      DIALOGS.has(run) ? run(editor) : run(editor.chain().focus()).run(),
    );
    if (isOn) states.push([button, isOn]);
    bar.append(button);
  }
  if (fields.length) {
    bar.append(mergeMenu(fields, (text) => editor.chain().focus().insertContent({ type: 'text', text }).run()));
  }
  const refresh = () => {
    for (const [button, isOn] of states) button.setAttribute('aria-pressed', String(isOn(editor)));
  };
  editor.on('transaction', refresh);
  refresh();
  roveFocus(bar);
}

function iconButton(icon, label) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'tool';
  button.title = label;
  button.setAttribute('aria-label', label);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', `${sprite}#${icon}`);
  svg.append(use);
  button.append(svg);
  return button;
}

function roveFocus(bar) {
  const stops = [...bar.querySelectorAll(':scope > .tool, :scope > details > summary')];
  stops.forEach((stop, index) => {
    stop.tabIndex = index ? -1 : 0;
  });
  bar.addEventListener('keydown', (event) => {
    const at = stops.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    const next = stops[(at + step + stops.length) % stops.length];
    stops.forEach((stop) => {
      stop.tabIndex = stop === next ? 0 : -1;
    });
    next.focus();
  });
}

async function editLink(editor) {
  const active = editor.isActive('link');
  const { href } = editor.getAttributes('link');
  const answer = await ask(words.link, [address(href)], active ? { extra: words.removeLink } : {});
  const chain = editor.chain().focus();
  if (!answer) return;
  if (active) chain.extendMarkRange('link');
  if (answer === 'extra') {
    chain.unsetMark('link').run();
    return;
  }
  const [link] = answer;
  if (editor.state.selection.empty && !active) {
    const marks = [{ type: 'link', attrs: { href: link } }];
    chain.insertContent({ type: 'text', text: link, marks }).run();
  } else {
    chain.setMark('link', { href: link }).run();
  }
}

async function addButton(editor) {
  const answer = await ask(words.button, [
    { label: words.buttonText, check: Boolean, problem: words.buttonText },
    address(),
  ]);
  if (!answer) return;
  const [text, href] = answer;
  const marks = [{ type: 'link', attrs: { href, button: true } }];
  editor
    .chain()
    .focus()
    .insertContent([
      { type: 'paragraph', content: [{ type: 'text', text, marks }] },
      { type: 'paragraph' },
    ])
    .run();
}

async function addImage(editor) {
  const answer = await ask(words.image, [address(), { label: words.imageAlt }]);
  if (!answer) return;
  const [src, alt] = answer;
  editor.chain().focus().insertContent({ type: 'image', attrs: { src, alt } }).run();
}
