// A link to a confirmation page (data-confirm) opens that page's card in a dialog; the
// page itself works without this. Forms marked data-once are sent once.
import { mountWithin } from './mount.js';

async function openConfirmation(link) {
  const answer = await fetch(link.href, { headers: { Accept: 'text/html' } });
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const card = page.querySelector('[data-confirm-card]');
  if (!answer.ok || !card) throw new Error('no confirmation card');
  const form = card.querySelector('form');
  if (form && !form.getAttribute('action')) form.setAttribute('action', answer.url);
  const dialog = document.createElement('dialog');
  dialog.setAttribute('aria-label', card.querySelector('h2')?.textContent ?? '');
  dialog.append(document.adoptNode(card));
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => {
    const cancel = event.target.closest('[data-cancel]');
    if (cancel || event.target === dialog) {
      event.preventDefault();
      dialog.close();
    }
  });
  document.body.append(dialog);
  mountWithin(dialog);
  dialog.showModal();
  dialog.querySelector('[data-cancel]')?.focus();
}

document.addEventListener('click', (event) => {
  const link = event.target.closest?.('a[data-confirm]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  openConfirmation(link).catch(() => location.assign(link.href));
});

document.addEventListener('submit', (event) => {
  const button = event.submitter;
  if (!button?.matches('[data-once]') || event.defaultPrevented) return;
  if (button.dataset.sent) {
    event.preventDefault();
    return;
  }
  button.dataset.sent = 'yes';
  button.setAttribute('aria-disabled', 'true');
});
addEventListener('pageshow', () => {
  for (const button of document.querySelectorAll('[data-once][data-sent]')) {
    delete button.dataset.sent;
    button.removeAttribute('aria-disabled');
  }
});
