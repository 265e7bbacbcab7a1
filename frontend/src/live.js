// HTMX: fragments swapped in get their widgets, requests carry the CSRF token, and a
// server that does not answer is said once. Settings: <meta name="htmx-config">.
import 'htmx.org';
import { csrfToken, mountWithin } from './mount.js';
import { toast } from './toasts.js';
import { words } from './words.js';

document.addEventListener('htmx:configRequest', (event) => {
  if (event.detail.verb !== 'get') event.detail.headers['X-CSRFToken'] = csrfToken();
});
document.addEventListener('htmx:load', (event) => mountWithin(event.detail.elt));

// A part that refreshes itself waits while somebody reads or writes in it.
document.addEventListener('htmx:beforeRequest', (event) => {
  const part = event.detail.elt;
  if (!part.matches('[data-patient]')) return;
  const busy = part.querySelector('details[open]') || part.contains(document.activeElement);
  if (busy) event.preventDefault();
});

// A form that was refused (422) comes back with its errors: that is an answer to show.
document.addEventListener('htmx:beforeSwap', (event) => {
  if (event.detail.xhr.status !== 422) return;
  event.detail.shouldSwap = true;
  event.detail.isError = false;
});

let offline = false;
document.addEventListener('htmx:sendError', () => {
  if (!offline) toast(words.offline, 'warning');
  offline = true;
});
document.addEventListener('htmx:afterRequest', (event) => {
  if (event.detail.successful) offline = false;
});
document.addEventListener('htmx:responseError', (event) => {
  const { xhr } = event.detail;
  // Logged out meanwhile, or the form is not accepted: the page itself explains.
  if (xhr.status === 401 || xhr.status === 403) location.reload();
  else toast(words.failed, 'error');
});
