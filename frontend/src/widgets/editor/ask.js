// Ask for one to three short texts in a dialog; null when the person changes their mind.
import { words } from '../../words.js';

export function ask(title, inputs, { extra } = {}) {
  return new Promise((resolve) => {
    const dialog = document.createElement('dialog');
    dialog.className = 'ask';
    const form = document.createElement('form');
    form.method = 'dialog';
    const heading = document.createElement('h2');
    heading.textContent = title;
    const boxes = inputs.map(makeInput);
    const row = document.createElement('div');
    row.className = 'confirm-actions';
    row.append(
      button(words.insert, 'btn btn-primary', 'insert'),
      button(words.cancel, 'btn', 'cancel'),
    );
    if (extra) row.append(button(extra, 'btn btn-ghost-danger', 'extra'));
    form.append(heading, ...boxes.map((box) => box.row), row);
    dialog.append(form);
    dialog.setAttribute('aria-label', title);
    form.addEventListener('submit', (event) => {
      const wrong = event.submitter.value === 'insert' && boxes.find((box) => !box.check());
      if (wrong) {
        event.preventDefault();
        wrong.input.focus();
      }
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      const answer = dialog.returnValue;
      if (answer === 'extra') resolve('extra');
      else resolve(answer === 'insert' ? boxes.map((box) => box.input.value.trim()) : null);
    });
    document.body.append(dialog);
    dialog.showModal();
    boxes[0].input.focus();
  });
}

function button(text, css, value) {
  const node = document.createElement('button');
  node.type = 'submit';
  node.className = css;
  node.value = value;
  node.textContent = text;
  if (value === 'cancel' || value === 'extra') node.formNoValidate = true;
  return node;
}

function makeInput({ label, value = '', check = () => true, problem = '' }) {
  const row = document.createElement('label');
  row.className = 'field form-label';
  const input = document.createElement('input');
  input.className = 'form-control';
  input.value = value;
  const error = document.createElement('span');
  error.className = 'form-error';
  row.append(label, input, error);
  return {
    row,
    input,
    check() {
      const good = check(input.value.trim());
      error.textContent = good ? '' : problem;
      input.setAttribute('aria-invalid', String(!good));
      return good;
    },
  };
}
