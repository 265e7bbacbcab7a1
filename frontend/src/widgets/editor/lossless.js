// Are two pieces of HTML the same letter? Compared as trees: order of attributes and
// white space between blocks do not count, everything else does.
const BLOCKS = 'P,H1,H2,H3,H4,UL,OL,LI,BLOCKQUOTE,HR,DIV,BODY,IMG'.split(',');

/** Anything that belongs to a head, or a comment, cannot be shown as text. */
export const isWholePage = (source) =>
  /<(!doctype|html|head|body|style|script|meta|title|link)\b|<!--/i.test(source);

export function sameLetter(one, other) {
  return outline(one) === outline(other);
}

function outline(source) {
  const page = new DOMParser().parseFromString(`<body>${source}</body>`, 'text/html');
  return describe(page.body).replace(/\s+/g, ' ');
}

function describe(node) {
  if (node.nodeType === Node.TEXT_NODE) {
    const atEdge = BLOCKS.includes(node.parentNode.nodeName);
    const text = node.data.replace(/[ \t\r\n]+/g, ' ');
    if (text === ' ' && atEdge && besideBlock(node)) return '';
    let kept = text;
    if (atEdge && !node.previousSibling) kept = kept.trimStart();
    if (atEdge && !node.nextSibling) kept = kept.trimEnd();
    return kept;
  }
  if (node.nodeType !== Node.ELEMENT_NODE) return `<?${node.nodeValue}>`;
  // The rich view writes a paragraph into items and quotations; it looks the same.
  if (isInnerText(node)) return [...node.childNodes].map(describe).join('');
  const name = { B: 'STRONG', I: 'EM' }[node.nodeName] ?? node.nodeName;
  const attributes = [...node.attributes]
    .map(({ name: key, value }) => `${key}=${key.endsWith('style') ? style(value) : value}`)
    .sort()
    .join('|');
  return `<${name} ${attributes}>${[...node.childNodes].map(describe).join('')}</>`;
}

function isInnerText(node) {
  const outer = node.parentNode;
  return (
    node.nodeName === 'P' &&
    ['LI', 'BLOCKQUOTE'].includes(outer.nodeName) &&
    node === outer.firstElementChild &&
    !node.attributes.length
  );
}

function besideBlock(node) {
  const isBlock = (other) => !other || BLOCKS.includes(other.nodeName);
  return isBlock(node.previousSibling) || isBlock(node.nextSibling);
}

function style(value) {
  return value.replace(/\s*([:;,])\s*/g, '$1').replace(/;$/, '').toLowerCase();
}
