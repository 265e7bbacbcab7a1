// The rich view: Tiptap with only what a plain letter needs.
import { Editor, Extension, getHTMLFromFragment, getSchema } from '@tiptap/core';
import Image from '@tiptap/extension-image';
import { DOMParser as LetterParser } from '@tiptap/pm/model';
import { Plugin } from '@tiptap/pm/state';
import { Decoration, DecorationSet } from '@tiptap/pm/view';
import StarterKit from '@tiptap/starter-kit';
import { LetterLink, disarm, rearm } from './link.js';
import { isWholePage, sameLetter } from './lossless.js';
import { toolbar } from './toolbar.js';

const MergeFields = Extension.create({
  name: 'mergeFields',
  addProseMirrorPlugins: () => [
    new Plugin({ props: { decorations: (state) => markFields(state.doc) } }),
  ],
});

function markFields(doc) {
  const marks = [];
  doc.descendants((node, position) => {
    if (!node.isText) return;
    for (const found of node.text.matchAll(/\{\{[^}]*\}\}/g)) {
      const from = position + found.index;
      marks.push(Decoration.inline(from, from + found[0].length, { class: 'merge-field' }));
    }
  });
  return DecorationSet.create(doc, marks);
}

const extensions = [
  StarterKit.configure({
    code: false,
    codeBlock: false,
    heading: { levels: [1, 2, 3] },
    link: false,
    trailingNode: false,
    underline: {},
  }),
  LetterLink,
  Image.configure({ inline: true }),
  MergeFields,
];
const schema = getSchema(extensions);

/** True when opening this HTML in the rich view would change nothing. */
export function isLossless(source) {
  if (!source.trim()) return true;
  if (!source.includes('<') || isWholePage(source)) return false;
  const inert = disarm(source);
  const page = new DOMParser().parseFromString(`<body>${inert}</body>`, 'text/html');
  const doc = LetterParser.fromSchema(schema).parse(page.body);
  return sameLetter(inert, write(getHTMLFromFragment(doc.content, schema)));
}

// Tiptap keeps a paragraph in every list item; a letter has the plain <li>text</li>.
function plainItems(html) {
  const page = new DOMParser().parseFromString(`<body>${html}</body>`, 'text/html');
  for (const paragraph of page.querySelectorAll('li > p:first-child')) {
    const rest = [...paragraph.parentElement.children].slice(1);
    if (rest.every((node) => node.matches('ul, ol'))) {
      paragraph.replaceWith(...paragraph.childNodes);
    }
  }
  return page.body.innerHTML;
}

const write = (html) => (html.includes('<li>') ? plainItems(html) : html);

// One block a line, so that the HTML view and the stored letter can be read.
function tidy(html) {
  if (html === '<p></p>') return '';
  return rearm(write(html)).replace(/(<\/(?:p|h[1-6]|ul|ol|li|blockquote)>|<hr[^>]*>|<[uo]l>)(?=<)/g, '$1\n');
}

export function mountRich(box, { value, label, describedBy, invalid, fields, changed }) {
  const bar = document.createElement('div');
  const place = document.createElement('div');
  place.className = 'editor-text';
  box.append(bar, place);
  const attributes = { role: 'textbox', 'aria-multiline': 'true', 'aria-label': label };
  if (describedBy) attributes['aria-describedby'] = describedBy;
  if (invalid) attributes['aria-invalid'] = 'true';
  const editor = new Editor({
    element: place,
    extensions,
    content: disarm(value),
    injectCSS: false,
    editorProps: { attributes },
    onUpdate: () => changed(tidy(editor.getHTML())),
  });
  toolbar(bar, editor, fields);
  return { focus: () => editor.commands.focus(), destroy: () => editor.destroy() };
}
