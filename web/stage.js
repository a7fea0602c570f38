// The chat: its turns, the reply under way, and the line where the visitor speaks.
import { Failure, get, patch, post, del, stream } from './http.js';
import { $, announce, arrange, el, failed, icon, iconButton, menu, toast } from './dom.js';
import { language, t } from './words.js';
import { avatar, character, emit, firstName, hue, keep, loadChats, on, setting, store } from './store.js';
import { edit, grow, pendingElement, speakerOf, turnElement } from './turns.js';
import { exportChat, renameChat, removeChat } from './files.js';
import { showKeys } from './rail.js';

let chat = null; // the chat on stage; id null: it is made when the first line is said
let live = null; // the reply under way on stage: { chat, abort, view, text, waiting, into }; in other chats they go on
let opened = 0;  // counts what was put on stage
let next = '';   // who speaks next in a scene; '' is automatic
let left = 0;    // lines that a scene goes on by itself
let log, line, go, head, faces, titles, cues, self, jump;
// What opens over the stage comes when it is asked for.
const panel = name => (...args) => import('./panels.js').then(m => m[name](...args), failed);
const [compare, direction, pickSelf, showPrompt, showTakes] = ['compare', 'direction', 'pickSelf', 'showPrompt', 'showTakes'].map(panel);
const about = id => import('./about.js').then(m => m.about(id), failed);
const share = turn => import('./share.js').then(m => m.share(chat, turn), failed);

export const onStage = () => chat;
export const isBusy = () => live !== null;
const scene = () => chat.characters.length > 1;
const path = (rest, of = chat) => `/api/chats/${of.id}${rest}`;
const judges = new Map();  // by what the takes of a character were chosen, as the server has said
const running = new Map(); // the replies under way, by the id of their chat
async function judgeOf(id) { // after a reload nobody has said it yet
  if (!judges.has(id)) try { judges.set(id, (await get(`/api/characters/${encodeURIComponent(id)}`)).judge); } catch { /* who is gone has none */ }
  return judges.get(id);
}
const takesOf = id => setting(`takes:${id}`, character(id).takes || 1);

/* ---- open and draw ---- */

export async function openChat(id, turn) {
  if (chat?.id === id && turn) { show(turn); return; }
  leave();
  const mine = ++opened, got = await get(`/api/chats/${encodeURIComponent(id)}`);
  if (mine !== opened) return; // the visitor has gone on to another one
  chat = got;
  live = running.get(id) || null;
  if (live) live.chat = chat;
  next = '';
  draw();
  if (turn) show(turn);
}
// One turn among many, as a search found it.
function show(id) {
  const box = log.querySelector(`[data-id="${CSS.escape(id)}"]`);
  if (!box) return;
  box.scrollIntoView({ block: 'center' });
  box.classList.add('found');
  box.focus();
}
export function openDraft(ids, situation = '') {
  leave();
  const known = ids.filter(id => !character(id).gone);
  if (!known.length) { location.hash = '#/'; return; }
  chat = { id: null, title: '', characters: known, user: setting('self', ''), scale: {}, turns: [], notes: [] };
  next = '';
  draw();
  if (situation && scene()) { left = lines - 1; say(situation); }
}
export function leave() {
  opened++;
  left = 0;
  live = null;
  chat = null;
}

export function draw() {
  const scroll = log?.isConnected ? log.scrollTop : null;
  drawn = new Map();
  log = el('ol', { class: 'log', 'aria-label': t('log'), tabindex: '-1', onscroll: () => { jump.hidden = nearEnd(); } });
  jump = iconButton('down', t('to_end'), () => toEnd(true), { class: 'icon-button jump', hidden: true });
  head = el('header', { class: 'stage-head' });
  $('main').className = 'stage';
  $('main').replaceChildren(head, el('div', { class: 'scroll' }, log, jump), composer());
  drawHead();
  drawTurns();
  if (scroll === null) toEnd(); else log.scrollTop = scroll;
  if (matchMedia('(hover: hover)').matches && !document.querySelector('dialog[open]')) line.focus({ preventScroll: true });
}
const title = () => store.chats.find(c => c.id === chat.id)?.title || chat.title || chat.characters.map(id => character(id).name).join(', ');

