// One turn of a chat as an element: who speaks, the words, the takes, the tools.
import { el, iconButton, menu, toast } from './dom.js';
import { t } from './words.js';
import { avatar, character, emit, hue, store } from './store.js';

const nameless = s => !s || /^(user|you)$/i.test(s);
export const speakerOf = turn => turn.role === 'character' ? turn.speaker || character(turn.character).name : nameless(turn.speaker) ? t('you') : turn.speaker;
// A visitor who speaks as one of the cast wears that character's colour.
const castId = turn => turn.character || store.characters.find(c => c.name === turn.speaker)?.id;

// *an action* and **weight**, as elements; everything else stays as it was written.
export function marked(s) {
  const parts = [];
  let at = 0;
  for (const m of s.matchAll(/\*\*(?=\S)([^*\n]{1,400}?)(?<=\S)\*\*|\*(?=\S)([^*\n]{1,400}?)(?<=\S)\*/g)) {
    if (m.index > at) parts.push(s.slice(at, m.index));
    parts.push(m[1] !== undefined ? el('strong', {}, m[1]) : el('em', {}, m[2]));
    at = m.index + m[0].length;
  }
  if (at < s.length) parts.push(s.slice(at));
  return parts;
}
// The browser's own voice; a second time stops it.
function readAloud(turn) {
  if (speechSynthesis.speaking) { speechSynthesis.cancel(); return; }
  const u = new SpeechSynthesisUtterance(turn.text.replace(/\*/g, ''));
  u.lang = /[а-яё]/i.test(turn.text) ? 'ru' : document.documentElement.lang;
  speechSynthesis.speak(u);
}

// "act" are the stage's actions; "last": the newest turn.
export function turnElement(turn, { last = false, act } = {}) {
  const own = turn.role === 'user', name = speakerOf(turn), named = !own || !nameless(turn.speaker);
  const text = el('div', { class: 'text' }, marked(turn.text));
  const box = el('li', { class: `turn ${turn.role}${last ? ' last' : ''}`, 'data-id': turn.id, tabindex: '-1', vars: { hue: hue(castId(turn)) } },
    !own && avatar(turn.character, name),
    el('div', { class: 'body' },
      el('div', { class: named ? 'who' : 'who unseen' }, el('span', { class: 'name' }, name), ...notes(turn)),
      text,
      act && tools(turn, { last, act, box: () => box })));
  if (last && !own && act) swipes(text, turn, act);
  return box;
}
function notes(turn) {
  const a = turn.alternatives?.[turn.chosen] || {}, list = [];
  if (turn.edited) list.push(t('edited'));
  if (a.end === 'cancel') list.push(t('end_cancel'));
  if (a.end === 'length') list.push(t('end_length'));
  if (typeof a.scale === 'number' && a.scale !== 1 && turn.role === 'character') list.push(t('at_strength', { x: a.scale.toFixed(2) }));
  return list.map(s => el('span', { class: 'note' }, s));
}

function tools(turn, { last, act, box }) {
  const character = turn.role === 'character', n = turn.alternatives?.length || 1, at = turn.chosen || 0;
  const tool = (name, what, label, f, props) => iconButton(name, label, f, { 'data-tool': what, ...props });
  return el('div', { class: 'tools', role: 'group', 'aria-label': t('tools_of', { name: speakerOf(turn) }) },
    character && (n > 1 || last) && el('span', { class: 'takes' },
      tool('left', 'left', t('take_before'), () => act.choose(turn, at - 1), { disabled: at === 0 }),
      el('button', { type: 'button', class: 'count', 'data-tool': 'takes', title: t('takes_all'), 'aria-label': t('take_of', { k: at + 1, n }), disabled: n < 2, onclick: () => act.takes(turn) }, `${at + 1}/${n}`),
      tool('right', 'right', at + 1 < n ? t('take_next') : t('again'), () => act.choose(turn, at + 1), { disabled: at + 1 === n && !last })),
    character && last && tool('again', 'again', t('again'), () => act.regenerate(turn)),
    tool('pencil', 'edit', t('edit'), () => act.free(() => edit(box(), turn, act))),
    tool('copy', 'copy', t('copy'), () => copy(turn.text)),
    tool('more', 'more', t('more'), e => menu(e.currentTarget, t('more'), [
      character && ['eye', t('prompt_title'), () => act.prompt(turn)],
      character && n > 1 && ['list', t('takes_all'), () => act.takes(turn)],
      'speechSynthesis' in window && ['play', t('read_aloud'), () => readAloud(turn)],
      character && last && ['right', t('go_on'), () => act.more(turn)],
      ['open', t('share'), () => act.share(turn)],
      ['branch', t('branch'), () => act.branch(turn)],
      null,
      ['trash', last ? t('delete_turn') : t('delete_from'), () => act.remove(turn), 'danger'],
    ].filter(x => x !== false)), { 'aria-haspopup': 'menu' }));
}
async function copy(text) {
  try { await navigator.clipboard.writeText(text); toast(t('copied')); } catch { toast(t('copy_failed'), { error: true }); }
}

