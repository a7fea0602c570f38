// A passage of a chat, as text or as a picture, to show others. It is made here; nothing is sent anywhere.
import { announce, button, dialog, el, failed, toast } from './dom.js';
import { t } from './words.js';
import './words-more.js';
import { hue } from './store.js';
import { speakerOf } from './turns.js';

// The words without the marks of actions and weight.
const plain = s => s.replace(/\*+/g, '');
const asText = turns => turns.map(x => `${speakerOf(x)}: ${plain(x.text)}`).join('\n');

export function share(chat, until = chat.turns.at(-1)) {
  const end = chat.turns.findIndex(x => x.id === until?.id) + 1 || chat.turns.length, most = Math.min(end, 20);
  let n = Math.min(4, most);
  const passage = () => chat.turns.slice(end - n, end), shown = el('div', { class: 'passage', tabindex: '0', role: 'group', 'aria-label': t('share') });
  const draw = () => shown.replaceChildren(...passage().map(x => el('p', { vars: { hue: x.character ? hue(x.character) : 60 } }, el('strong', { class: 'name' }, `${speakerOf(x)}: `), plain(x.text))));
  const count = el('input', { type: 'number', min: '1', max: String(most), value: String(n), oninput: () => { n = Math.max(1, Math.min(most, Number(count.value) || 1)); draw(); } });
  draw();
  dialog(t('share'), [el('label', { class: 'row' }, t('share_lines'), count), shown,
    el('div', { class: 'row wrap' },
      button('copy', t('share_text'), () => navigator.clipboard.writeText(asText(passage())).then(() => { toast(t('copied')); announce(t('copied')); }, () => failed(new Error(t('copy_failed')))), { class: 'button primary' }),
      button('save', t('share_picture'), () => picture(passage()).then(save, failed)),
      navigator.share && button('open', t('share_with'), () => navigator.share({ text: asText(passage()) }).catch(failed))),
  ]);
}
function save(blob) {
  const a = el('a', { href: URL.createObjectURL(blob), download: 'understudy.png' });
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60000);
}

/* ---- the picture: words on paper, each name in its colour ---- */

const width = 1080, edge = 72, size = 38, leading = 54;
function broken(g, text, room) {
  const rows = [];
  for (const part of text.split('\n')) {
    let row = '';
    for (const word of part.split(/\s+/)) {
      let rest = word;
      while (g.measureText(rest).width > room) { // a word that is wider than the paper
        let k = rest.length;
        while (k > 1 && g.measureText(rest.slice(0, k)).width > room) k--;
        if (row) { rows.push(row); row = ''; }
        rows.push(rest.slice(0, k));
        rest = rest.slice(k);
      }
      const more = row ? `${row} ${rest}` : rest;
      if (g.measureText(more).width > room) { rows.push(row); row = rest; } else row = more;
    }
    rows.push(row);
  }
  return rows;
}
async function picture(turns) {
  const canvas = el('canvas', {}), g = canvas.getContext('2d'), words = `${size}px Georgia, "Noto Serif", serif`, name = '600 26px system-ui, "Noto Sans", sans-serif';
  g.font = words;
  const blocks = turns.map(x => ({ who: speakerOf(x), hue: x.character ? hue(x.character) : null, rows: broken(g, plain(x.text), width - 2 * edge) }));
  canvas.width = width;
  canvas.height = Math.min(16000, 2 * edge + 40 + blocks.reduce((h, b) => h + 42 + b.rows.length * leading + 26, 0));
  g.fillStyle = '#f8f3ea';
  g.fillRect(0, 0, canvas.width, canvas.height);
  let y = edge;
  for (const b of blocks) {
    g.font = name;
    g.fillStyle = b.hue === null ? '#695c51' : `oklch(0.43 0.11 ${b.hue})`;
    g.fillText(b.who, edge, y + 26);
    y += 42;
    g.font = words;
    g.fillStyle = '#2a211c';
    for (const row of b.rows) { g.fillText(row, edge, y + size); y += leading; }
    y += 26;
  }
  g.font = '24px system-ui, "Noto Sans", sans-serif';
  g.fillStyle = '#8a7d72';
  g.fillText(t('share_foot'), edge, canvas.height - edge / 2);
  return new Promise((yes, no) => canvas.toBlob(b => b ? yes(b) : no(new Error(t('share_failed')))));
}
