// What opens over the page: direction, who you are, all takes, base beside adapter, what the model saw, the keys.
import { get, stream } from './http.js';
import { announce, button, dialog, el, failed, iconButton, popover } from './dom.js';
import { number, t } from './words.js';
import './words-more.js';
import { avatar, character, firstName, hue, keep, setting, store } from './store.js';
import { marked } from './turns.js';

const percent = x => `${Math.round(100 * x)}%`;
// A slider with its name, its value, and what its ends mean.
export function slider({ label, value, max, step, min = 0, ends, show = String, oninput, onchange, id = 60 }) {
  const out = el('output', {}, show(value));
  const input = el('input', { type: 'range', min, max, step, value, 'aria-label': label, oninput: () => { fill(); oninput?.(Number(input.value)); }, onchange: () => onchange?.(Number(input.value)) });
  const fill = () => { out.textContent = show(Number(input.value)); input.setAttribute('aria-valuetext', out.textContent); input.style.setProperty('--at', percent((input.value - min) / (max - min))); };
  fill();
  return el('div', { class: 'slider', vars: { hue: id } }, el('div', { class: 'row' }, el('span', { class: 'label' }, label), out), input, ends && el('div', { class: 'ends', 'aria-hidden': 'true' }, ends.map(([x, s]) => el('span', { vars: { x: (x - min) / (max - min) } }, s))));
}

/* ---- direction: how much of the adapter, how many takes, who is on stage ---- */

export function direction(at, chat, { scale, cast }) {
  const parts = chat.characters.map(id => {
    const c = character(id);
    return el('section', {},
      el('h3', {}, avatar(id, '', 'small'), c.name),
      c.has_adapter ? slider({ label: t('strength'), value: chat.scale?.[id] ?? 1, max: 1.5, step: 0.05, show: x => x.toFixed(2), ends: [[0, t('strength_0')], [1, t('strength_1')], [1.5, t('strength_2')]], id: hue(id), onchange: x => scale(id, x) })
        : el('p', { class: 'soft' }, t('no_adapter')),
      slider({ label: t('takes'), value: setting(`takes:${id}`, c.takes || 1), min: 1, max: 16, step: 1, show: n => t('takes_n', { n }), ends: [[1, t('takes_1')], [16, t('takes_16')]], id: hue(id), onchange: n => keep(`takes:${id}`, n) }));
  });
  let ids = [...chat.characters];
  const toggle = id => el('label', { class: 'cue', vars: { hue: hue(id) } },
    el('input', { type: 'checkbox', class: 'unseen', checked: ids.includes(id), onchange: e => {
      if (!e.target.checked && ids.length === 1) { e.target.checked = true; announce(t('one_stays')); return; }
      ids = e.target.checked ? [...ids, id] : ids.filter(x => x !== id);
      cast(ids);
    } }), avatar(id, '', 'small'), el('span', {}, character(id).name));
  popover(at, t('direction'), el('h2', {}, t('direction')), ...parts,
    store.characters.length > 1 && el('section', {}, el('h3', {}, t('on_stage')), el('div', { class: 'chips' }, store.characters.map(c => toggle(c.id)))));
}

/* ---- who you are ---- */

// "Marge Simpson" and "Marge" are one; who is on stage is not the visitor.
const begins = (name, part) => name.toLowerCase().startsWith(`${part.toLowerCase()} `);
export function people(chat) {
  const all = [...new Set(chat.characters.flatMap(id => character(id).cast || []))].filter(n => !/^(user|assistant|system)$/i.test(n)), on = chat.characters.map(id => character(id).name);
  return all.filter(n => !on.some(x => x.toLowerCase() === n.toLowerCase() || begins(x, n) || begins(n, x)) && all.filter(x => begins(x, n)).length !== 1);
}
export function pickSelf(at, chat, { name: choose, notes: write }) {
  const names = people(chat);
  const pick = name => { box.close(); choose(name); };
  const field = el('input', { type: 'text', maxlength: '60', placeholder: t('self_placeholder'), 'aria-label': t('self_placeholder'), value: chat.user || '', oninput: () => draw() });
  const list = el('div', { class: 'chips tall' });
  const draw = () => {
    const part = field.value === (chat.user || '') ? '' : field.value.trim().toLowerCase();
    list.replaceChildren(...['', ...names.filter(n => n.toLowerCase().includes(part))].map(name =>
      el('button', { type: 'button', class: 'chip', 'aria-pressed': String(name === (chat.user || '')), onclick: () => pick(name) }, name || t('visitor'))));
  };
  draw();
  const box = popover(at, t('self_title'), el('h2', {}, t('self_title')), el('p', { class: 'soft' }, t('self_why')),
    el('form', { class: 'row', onsubmit: e => { e.preventDefault(); pick(field.value.trim()); } }, field, el('button', { class: 'button primary' }, t('ok'))), list, known(chat, write));
  field.focus();
  field.select();
}

