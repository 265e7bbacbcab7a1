import './styles/app.scss';
import './theme.js';
import './menus.js';
import './live.js';
import './toasts.js';
import './confirm.js';
import './bulk.js';
import './copy.js';
import './forms.js';
import './upload.js';
import { whenAdded } from './mount.js';

// Heavy widgets are chunks of their own, fetched by the pages that show one.
whenAdded('select[data-tomselect]', (node) =>
  import('./widgets/select.js').then((widget) => widget.mount(node)),
);
whenAdded('table[data-chart]', (node) =>
  import('./widgets/chart.js').then((widget) => widget.mount(node)),
);
whenAdded('textarea[data-editor]', (node) =>
  import('./widgets/editor.js').then((widget) => widget.mount(node)),
);
whenAdded('[data-merge-target]', (node) =>
  import('./widgets/merge.js').then((widget) => widget.mount(node)),
);
