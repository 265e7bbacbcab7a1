// The HTML view: CodeMirror with a style sheet that carries the page's nonce.
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { html } from '@codemirror/lang-html';
import { HighlightStyle, bracketMatching, syntaxHighlighting } from '@codemirror/language';
import { EditorState } from '@codemirror/state';
import { Decoration, EditorView, MatchDecorator, ViewPlugin, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { nonce } from '../../mount.js';
import { mergeMenu } from '../merge.js';

const colours = HighlightStyle.define([
  { tag: tags.tagName, color: 'var(--accent-text)', fontWeight: '600' },
  { tag: tags.attributeName, color: 'var(--warn)' },
  { tag: tags.attributeValue, color: 'var(--good)' },
  { tag: tags.comment, color: 'var(--ink-soft)', fontStyle: 'italic' },
  { tag: [tags.angleBracket, tags.processingInstruction], color: 'var(--ink-soft)' },
]);

const fields = new MatchDecorator({
  regexp: /\{\{[^}]*\}\}/g,
  decoration: Decoration.mark({ class: 'merge-field' }),
});
const highlightFields = ViewPlugin.fromClass(
  class {
    constructor(view) {
      this.decorations = fields.createDeco(view);
    }

    update(update) {
      this.decorations = fields.updateDeco(update, this.decorations);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

export function mountCode(box, { value, label, describedBy, invalid, fields: names, changed }) {
  const bar = document.createElement('div');
  bar.className = 'editor-bar';
  const place = document.createElement('div');
  place.className = 'editor-code';
  box.append(bar, place);

  const attributes = { 'aria-label': `${label}, HTML` };
  if (describedBy) attributes['aria-describedby'] = describedBy;
  if (invalid) attributes['aria-invalid'] = 'true';
  const view = new EditorView({
    parent: place,
    state: EditorState.create({
      doc: value,
      extensions: [
        EditorView.cspNonce.of(nonce),
        lineNumbers(),
        history(),
        bracketMatching(),
        html(),
        syntaxHighlighting(colours),
        highlightFields,
        EditorView.lineWrapping,
        EditorView.contentAttributes.of(attributes),
        // Tab leaves the editor, as everywhere in a form (no keyboard trap).
        keymap.of([...defaultKeymap, ...historyKeymap]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed(update.state.doc.toString());
        }),
      ],
    }),
  });
  if (names.length) {
    bar.append(
      mergeMenu(names, (text) => {
        view.dispatch(view.state.replaceSelection(text));
        view.focus();
      }),
    );
  } else {
    bar.hidden = true;
  }
  return view;
}
