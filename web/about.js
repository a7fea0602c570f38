// About a character: who it is, what its script shows, how its audition went, how it was trained.
import { get } from './http.js';
import { button, dialog, el, failed, svg } from './dom.js';
import { language, number, t } from './words.js';
import './words-more.js';
import { character, hue, poster } from './store.js';
import { fact } from './panels.js';
import { exportCard } from './files.js';

export async function about(id) {
  try {
    const c = await get(`/api/characters/${encodeURIComponent(id)}`);
    dialog(c.name, el('div', { class: 'about', vars: { hue: hue(id) } },
      (c.about?.cloud || c.picture) && poster(character(id), c.about?.cloud ? `/api/characters/${encodeURIComponent(id)}/files/${encodeURIComponent(c.about.cloud)}` : c.picture),
      c.greeting && el('p', { class: 'lead greeting' }, c.greeting),
      el('div', { class: 'row wrap' },
        el('a', { class: 'button primary', href: `#/new/${encodeURIComponent(id)}`, onclick: e => e.currentTarget.closest('dialog').close() }, t('talk')),
        button('save', t('card_json'), () => exportCard(id, 'json')), button('save', t('card_png'), () => exportCard(id, 'png'))),
      c.about ? explored(c.about) : el('p', { class: 'soft' }, t('no_about')),
      c.audition ? auditioned(c.audition) : null,
      c.training ? trained(c.training) : !c.has_adapter && section(t('training'), el('p', { class: 'soft' }, t('no_adapter'))),
      c.description && el('details', {}, el('summary', {}, t('what_the_model_is_told')), el('p', { class: 'soft' }, c.description)),
      c.creator_notes && section(t('notes'), el('p', {}, c.creator_notes)),
    ), { side: true });
  } catch (e) {
    failed(e);
  }
}
const section = (title, ...content) => el('section', {}, el('h3', {}, title), ...content);

/* ---- the exploration ---- */

function explored(a) {
  const counts = [['lines', a.lines], ['words', a.words], ['share_lines', typeof a.share_lines === 'number' ? `${number(100 * a.share_lines, 1)}%` : null], ['episodes', a.episodes], ['scenes', a.scenes], ['mean_words', typeof a.mean_words === 'number' ? number(a.mean_words, 1) : null]];
  return el('div', { class: 'sections' },
    section(t('in_script'), el('dl', { class: 'facts' }, counts.filter(([, v]) => (v ?? null) !== null).map(([k, v]) => fact(t(`about_${k}`), typeof v === 'number' ? number(v) : v)))),
    bars(t('catch_phrases'), t('catch_why'), a.catch_phrases, x => x.n, x => `${number(x.n)}×`),
    bars(t('keywords'), '', a.keywords?.filter(x => !a.catch_phrases?.some(y => y.text.toLowerCase() === x.text.toLowerCase())), x => x.n, x => `${number(x.n)}×`),
    bars(t('top_lines'), '', a.top_lines, x => x.n, x => `${number(x.n)}×`),
    bars(t('top_phrases'), '', a.top_phrases, x => x.n, x => `${number(x.n)}×`),
    bars(t('talks_to'), '', a.talks_to, x => x.n, x => number(x.n)));
}
function bars(title, why, list, value, label) {
  if (!Array.isArray(list) || !list.length) return null;
  const shown = list.slice(0, 12), most = Math.max(...shown.map(value), 1e-9);
  return section(title, why && el('p', { class: 'soft' }, why),
    el('ul', { class: 'bars' }, shown.map(x => el('li', { vars: { share: Math.max(0.01, value(x) / most) } }, el('span', { class: 'bar-name' }, x.text ?? x.name), el('span', { class: 'bar-value' }, label(x))))));
}

/* ---- the audition: a row for each measure, a column for each who was heard ---- */