function drawHead() {
  faces = el('button', { type: 'button', class: 'faces', onclick: () => about(chat.characters[0]) });
  titles = el('div', { class: 'titles' });
  head.replaceChildren(
    iconButton('menu', t('open_rail'), () => emit('rail', true), { class: 'icon-button only-narrow' }), faces, titles,
    bareSwitch(),
    el('div', { class: 'head-tools' },
      iconButton('sliders', t('direction'), e => direction(head.querySelector('[data-tool=direction]'), chat, { scale: setScale, cast: setCast }), { 'data-tool': 'direction' }),
      iconButton('columns', t('compare_title'), openCompare, { 'data-tool': 'compare' }),
      iconButton('more', t('more'), e => menu(e.currentTarget, t('more'), [
        ...chat.characters.map(id => ['info', t('about_title', { name: firstName(character(id)) }), () => about(id)]),
        ...chat.id && chat.turns.length ? [['open', t('share'), () => share()]] : [],
        ...chat.id ? [null, ['pencil', t('rename'), () => renameChat(chat.id)], ['save', t('export_json'), () => exportChat(chat, 'json')], ['save', t('export_tavern'), () => exportChat(chat, 'sillytavern')], null, ['trash', t('delete_chat'), () => removeChat(chat.id), 'danger']] : [],
      ]), { 'aria-haspopup': 'menu', 'data-tool': 'chat-menu' })));
  drawTitles();
}
// What people want to show others: the same line, answered by the character or by the model without its adapter.
function bareSwitch() {
  const trained = chat.characters.filter(id => character(id).has_adapter);
  if (scene() || !trained.length) return '';
  const bare = chat.scale?.[trained[0]] === 0;
  const choice = (on, label) => el('button', { type: 'button', 'aria-pressed': String(on === bare), onclick: () => { if (on !== bare) setScale(trained[0], on ? 0 : 1, drawHead); } }, label);
  return el('div', { class: 'switch', role: 'group', 'aria-label': t('who_speaks'), vars: { hue: hue(trained[0]) } }, choice(false, t('the_character')), choice(true, t('bare_model')));
}
function drawTitles() {
  const names = chat.characters.map(id => character(id).name), all = names.join(', '), scale = id => chat.scale?.[id] ?? 1;
  const heading = chat.id ? title() : all, trained = chat.characters.filter(id => character(id).has_adapter);
  const below = [heading !== all && all, ...trained.filter(id => scale(id) !== 1).map(id => `${scene() ? `${firstName(character(id))}: ` : ''}${t('at_strength', { x: scale(id).toFixed(2) })}`), chat.characters.some(id => character(id).gone) ? t('character_gone') : !trained.length && t('prompt_only')];
  document.title = `${heading} · understudy`;
  faces.setAttribute('aria-label', t('about_title', { name: names[0] }));
  faces.title = t('about_title', { name: names[0] });
  faces.replaceChildren(...chat.characters.slice(0, 4).map(id => avatar(id)));
  titles.replaceChildren(el('h1', {}, heading), el('p', {}, below.filter(Boolean).join(' · ')));
}

