// Small help in forms: go to the first error, show a password, send a filter at once,
// warn before leaving changes behind (form[data-guard]).
import { whenAdded } from './mount.js';
import { words } from './words.js';

whenAdded('[data-form-errors]', (summary) => {
  const first = document.querySelector('[aria-invalid=true]');
  (first ?? summary).focus({ preventScroll: false });
});

whenAdded('input[type=password]', (input) => {
  const row = document.createElement('div');
  row.className = 'password-row';
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'password-eye';
  const secret = 'secret' in input.dataset; // a key or a token is no password
  const show = secret ? words.show : words.showPassword;
  const hide = secret ? words.hide : words.hidePassword;
  button.textContent = show;
  button.addEventListener('click', () => {
    const hidden = input.type === 'password';
    input.type = hidden ? 'text' : 'password';
    button.textContent = hidden ? hide : show;
  });
  input.replaceWith(row);
  row.append(input, button);
});

whenAdded('[data-autosubmit]', (control) => {
  control.addEventListener('change', () => control.form.requestSubmit());
});

whenAdded('form[data-guard]', (form) => {
  let changed = false;
  const warn = (event) => {
    if (changed) event.preventDefault();
  };
  form.addEventListener('input', () => {
    changed = true;
  });
  form.addEventListener('submit', () => {
    changed = false;
  });
  addEventListener('beforeunload', warn);
});