const heard = ['base', 'prompt', 'adapter', 'real'];
// The measures of audition.json that a visitor can make sense of, and how each is shown.
const share = v => `${number(100 * v, v < 0.1 || v > 0.9 ? 1 : 0)}%`, plain = v => number(v, Math.abs(v) < 10 ? 2 : 1);
const measures = [['loops', share], ['other_speaker', share], ['leaks', share], ['leaks_provoked', share], ['ended', share], ['style', share], ['catch_phrases', share], ['memorised', share], ['r10', share], ['context_gain', plain], ['perplexity', plain], ['words', plain], ['distinct_2', share], ['retention', share]];

export function auditioned(a) {
  const figures = a.figures || {}, columns = heard.filter(who => figures[who]);
  const rows = measures.filter(([name]) => columns.some(who => typeof figures[who][name]?.value === 'number'));
  if (!rows.length) return null;
  const cell = (x, show) => typeof x?.value !== 'number' ? el('td', {}, '–')
    : el('td', {}, show(x.value), typeof x.low === 'number' && typeof x.high === 'number' && el('span', { class: 'interval' }, `${show(x.low).replace('%', '')}–${show(x.high)}`));
  return section(t('audition'), el('p', { class: 'soft' }, t('audition_why')), el('div', { class: 'table', tabindex: '0', role: 'region', 'aria-label': t('audition') },
    el('table', {}, el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, t('measure')), columns.map(who => el('th', { scope: 'col' }, t(`heard_${who}`))))),
      el('tbody', {}, rows.map(([name, show]) => el('tr', {}, el('th', { scope: 'row' }, t(`measure_${name}`)), columns.map(who => cell(figures[who][name], show))))))));
}

/* ---- training ---- */

const facts = { base: String, train_lines: number, epochs: v => number(v, 1), rank: number, learning_rate: v => number(v, 6), training_seconds: v => t('minutes', { n: Math.max(1, Math.round(v / 60)) }), tokens_a_second: number, base_validation_perplexity: v => number(v, 1), validation_perplexity: v => number(v, 1), adapter_bytes: v => t('megabytes', { n: number(v / 1e6, 1) }), written: v => v.slice(0, 10) };

function trained(a) {
  const rows = Object.entries(facts).filter(([k]) => ['number', 'string'].includes(typeof a[k])).map(([k, show]) => fact(t(`train_${k}`), show(a[k])));
  if (!rows.length) return null;
  return section(t('training'), el('dl', { class: 'facts' }, rows), curve(a.curve, a.validation_curve));
}
// The loss over the steps: in training thin, on held-out lines thick.
function curve(train, held) {
  const lists = [train, held].map(x => Array.isArray(x) ? x.filter(p => Array.isArray(p) && p.every(Number.isFinite)) : []);
  const all = lists.flat(), w = 420, h = 140, left = 30;
  if (all.length < 3) return null;
  const xs = all.map(p => p[0]), ys = all.map(p => p[1]), [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const x = v => (left + (w - left) * (v - x0) / (x1 - x0 || 1)).toFixed(1), y = v => (6 + (h - 12) * (y1 - v) / (y1 - y0 || 1)).toFixed(1);
  const draw = (list, cls) => svg('polyline', { class: cls, points: list.map(p => `${x(p[0])},${y(p[1])}`).join(' ') });
  const step = [0.1, 0.25, 0.5, 1, 2, 5].find(s => (y1 - y0) / s <= 5) || 10, digits = step < 0.5 ? 2 : step < 1 ? 1 : 0, marks = [];
  for (let v = Math.ceil(y0 / step) * step; v <= y1; v += step) marks.push(v);
  return el('figure', { class: 'curve' }, svg('svg', { viewBox: `0 0 ${w} ${h}`, role: 'img', 'aria-label': t('curve', { from: number(ys[0], 2), to: number((lists[1].at(-1) || lists[0].at(-1))[1], 2) }) },
    ...marks.flatMap(v => [svg('line', { x1: left, x2: w, y1: y(v), y2: y(v) }), svg('text', { x: left - 6, y: y(v), dy: '.35em' }, v.toLocaleString(language(), { minimumFractionDigits: digits, maximumFractionDigits: digits }))]), draw(lists[0], 'thin'), draw(lists[1], 'thick')),
    el('figcaption', { class: 'soft' }, t('curve_why', { n: number(x1) })));
}