const contextFor = turn => ({ last: turn === chat.turns.at(-1), act });
// A turn's element as it was drawn before, when nothing of it has changed: what is read, focused or pointed at stays there.
let drawn = new Map(); // id -> { key, box }
function turnBox(turn) {
  const context = contextFor(turn), key = `${context.last} ${language()} ${store.look} ${JSON.stringify(turn)}`, known = drawn.get(turn.id);
  if (known?.key === key) return known.box;
  const box = turnElement(turn, context);
  drawn.set(turn.id, { key, box });
  return box;
}
function drawTurns() {
  const c = character(chat.characters[0]), at = document.activeElement, held = at.closest?.('.turn')?.dataset.id;
  const list = chat.turns.filter(turn => turn.id !== live?.into?.id).map(turnBox);
  const situation = scene() && chat.turns[0]?.role === 'user' && !chat.turns[0].speaker && list[0];
  if (situation) situation.classList.add('situation');
  // A chat begins with the greeting as its first turn. Before it is there, the page shows what that will be.
  if (!scene() && c.greeting && !chat.id) list.unshift(turnElement({ role: 'character', character: c.id, speaker: c.name, text: c.greeting }));
  const young = !live && !chat.turns.some(turn => turn.role === 'user');
  if (young) list.unshift(el('li', { class: 'intro' }, el('span', { class: 'stack' }, chat.characters.map(id => avatar(id, '', 'big'))), scene() && el('p', {}, t('scene_empty'))));
  if (chat.turns.at(-1)?.role === 'user' && !live && !chat.ghost) list.push(el('li', { class: 'openers' }, el('button', { type: 'button', class: 'chip', onclick: () => act.next() }, t('answer'))));
  const last = chat.turns.at(-1); // stopped in the middle, by whomever: how it goes on is one tap away
  if (last?.role === 'character' && last.alternatives[last.chosen]?.end === 'cancel' && !live && !chat.ghost) list.push(el('li', { class: 'openers' }, el('button', { type: 'button', class: 'chip', onclick: () => act.more(last) }, t('go_on'))));
  if (young) list.push(el('li', { class: 'openers' }, openers(c)));
  if (chat.ghost && !live) list.push(...ghost(chat.ghost));
  if (live?.waiting) list.push(turnElement(live.waiting));
  if (live) list.push(live.view.box);
  if (chat.turns.length > 1 && !setting('seen_takes', false) && !live && chat.turns.at(-1).alternatives?.length > 1) list.push(el('li', { class: 'coach' }, t(matchMedia('(hover: none)').matches ? 'coach_touch' : 'coach_takes')));
  arrange(log, list);
  log.classList.toggle('busy', isBusy());
  if (held && !document.contains(at)) (log.querySelector(`[data-id="${CSS.escape(held)}"] [data-tool="${at.dataset.tool}"]:not(:disabled)`) || line).focus({ preventScroll: true });
  drawCues();
}
// Words that were heard and never came to their end: they stay until the store has something newer.
function ghost(words) {
  const box = turnElement({ role: 'character', ...words });
  box.classList.add('ghost');
  box.querySelector('.who').append(el('span', { class: 'note' }, t('interrupted_reply')));
  return [box, el('li', { class: 'openers' }, el('button', { type: 'button', class: 'chip', onclick: () => words.into ? shortcuts.again() : act.next(scene() ? words.character : undefined) }, t('ask_again')))];
}
// Lines to begin with: what the card's author lets a visitor say in the examples.
function openers(c) {
  const box = el('div', { class: 'chips' });
  if (!c.gone) get(`/api/characters/${encodeURIComponent(c.id)}`).then(full => {
    const lines = [...(full.card?.data?.mes_example || '').matchAll(/^\{\{user\}\}:\s*(.{3,80})$/gim)].slice(0, 3);
    box.append(...lines.map(([, s]) => el('button', { type: 'button', class: 'chip', onclick: () => say(s) }, s)));
  }, () => {});
  return box;
}
// One turn anew; the focus stays on the same tool.
function redraw(turn) {
  const old = log.querySelector(`[data-id="${turn.id}"]`), tool = old?.contains(document.activeElement) && document.activeElement.dataset.tool;
  drawn.delete(turn.id);
  const now = turnBox(turn);
  if (old) old.replaceWith(now); else log.append(now);
  const same = tool && now.querySelector(`[data-tool="${tool}"]`);
  if (same) (same.disabled ? now.querySelector('[data-tool=takes]') : same).focus();
}
function upsert({ turns }, turn) {
  const i = turns.findIndex(x => x.id === turn.id);
  if (i < 0) turns.push(turn); else turns[i] = turn;
}
const nearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 90;
function toEnd(smooth = false) { log.scrollTo({ top: log.scrollHeight, behavior: smooth && !matchMedia('(prefers-reduced-motion: reduce)').matches ? 'smooth' : 'instant' }); }

