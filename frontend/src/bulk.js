// Ticked rows: <input type=checkbox data-select-all>, data-select in rows, and a bar
// marked data-bulk that shows itself (and its data-bulk-count) when something is ticked.
import { whenAdded } from './mount.js';
import { words } from './words.js';

whenAdded('form[data-bulk-form]', (form) => {
  const rows = () => [...form.querySelectorAll('input[data-select]')];
  const all = form.querySelector('input[data-select-all]');
  const bar = form.querySelector('[data-bulk]');
  let last = null;

  function refresh() {
    const ticked = rows().filter((box) => box.checked).length;
    if (all) {
      all.checked = ticked > 0 && ticked === rows().length;
      all.indeterminate = ticked > 0 && ticked < rows().length;
    }
    if (bar) bar.hidden = ticked === 0;
    const count = bar?.querySelector('[data-bulk-count]');
    // Everybody is more than the ticked ones: no number then, the label says whom.
    const everybody = form.querySelector('input[name=everybody]')?.checked;
    if (count) count.textContent = everybody ? '' : words.selected(ticked);
  }

  form.addEventListener('click', (event) => {
    const box = event.target.closest('input[data-select]');
    if (!box) return;
    if (event.shiftKey && last) tickBetween(rows(), last, box);
    last = box;
    refresh();
  });
  form.addEventListener('change', (event) => {
    if (event.target === all) rows().forEach((box) => (box.checked = all.checked));
    refresh();
  });
  refresh();
});

function tickBetween(boxes, from, to) {
  const [start, end] = [boxes.indexOf(from), boxes.indexOf(to)].sort((a, b) => a - b);
  for (const box of boxes.slice(Math.max(start, 0), end + 1)) box.checked = to.checked;
}
