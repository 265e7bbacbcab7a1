// A link, plain or as a button. Mail clients know only inline styles, so the button's
// look is written into the letter; no other style is accepted. While a letter is in the
// browser its style attributes have another name: the content security policy would
// refuse (and report) them, and the browser would rewrite them.
import { Mark, mergeAttributes } from '@tiptap/core';

export const BUTTON_STYLE =
  'display:inline-block;padding:12px 24px;border-radius:8px;background-color:#0b6477;color:#ffffff;font-weight:600;text-decoration:none';
const INERT = 'data-pochtar-style';
const SAFE = /^(https?:\/\/|mailto:|tel:|\{\{)/i;

export const isSafeAddress = (address) => SAFE.test(address);

/** Rename style attributes before HTML is parsed … */
export const disarm = (html) =>
  html.replace(/(<[a-z][^<>]*?\s)style(?=\s*=)/gi, `$1${INERT}`);
/** … and back when it is written. */
export const rearm = (html) => html.replaceAll(` ${INERT}=`, ' style=');

const plain = (style) => (style ?? '').replace(/\s+/g, '').replace(/;$/, '');

export const LetterLink = Mark.create({
  name: 'link',
  priority: 1000,
  inclusive: false,
  addAttributes: () => ({
    href: { default: null },
    button: {
      default: false,
      parseHTML: (node) => plain(node.getAttribute(INERT)) === plain(BUTTON_STYLE),
      renderHTML: ({ button }) => (button ? { [INERT]: BUTTON_STYLE } : {}),
    },
  }),
  parseHTML: () => [
    {
      tag: 'a[href]',
      getAttrs: (node) => isSafeAddress(node.getAttribute('href')) && null,
    },
  ],
  renderHTML: ({ HTMLAttributes }) => ['a', mergeAttributes(HTMLAttributes), 0],
});