/* ---- the line ---- */

function composer() {
  line = el('textarea', { id: 'line', rows: 1, maxlength: '8000', enterkeyhint: 'send', autocomplete: 'off' });
  line.value = sessionStorage.getItem(`line:${chat.id || chat.characters}`) || '';
  go = el('button', { class: 'go', type: 'submit' });
  self = el('button', { type: 'button', class: 'self', 'aria-haspopup': 'dialog', onclick: () => pickSelf(self, chat, { name: setSelf, notes: setNotes }) });
  cues = el('div', { class: 'cues' });
  line.addEventListener('input', () => { grow(line); drawGo(); sessionStorage.setItem(`line:${chat.id || chat.characters}`, line.value); });
  line.addEventListener('keydown', e => {
    if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) { e.preventDefault(); submit(); }
    if (line.value || e.altKey || e.ctrlKey || e.metaKey) return;
    if (e.key === 'ArrowLeft' || e.key === 'ArrowRight') shortcuts.take(e.key === 'ArrowRight' ? 1 : -1);
    else if (e.key === 'ArrowUp') shortcuts.editLast();
    else return;
    e.preventDefault();
  });
  const form = el('form', { class: 'composer', onsubmit: e => { e.preventDefault(); submit(); } }, cues,
    el('div', { class: 'box' }, self, line, go), el('p', { class: 'fine' }, t('fine_print'), ' ', el('button', { type: 'button', class: 'link only-keys', onclick: showKeys }, t('keys_title'))));
  drawSelf();
  drawGo();
  requestAnimationFrame(() => grow(line));
  return form;
}
function drawSelf() {
  const name = chat.user;
  const c = store.characters.find(x => x.name === name);
  self.replaceChildren(c ? avatar(c.id, name, 'small') : icon('person'), el('span', {}, name || t('you')));
  self.setAttribute('aria-label', t('self_is', { name: name || t('visitor') }));
  self.title = t('self_title');
  line.placeholder = t('line_to', { name: scene() ? t('everyone') : firstName(character(chat.characters[0])) });
  line.setAttribute('aria-label', line.placeholder);
}
function drawGo() {
  const kind = live ? 'stop' : scene() && !line.value.trim() ? 'play' : 'send';
  const label = { stop: t('stop'), play: t('let_them'), send: t('send') }[kind];
  go.className = `go ${kind}`;
  go.replaceChildren(icon(kind));
  go.title = label;
  go.setAttribute('aria-label', label);
  go.disabled = kind === 'send' && !line.value.trim();
}
function drawCues() {
  cues.hidden = !scene();
  if (cues.hidden) return;
  const cue = (id, label) => {
    const input = el('input', { type: 'radio', name: 'next', value: id, class: 'unseen', checked: next === id, onchange: () => { next = id; } });
    return el('label', { class: 'cue', vars: { hue: hue(id) } }, input, id && avatar(id, '', 'small'), el('span', {}, label));
  };
  cues.replaceChildren(el('span', { class: 'cues-label', id: 'cues-label' }, t('who_next')),
    el('div', { class: 'chips', role: 'radiogroup', 'aria-labelledby': 'cues-label' }, cue('', t('automatic')), chat.characters.map(id => cue(id, firstName(character(id))))),
    el('button', { type: 'button', class: 'button play-on', 'aria-pressed': String(left > 0), onclick: playOn }, icon(left ? 'pause' : 'play'), el('span', {}, left ? t('play_pause', { n: left }) : t('play_on'))));
}
// The scene goes on by itself for some lines, until it is paused or somebody says something.
const lines = 8;
function playOn() {
  left = left ? 0 : lines;
  drawCues();
  cues.querySelector('.play-on').focus();
  if (left && !live) goOn();
}
function goOn() {
  left--;
  act.next();
}
function submit() {
  if (live) { stop(); return; }
  const text = line.value.trim();
  left = 0;
  if (text) say(text);
  else if (scene()) act.next();
}

