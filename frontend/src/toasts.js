// Notices of the server stay in the page; a good one also leaves by itself as a toast.
import { words } from './words.js';

const STAY = 6000;

function box() {
  let node = document.querySelector('.toasts');
  if (!node) {
    node = document.createElement('div');
    node.className = 'toasts';
    node.setAttribute('role', 'status');
    node.setAttribute('aria-live', 'polite');
    document.body.append(node);
  }
  return node;
}

function closeButton(note) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'tool';
  button.textContent = '×';
  button.setAttribute('aria-label', words.close);
  button.addEventListener('click', () => note.remove());
  return button;
}

export function toast(text, level = 'info') {
  // A part that asks again every two seconds would say the same thing for ever.
  const said = [...document.querySelectorAll('.toast-note > span')];
  if (said.some((node) => node.textContent === text)) return;
  const note = document.createElement('div');
  note.className = `toast-note is-${level}`;
  const message = document.createElement('span');
  message.textContent = text;
  note.append(message, closeButton(note));
  box().append(note);
  if (level === 'error') return;
  let timer = setTimeout(() => note.remove(), STAY);
  note.addEventListener('pointerenter', () => clearTimeout(timer));
  note.addEventListener('pointerleave', () => {
    timer = setTimeout(() => note.remove(), STAY);
  });
}

// HX-Trigger: {"toast": {"text": "…", "level": "success"}}
document.addEventListener('toast', (event) => toast(event.detail.text, event.detail.level));