// The words become a field in place; Ctrl+Enter keeps, Escape leaves them as they were.
export function edit(box, turn, act) {
  const text = box.querySelector('.text'), tools = box.querySelector('.tools');
  const area = el('textarea', { class: 'edit', 'aria-label': t('edit_label', { name: speakerOf(turn) }), maxlength: '8000' });
  area.value = turn.text;
  const leave = () => { form.replaceWith(text); tools.hidden = false; box.querySelector('[data-tool=edit]')?.focus(); emit('edited'); };
  const save = () => { const now = area.value.trim(); leave(); if (now && now !== turn.text) act.edit(turn, now); };
  const form = el('form', { class: 'edit-form', onsubmit: e => { e.preventDefault(); save(); } }, area,
    el('div', { class: 'row' }, el('button', { type: 'button', class: 'button', onclick: leave }, t('cancel')), el('button', { class: 'button primary' }, t('save'))));
  area.addEventListener('keydown', e => {
    if (e.key === 'Escape') { e.preventDefault(); e.stopPropagation(); leave(); }
    if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); save(); }
  });
  area.addEventListener('input', () => grow(area));
  tools.hidden = true;
  text.replaceWith(form);
  grow(area);
  area.focus();
  form.scrollIntoView({ block: 'nearest' });
}
// A text field as tall as its text.
export function grow(area) {
  area.style.height = 'auto';
  area.style.height = `${area.scrollHeight + 2}px`;
}

// A finger moves through the takes.
function swipes(text, turn, act) {
  let x0 = null, y0 = 0;
  text.addEventListener('touchstart', e => { [x0, y0] = [e.touches[0].clientX, e.touches[0].clientY]; }, { passive: true });
  text.addEventListener('touchend', e => {
    const dx = e.changedTouches[0].clientX - x0, dy = e.changedTouches[0].clientY - y0;
    if (Math.abs(dx) > 60 && Math.abs(dy) < 40) act.choose(turn, turn.chosen + (dx < 0 ? 1 : -1));
  }, { passive: true });
}

// The reply under way: a line that says what is being done, then the words.
// What it goes on from ("from") stands there from the beginning.
export function pendingElement(id, name, from = '') {
  const bar = el('span', { class: 'bar' }), state = el('span', { class: 'state' }, t('thinking')), text = el('div', { class: 'text', 'aria-busy': 'true' });
  const progress = el('div', { class: 'progress' }, el('span', { class: 'dots', 'aria-hidden': 'true' }, el('i'), el('i'), el('i')), state, el('span', { class: 'track', role: 'progressbar', 'aria-label': t('thinking') }, bar));
  const who = el('span', { class: 'name' }, name || ''), face = avatar(id, name), sketch = el('span', { class: 'sketch', 'aria-hidden': 'true' }), said = el('span', {});
  const box = el('li', { class: 'turn character last pending', vars: { hue: hue(id) } }, face, el('div', { class: 'body' }, el('div', { class: 'who' }, who), text));
  if (from) text.append(el('span', { class: 'from' }, marked(from), ' '));
  text.append(progress);
  const share = x => { bar.style.inlineSize = `${Math.round(100 * x)}%`; progress.classList.toggle('measured', x > 0); };
  return {
    box,
    speaker(newId, newName) { box.style.setProperty('--hue', hue(newId)); box.firstChild.replaceWith(avatar(newId, newName)); who.textContent = newName; },
    wait(seconds, code) { state.textContent = code === 'not_ready' ? t('loading') : t('busy_wait', { n: seconds }); share(0); },
    progress(p) {
      if (p.drafting) { state.textContent = t('drafting', { k: p.made, n: p.takes }); share(p.made / p.takes); return; }
      const fresh = p.total - p.cached;
      if (fresh > 0 && p.read < p.total) { state.textContent = t('reading', { k: p.read, n: p.total }); share((p.read - p.cached) / fresh); } else { state.textContent = t('thinking'); share(0); }
    },
    // One of the drafts as it grows; it need not be the one that is spoken, so that only the eye is told.
    draft(s) { if (!progress.isConnected) return; text.classList.add('drafting'); sketch.textContent = s; if (!sketch.isConnected) progress.before(sketch); },
    words(s) {
      if (progress.isConnected) { progress.remove(); sketch.remove(); text.classList.remove('drafting'); text.append(said); }
      said.replaceChildren(...marked(s));
    },
  };
}