/* ---- replies ---- */

async function say(text) {
  if (live) return;
  line.value = '';
  grow(line);
  const body = { text, user: chat.user, ...cue() };
  await play('/say', body, { waiting: { id: 'new', role: 'user', speaker: chat.user, text } });
}
const cue = (who = next) => ({ ...who && { who }, takes: takesOf(who || chat.characters[0]) });

// A draft becomes a chat of the server when something is said in it.
async function begin(mine) {
  if (mine.chat.id) return;
  const { characters, user, scale, notes } = mine.chat, made = await post('/api/chats', { characters, user, scale, ...notes?.length && { notes } });
  mine.draft_of = mine.chat;
  sessionStorage.removeItem(`line:${characters}`);
  if (live === mine) {
    chat = made;
    history.replaceState(null, '', `#/chat/${chat.id}`);
    emit('here');
  }
  mine.chat = made;
}

// The first line was refused: there is no chat then, and the line stands where it was.
async function takeBack(mine) {
  const { id } = mine.chat, { characters } = mine.draft_of;
  await del(`/api/chats/${id}`).catch(() => {});
  mine.chat = mine.draft_of;
  if (live !== mine) return;
  chat = mine.chat;
  history.replaceState(null, '', `#/new/${characters.map(encodeURIComponent).join('+')}`);
  emit('here');
}

// Runs one reply from the first sign of life to the last word. "waiting" is a user's line not yet saved; "into" a turn that gets new takes.
async function play(rest, body, { waiting, into, more = false } = {}) {
  const first = into?.character || body.who || (scene() ? '' : chat.characters[0]);
  const mine = live = { chat, abort: new AbortController(), view: pendingElement(first, first ? character(first).name : t('someone'), more ? into.text : ''), who: first, text: '', waiting, into };
  let problem = null;
  drawTurns();
  drawGo();
  toEnd();
  try {
    await begin(mine);
    running.set(mine.chat.id, mine);
    emit('running', running);
    for await (const e of stream(path(rest, mine.chat), body, { signal: mine.abort.signal, onwait: mine.view.wait })) hear(mine, e);
    if (!mine.done) throw new Failure(t('error_cut'));
  } catch (e) {
    problem = e;
    left = 0;
  }
  running.delete(mine.chat.id);
  if (problem?.status >= 400 && mine.waiting && mine.draft_of) await takeBack(mine);
  const grown = Boolean(problem) && (mine.stopped || !mine.waiting) && await settle(mine), heard = mine.text || mine.draft;
  const kept = into ? grown : mine.chat.turns.at(-1)?.role === 'character';
  if (problem && !mine.stopped && heard && !kept) mine.chat.ghost = { character: mine.who, speaker: character(mine.who).name, text: more ? `${into.text} ${heard}` : heard, into: Boolean(into) };
  else delete mine.chat.ghost;
  emit('running', running);
  loadChats().catch(() => {});
  if (problem && !mine.stopped) failed(problem);
  if (live !== mine) return; // another chat is on stage
  const follow = nearEnd();
  paint(mine);
  live = null;
  drawTitles();
  drawTurns();
  if (problem && mine.waiting) { line.value = mine.waiting.text; grow(line); }
  drawGo();
  if (follow) toEnd();
  overdue();
  if (left) setTimeout(() => { if (left && !live && chat?.id === mine.chat.id) goOn(); }, 400); // a breath, in which it can be paused
}
// Words are drawn once a frame, however fast they come.
function paint(mine) {
  if (!mine.due) return;
  cancelAnimationFrame(mine.due);
  mine.due = 0;
  const follow = live === mine && nearEnd();
  if (mine.text) mine.view.words(mine.text); else mine.view.draft(mine.draft);
  if (follow) toEnd();
}
const paintSoon = mine => { mine.due ||= requestAnimationFrame(() => paint(mine)); };
function hear(mine, { event, data }) {
  const here = live === mine, follow = here && nearEnd();
  if (event === 'turn') {
    upsert(mine.chat, data.turn);
    mine.waiting = null;
    sessionStorage.removeItem(`line:${mine.chat.id}`);
    if (here) log.querySelector('[data-id=new]')?.replaceWith(turnElement(data.turn, { busy: true, act }));
  } else if (event === 'speaker') { mine.who = data.character; mine.view.speaker(data.character, data.speaker); if (data.judge) judges.set(data.character, data.judge); }
  else if (event === 'progress') mine.view.progress(data);
  else if (event === 'draft') { mine.draft = data.text; paintSoon(mine); }
  else if (event === 'delta') { mine.text += data.text; paintSoon(mine); }
  else if (event === 'done') {
    mine.done = true;
    upsert(mine.chat, data.turn);
    if (here) announce(`${speakerOf(data.turn)}: ${data.turn.text}`);
  }
  if (follow) toEnd();
}
// After a stop or a break: what was made so far is in the store, as soon as the server has seen that nobody reads any more.
async function settle(mine) {
  const count = x => x.turns.reduce((n, turn) => n + turn.alternatives.length, 0);
  for (const ms of [120, 400, 900]) {
    await new Promise(r => setTimeout(r, ms));
    const now = mine.chat.id && await get(path('', mine.chat)).catch(() => null);
    if (!now) return false;
    const more = count(now) > count(mine.chat);
    if (live === mine) chat = now;
    mine.chat = now;
    if (more || !mine.text) return more;
  }
  return false;
}
export function stop() {
  left = 0;
  if (!live) return;
  const mine = live;
  mine.stopped = true;
  announce(t('stopped'));
  // The server ends the reply and sends what there is; a server that does not answer is left alone.
  const giveUp = () => mine.abort.abort();
  if (running.has(mine.chat.id)) post(path('/stop', mine.chat)).then(({ stopped }) => setTimeout(giveUp, stopped ? 1500 : 0), giveUp);
  else giveUp();
}