// What they know of the visitor: what was told in the chat, and what is written here. Each sentence can be struck out.
function known(chat, write) {
  const list = el('ul', { class: 'known' }), field = el('input', { type: 'text', maxlength: '140', placeholder: t('known_placeholder'), 'aria-label': t('known_add') });
  let notes = [...chat.notes || []];
  const change = now => { notes = now; draw(); write(now); };
  const draw = () => list.replaceChildren(...notes.map((s, i) => el('li', {}, el('span', {}, s), iconButton('close', t('known_forget', { s }), () => { change(notes.filter((_, k) => k !== i)); field.focus(); }))));
  draw();
  return el('section', { class: 'apart' }, el('h3', {}, t('known')), el('p', { class: 'soft' }, t('known_why')), list,
    el('form', { class: 'row', onsubmit: e => { e.preventDefault(); const s = field.value.trim(); if (s) { field.value = ''; change([...notes, s].slice(-32)); } } }, field, el('button', { class: 'button' }, t('known_save'))));
}

/* ---- all takes of a turn ---- */

export function showTakes(turn, choose, judge) {
  const scores = turn.alternatives.map(a => a.score).filter(s => typeof s === 'number'), low = Math.min(...scores), high = Math.max(...scores);
  const ends = { label: t('end_label'), length: t('end_length'), loop: t('end_loop'), cancel: t('end_cancel') };
  const box = dialog(t('takes_all'), [
    el('p', { class: 'soft' }, t('takes_why')),
    judge && el('p', { class: 'soft judge' }, t(judge === 'director' ? 'judge_director' : 'judge_likelihood')),
    el('ol', { class: 'take-list', vars: { hue: hue(turn.character) } }, turn.alternatives.map((a, k) => el('li', {},
      el('button', { type: 'button', class: 'take', 'aria-pressed': String(k === turn.chosen), autofocus: k === turn.chosen, onclick: () => { box.close(); choose(k); } },
        el('span', { class: 'take-text' }, marked(a.text)),
        el('span', { class: 'take-facts' },
          typeof a.score === 'number' && el('span', { class: 'meter', title: t('score_why') }, el('span', { vars: { share: high > low ? (a.score - low) / (high - low) : 1 } })),
          typeof a.score === 'number' && el('span', {}, t('score', { x: number(a.score, 2) })),
          typeof a.scale === 'number' && a.scale !== 1 && el('span', {}, t('at_strength', { x: number(a.scale, 2) })),
          ends[a.end] && el('span', {}, ends[a.end]), a.score === null && el('span', {}, t('edited'))))))),
  ]);
}

/* ---- the same line, two strengths ---- */

export function compare(url, { asked, who, scale }) {
  const c = character(who), strengths = c.has_adapter ? [0, scale || 1] : [0, 0];
  let abort = null;
  const columns = strengths.map((x, i) => {
    const text = el('div', { class: 'text' }), name = el('h3', {});
    const title = () => { name.textContent = strengths[i] === 0 ? t('base') : t('with_adapter', { name: firstName(c), x: strengths[i].toFixed(2) }); };
    title();
    return { text, box: el('section', { class: i ? 'column' : 'column bare', vars: { hue: i ? hue(who) : 60 } }, name, text,
      c.has_adapter && slider({ label: t('strength'), value: x, max: 1.5, step: 0.05, show: v => v.toFixed(2), id: i ? hue(who) : 60, onchange: v => { strengths[i] = v; title(); } })) };
  });
  const run = async () => {
    abort?.abort();
    const mine = abort = new AbortController(), texts = strengths.map(() => '');
    columns.forEach(k => { k.text.replaceChildren(el('span', { class: 'dots' }, el('i'), el('i'), el('i'))); k.text.setAttribute('aria-busy', 'true'); });
    try {
      for await (const { event, data } of stream(url, { variants: strengths.map(x => ({ scale: x })), who }, { signal: mine.signal })) {
        if (data.variant === undefined) continue;
        const k = columns[data.variant];
        if (event === 'delta') k.text.textContent = texts[data.variant] += data.text;
        if (event === 'done') { k.text.textContent = data.text; k.text.removeAttribute('aria-busy'); }
      }
      announce(columns.map(k => `${k.box.firstChild.textContent}: ${k.text.textContent}`).join('. '));
    } catch (e) {
      if (mine === abort) columns.forEach(k => { if (k.text.firstElementChild) k.text.replaceChildren(); k.text.removeAttribute('aria-busy'); });
      failed(e);
    }
  };
  dialog(t('compare_title'), [
    el('p', { class: 'soft' }, c.has_adapter ? t('compare_why', { name: firstName(c) }) : t('no_adapter')),
    el('blockquote', { class: 'asked' }, asked.text),
    el('div', { class: 'columns' }, columns.map(k => k.box)),
    el('div', { class: 'row end' }, el('p', { class: 'soft grow' }, t('compare_unsaved')), button('again', t('again'), run)),
  ], { wide: true, onclose: () => abort?.abort() });
  run();
}

