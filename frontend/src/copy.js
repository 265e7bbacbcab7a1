// <button data-copy="text"> or <button data-copy-from="#id">.
import { toast } from './toasts.js';
import { words } from './words.js';

document.addEventListener('click', async (event) => {
  const button = event.target.closest?.('[data-copy], [data-copy-from]');
  if (!button) return;
  const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  const text = source ? (source.value ?? source.textContent) : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
    toast(words.copied, 'success');
  } catch {
    toast(words.copyFailed, 'warning');
  }
});