/* ---- what can be done with a turn ---- */

const attempt = f => async (...args) => { if (live) return; try { await f(...args); } catch (e) { failed(e); } };
const act = {
  free: f => { if (!live) f(); },
  next: who => { if (!live) play('/next', cue(who)); },
  more: turn => { if (!live) play(`/turns/${turn.id}/continue`, { scale: chat.scale?.[turn.character] ?? 1 }, { into: turn, more: true }); },
  share,
  regenerate: turn => { if (!live) play(`/turns/${turn.id}/regenerate`, { takes: takesOf(turn.character), scale: chat.scale?.[turn.character] ?? 1 }, { into: turn }); },
  choose: attempt(async (turn, k) => {
    if (k < 0) return;
    if (k >= turn.alternatives.length) { if (turn === chat.turns.at(-1)) act.regenerate(turn); return; }
    keep('seen_takes', true);
    log.querySelector('.coach')?.remove();
    turn.chosen = k;
    turn.text = turn.alternatives[k].text;
    redraw(turn);
    announce(turn.text);
    await patch(path(`/turns/${turn.id}`), { chosen: k });
  }),
  edit: attempt(async (turn, text) => {
    Object.assign(turn, { text, edited: true });
    redraw(turn);
    await patch(path(`/turns/${turn.id}`), { text });
    await refresh();
  }),
  remove: attempt(async turn => {
    const { undo } = await del(path(`/turns/${turn.id}`)), id = chat.id;
    await refresh();
    line.focus();
    toast(t('deleted'), { action: t('undo'), onaction: () => post(`/api/chats/${id}/undo`, { undo }).then(() => chat?.id === id && refresh()).catch(failed) });
  }),
  branch: attempt(async turn => {
    const made = await post(path('/branch'), { turn: turn.id }), of = title();
    await patch(`/api/chats/${made.id}`, { title: t('branch_of', { name: of }).slice(0, 120) });
    await loadChats();
    location.hash = `#/chat/${made.id}`;
    toast(t('branched'));
  }),
  prompt: turn => showPrompt(path(`/turns/${turn.id}/prompt`), turn, speakerOf(turn)),
  takes: async turn => showTakes(turn, k => act.choose(turn, k), await judgeOf(turn.character)),
};
let refreshes = 0;
async function refresh() {
  const at = log.scrollTop, mine = chat, turn = ++refreshes, now = await get(path(''));
  if (chat?.id !== mine.id || live || turn !== refreshes) return; // what was asked for later is newer
  if (occupied() || saving) { due = true; return; } // somebody has begun to type, a menu is open, or it does not know yet what was changed here
  if (mine.ghost && (mine.ghost.into ? now.turns.at(-1)?.alternatives.length === mine.turns.at(-1)?.alternatives.length : now.turns.at(-1)?.role !== 'character')) now.ghost = mine.ghost;
  const same = JSON.stringify([now.scale, now.characters]) === JSON.stringify([mine.scale, mine.characters]);
  chat = now;
  if (same) drawTitles(); else drawHead();
  drawSelf();
  drawTurns();
  log.scrollTop = at;
  loadChats().catch(() => {});
}
// Shown at once, and kept, also while a reply is under way. What is asked for before it is kept does not know it.
let saving = 0;
async function change(what, value, show) {
  const mine = chat;
  mine[what] = value;
  show();
  if (!mine.id) return;
  saving++;
  try { await patch(path('', mine), { [what]: value }); } catch (e) { failed(e); }
  saving--;
  due = true;
  overdue();
}
const setScale = (id, x, show = drawTitles) => change('scale', { ...chat.scale, [id]: x }, show);
function setCast(ids) {
  if (!ids.includes(next)) next = '';
  change('characters', ids, () => { drawTitles(); drawSelf(); drawTurns(); drawGo(); });
}
const setNotes = notes => change('notes', notes, () => {});
function setSelf(name) {
  keep('self', name);
  change('user', name, drawSelf);
  line.focus();
}
function openCompare() {
  const last = chat.turns.at(-1), asked = last?.role === 'character' ? chat.turns.at(-2) : last;
  if (!asked) { toast(t('compare_empty')); line.focus(); return; }
  if (live) return;
  const who = last.character || chat.characters[0];
  compare(path('/compare'), { asked, who, scale: chat.scale?.[who] ?? 1 });
}