/* ---- what the model saw ---- */

export async function showPrompt(url, turn, name) {
  try {
    const p = await get(url), size = store.state.model?.n_ctx;
    const text = el('div', { class: 'prompt-text', tabindex: '0', role: 'group', 'aria-label': t('prompt_title') });
    const draw = byToken => {
      const spans = [];
      p.tokens.forEach((k, i) => {
        const cls = `${k.special ? 'special ' : ''}${i < p.n_cached ? 'cached' : 'fresh'}`, last = spans.at(-1);
        if (!byToken && last && last.cls === cls && !k.special) last.text += k.text;
        else spans.push({ cls: byToken && i % 2 ? `${cls} odd` : cls, text: k.text, id: k.id });
      });
      text.classList.toggle('by-token', byToken);
      text.replaceChildren(...spans.map(s => el('span', { class: s.cls, title: byToken ? String(s.id) : undefined }, byToken ? s.text.replaceAll('\n', '↵\n') : s.text)));
    };
    draw(false);
    dialog(t('prompt_of', { name }), [
      el('dl', { class: 'facts' }, fact(t('tokens'), `${number(p.n_tokens)}${size ? ` / ${number(size)}` : ''}`), fact(t('cached'), `${number(p.n_cached)} (${percent(p.n_tokens ? p.n_cached / p.n_tokens : 0)})`), fact(t('template'), p.template),
        p.sources?.length > 0 && fact(t('from_card'), [...new Set(p.sources.map(s => s.name ? `${s.source}: ${s.name}` : s.source))].join(', ')),
        turn.n_tokens > 0 && turn.seconds > 0 && fact(t('the_reply'), t('reply_cost', { n: turn.n_tokens, s: number(turn.seconds, 1) }))),
      el('div', { class: 'row legend' }, el('span', { class: 'key cached' }, t('legend_cached')), el('span', { class: 'key fresh' }, t('legend_fresh')), el('span', { class: 'key special' }, t('legend_special')),
        el('label', { class: 'check' }, el('input', { type: 'checkbox', onchange: e => draw(e.target.checked) }), t('token_edges')),
        iconButton('copy', t('copy'), () => navigator.clipboard.writeText(p.text).then(() => announce(t('copied')), failed))),
      text,
    ], { wide: true });
  } catch (e) {
    failed(e);
  }
}
export const fact = (name, value) => el('div', {}, el('dt', {}, name), el('dd', {}, value));

/* ---- the keys, and what this page is ---- */

export function showKeys() {
  const keys = [['Enter', 'keys_send'], ['Shift+Enter', 'keys_line'], ['Esc', 'keys_stop'], ['←  →', 'keys_takes'], ['↑', 'keys_up'], ['/', 'keys_write'], ['N', 'keys_new'], ['R', 'again'], ['T', 'takes_all'], ['E', 'keys_edit'], ['D', 'direction'], ['C', 'compare_title'], ['P', 'prompt_title'], ['A', 'keys_about'], ['?', 'keys_title']];
  dialog(t('keys_title'), [
    el('dl', { class: 'keys' }, keys.map(([k, what]) => el('div', {}, el('dt', {}, k.split('+').map(x => el('kbd', {}, x))), el('dd', {}, t(what))))),
    el('label', { class: 'check' }, el('input', { type: 'checkbox', checked: setting('keys', true), onchange: e => keep('keys', e.target.checked) }), t('keys_on'))]);
}
export function showState() {
  const s = store.state, m = s.model || {};
  const rows = [['version', s.version], ['model', m.name], ['architecture', m.architecture], ['quantization', m.quantization], ['n_params', m.n_params && t('millions', { n: number(m.n_params / 1e6, 0) })], ['n_ctx', m.n_ctx && number(m.n_ctx)], ['engine', s.engine === 'own' ? t('engine_own') : s.engine]];
  dialog(t('this_page'), [el('p', { class: 'lead' }, t('about_page')), el('p', { class: 'soft' }, s.public ? s.needs_key ? t('chats_of_key') : t('chats_of_browser') : t('chats_of_all')), el('dl', { class: 'facts' }, rows.filter(([, v]) => v).map(([k, v]) => el('div', {}, el('dt', {}, t(`state_${k}`)), el('dd', {}, v)))), button('keys', t('keys_title'), showKeys)]);
}
