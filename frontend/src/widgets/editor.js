// The letter editor: formatted text or HTML over one textarea, which keeps what is
// sent. Nothing is written to the textarea until the person changes something, and a
// letter that the rich editor would change by opening it opens as HTML instead.
import { words } from '../words.js';
import './editor/editor.scss';
import { isLossless, mountRich } from './editor/rich.js';
import { readFields } from './merge.js';

export function mount(textarea) {
  const editor = new LetterEditor(textarea);
  editor.show(isLossless(textarea.value) ? 'rich' : 'code');
}

class LetterEditor {
  constructor(textarea) {
    this.textarea = textarea;
    this.fields = readFields(textarea);
    this.view = null;
    this.box = document.createElement('div');
    this.box.className = 'editor';
    this.note = document.createElement('p');
    this.note.className = 'editor-note';
    this.note.hidden = true;
    this.note.setAttribute('role', 'status');
    this.body = document.createElement('div');
    this.box.append(this.modes(), this.note, this.body);
    textarea.before(this.box);
    textarea.hidden = true;
    this.pointLabelHere();
  }

  modes() {
    const bar = document.createElement('div');
    bar.className = 'editor-modes';
    bar.setAttribute('role', 'group');
    this.buttons = {};
    for (const [mode, label] of [
      ['rich', words.visual],
      ['code', words.html],
    ]) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = label;
      button.addEventListener('click', () => this.choose(mode));
      this.buttons[mode] = button;
      bar.append(button);
    }
    return bar;
  }

  async choose(mode) {
    if (this.buttons[mode].getAttribute('aria-pressed') === 'true') return;
    if (mode === 'rich' && !isLossless(this.textarea.value)) {
      this.say(words.wouldLose);
      return;
    }
    await this.show(mode);
    this.view.focus();
  }

  async show(mode) {
    this.view?.destroy();
    this.view = null;
    this.body.replaceChildren();
    const lossless = mode === 'rich' || isLossless(this.textarea.value);
    this.say(lossless ? '' : words.onlyHtml);
    for (const [name, button] of Object.entries(this.buttons)) {
      button.setAttribute('aria-pressed', String(name === mode));
    }
    const mountView =
      mode === 'rich' ? mountRich : (await import('./editor/code.js')).mountCode;
    this.view = mountView(this.body, {
      value: this.textarea.value,
      label: this.label?.firstChild?.textContent.trim() || words.body,
      describedBy: this.textarea.getAttribute('aria-describedby'),
      invalid: this.textarea.getAttribute('aria-invalid') === 'true',
      fields: this.fields,
      changed: (value) => this.write(value),
    });
  }

  write(value) {
    this.textarea.value = value;
    this.textarea.dispatchEvent(new Event('input', { bubbles: true }));
  }

  say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  pointLabelHere() {
    this.label = document.querySelector(`label[for="${CSS.escape(this.textarea.id)}"]`);
    this.label?.addEventListener('click', (event) => {
      event.preventDefault();
      this.view?.focus();
    });
  }
}