/* ---- keys ---- */

const lastReply = () => chat?.turns.at(-1)?.role === 'character' ? chat.turns.at(-1) : null;
export const shortcuts = {
  write: () => line.focus(),
  again: () => lastReply() && act.regenerate(lastReply()),
  take: step => lastReply() && act.choose(lastReply(), lastReply().chosen + step),
  editLast: () => {
    const turn = chat.turns.findLast(x => x.role === 'user'), box = turn && log.querySelector(`[data-id="${turn.id}"]`);
    if (box && !live) edit(box, turn, act);
  },
  prompt: () => lastReply() && act.prompt(lastReply()),
  takes: () => lastReply() && act.takes(lastReply()),
  direction: () => head.querySelector('[data-tool=direction]').click(),
  compare: openCompare,
  about: () => about(chat.characters[0]),
};

on('chats', () => { if (chat && head?.isConnected) drawTitles(); });
// Another page has gone on with the same chat, or the server is back.
// Turns are not drawn anew under an open menu, dialog or edit: what changed meanwhile is shown when it closes.
const occupied = () => document.querySelector('.edit, dialog[open], :popover-open');
let due = false;
on('chat', id => {
  if (!chat?.id || (id !== null && id !== chat.id) || live) return;
  if (occupied() || saving) due = true;
  else refresh().catch(() => {});
});
function overdue() {
  if (!due || occupied() || live || saving) return;
  due = false;
  if (chat?.id) refresh().catch(() => {});
}
for (const event of ['toggle', 'close']) document.addEventListener(event, overdue, true);
on('edited', overdue);
document.addEventListener('visibilitychange', () => { if (!document.hidden && chat?.id && !live && !occupied()) refresh().catch(() => {}); });
