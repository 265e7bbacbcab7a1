// Run a function for every element that matches, now and after each HTMX swap.
const rules = [];

export function whenAdded(selector, mount) {
  rules.push([selector, mount]);
  apply(document, selector, mount);
}

export function mountWithin(root) {
  for (const [selector, mount] of rules) apply(root, selector, mount);
}

function apply(root, selector, mount) {
  const nodes = [...root.querySelectorAll(selector)];
  if (root instanceof Element && root.matches(selector)) nodes.unshift(root);
  for (const node of nodes) {
    node.mounted ??= new Set();
    if (node.mounted.has(selector)) continue;
    node.mounted.add(selector);
    mount(node);
  }
}

export function csrfToken() {
  return document.querySelector('input[name=csrfmiddlewaretoken]')?.value ?? '';
}

// Style sheets written by widgets carry the nonce that this script came with.
export const nonce = document.querySelector('script[type=module][nonce]')?.nonce ?? '';
