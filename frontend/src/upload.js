// A form with a file (form[data-upload]): drop it anywhere in the zone, see its name, and
// how much of it has been sent. The plain file field works without this.
import { whenAdded } from './mount.js';

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];

function readable(bytes) {
  const power = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)), 3);
  return new Intl.NumberFormat(document.documentElement.lang, {
    style: 'unit',
    unit: units[power],
    maximumFractionDigits: 1,
  }).format(bytes / 1024 ** power);
}

whenAdded('[data-drop]', (zone) => {
  const input = zone.querySelector('input[type=file]');
  const chosen = zone.querySelector('[data-chosen]');

  function show() {
    const [file] = input.files;
    zone.classList.toggle('has-file', Boolean(file));
    chosen.hidden = !file;
    chosen.textContent = file ? `${file.name} · ${readable(file.size)}` : '';
    if (file) forgive();
  }

  // What was wrong with the file before says nothing about this one.
  function forgive() {
    input.classList.remove('is-invalid');
    input.removeAttribute('aria-invalid');
    zone.closest('form').querySelectorAll('.form-error, .alert-error').forEach((it) => it.remove());
  }

  for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.toggle('is-over', name === 'dragenter' || name === 'dragover');
    });
  }
  zone.addEventListener('drop', (event) => {
    if (!event.dataTransfer.files.length) return;
    const first = new DataTransfer();
    first.items.add(event.dataTransfer.files[0]);
    input.files = first.files;
    show();
  });
  input.addEventListener('change', show);
  show();
});

whenAdded('form[data-upload]', (form) => {
  const box = form.querySelector('[data-sending]');
  const bar = box.querySelector('progress');
  const sent = box.querySelector('[data-sent]');
  form.addEventListener('htmx:xhr:progress', (event) => {
    const { loaded, total, lengthComputable } = event.detail;
    if (!lengthComputable || !total) return;
    box.hidden = false;
    bar.value = (100 * loaded) / total;
    sent.textContent = `${readable(loaded)} / ${readable(total)}`;
  });
});
