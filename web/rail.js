// The side: the cast, the chats, and the page's own settings. On a phone it slides in.
import { $, button, decoded, el, failed, fill, gradually, icon, iconButton, menu } from './dom.js';
import { get } from './http.js';
import { languages, setLanguage, language, number, t } from './words.js';
import { avatar, character, emit, jobLink, jobShare, jobState, keep, loadAllChats, meter, on, setting, store } from './store.js';
import { chooseFile, exportChat, removeChat, renameChat } from './files.js';

let filter = '', busy = new Map(), list = null;

export function rail() {
  list = el('div', { class: 'chats' });
  $('rail').setAttribute('aria-label', t('rail'));
  fill($('rail'),
    el('div', { class: 'brand' }, el('a', { href: '#/', class: 'mark' }, el('img', { src: '/icon.svg', alt: '', width: 28, height: 28 }), el('span', {}, 'understudy')),
      iconButton('close', t('close_rail'), () => emit('rail', false), { class: 'icon-button only-narrow' })),
    el('a', { class: 'button new', href: '#/' }, icon('plus'), el('span', {}, t('new_chat'))),
    store.characters.length > 0 && el('div', { class: 'cast', role: 'group', 'aria-label': t('cast') }, store.characters.slice(0, 10).map(c =>
      el('a', { class: 'face', href: `#/new/${encodeURIComponent(c.id)}`, title: t('talk_to', { name: c.name }), 'aria-label': t('talk_to', { name: c.name }) }, avatar(c.id)))),
    el('div', { class: 'rail-jobs' }),
    el('input', { type: 'search', class: 'filter', placeholder: t('search'), 'aria-label': t('search'), value: filter, oninput: e => { filter = e.target.value; chats(); look(); if (filter && store.moreChats > 0) loadAllChats().catch(() => {}); } }),
    list,
    el('div', { class: 'rail-foot' },
      iconButton(...themeButton()),
      el('button', { type: 'button', class: 'icon-button lang', 'aria-label': t('language_is', { code: language().toUpperCase() }), title: t('language'), 'aria-haspopup': 'menu', onclick: e => menu(e.currentTarget, t('language'), Object.entries(languages).map(([code, name]) => [code === language() ? 'check' : 'right', name, () => { setLanguage(code); emit('language'); }])) }, language().toUpperCase()),
      iconButton('open', t('import'), chooseFile),
      iconButton('keys', t('keys_title'), showKeys),
      iconButton('info', t('this_page'), showState)));
  chats();
  jobs();
}
// What is under way, everywhere to be seen: three, those that run first; the studio has all.
function jobs() {
  const box = $('rail').querySelector('.rail-jobs'), states = ['running', 'paused', 'queued', 'interrupted'];
  const list = store.jobs.filter(j => states.includes(j.state)).sort((a, b) => states.indexOf(a.state) - states.indexOf(b.state)), more = list.splice(3).length;
  if (box) box.replaceChildren(...list.map(j => el('a', { class: 'rail-job', href: jobLink(j) }, el('span', {}, `${j.title} · ${jobState(j)}`), meter(jobShare(j), j.title))), more ? el('a', { class: 'rail-job', href: '#/studio' }, t('more_jobs', { n: more })) : '');
}
const chatHere = () => decoded(location.hash.match(/^#\/chat\/([^/]+)/)?.[1] || '');

let later = 0;
function chats() {
  if (!list?.isConnected) { rail(); return; }
  clearTimeout(later);
  if (document.querySelector(':popover-open')) { later = setTimeout(chats, 300); return; } // not under an open menu
  const current = chatHere(), top = list.scrollTop, had = list.querySelectorAll('.chat-row').length, focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  $('rail').querySelector('.filter').hidden = !store.chats.length && !filter;
  const found = store.chats.filter(c => `${c.title} ${c.last}`.toLowerCase().includes(filter.toLowerCase()));
  const groups = new Map();
  for (const c of found) {
    const name = era(c.updated_ms);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(c);
  }
  list.replaceChildren(...[...groups].map(([name, rows]) => el('section', {}, el('h2', {}, t(name)), gradually(el('ul'), rows, c => row(c, c.id === current), t('show_more'), had))));
  if (hits.length) list.append(el('section', {}, el('h2', {}, t('in_words')), el('ul', {}, hits.map(hit))));
  if (store.moreChats > 0 && !filter) list.append(el('div', { class: 'center' }, button('down', t('older_chats', { n: number(store.moreChats) }), () => loadAllChats().catch(() => {}))));
  if (!found.length && !hits.length) list.append(el('p', { class: 'empty' }, store.chats.length ? t('nothing_found') : t('no_chats')));
  list.scrollTop = top;
  if (focused) (list.querySelector(`[data-key="${CSS.escape(focused)}"]`) || list.querySelector('a') || $('rail').querySelector('.new')).focus();
}
// What was said in any chat: the server looks through all turns.
let hits = [], looking = 0;
function look() {
  clearTimeout(looking);
  const q = filter.trim();
  if (q.length < 2) { if (hits.length) { hits = []; chats(); } return; }
  looking = setTimeout(() => get(`/api/search?q=${encodeURIComponent(q)}`).then(r => { if (q === filter.trim()) { hits = r.turns; chats(); } }, () => {}), 200);
}
function hit(h) {
  const at = h.text.toLowerCase().indexOf(filter.trim().toLowerCase()), from = Math.max(0, at - 30), to = at + filter.trim().length;
  return el('li', { class: 'chat-row' }, el('a', { href: `#/chat/${encodeURIComponent(h.chat)}/${h.turn}`, 'data-key': `hit ${h.turn}` },
    el('span', { class: 'chat-text' }, el('span', { class: 'chat-title' }, h.speaker || t('you')), el('span', { class: 'chat-last' }, at < 0 ? h.text : [from > 0 && '…', h.text.slice(from, at), el('mark', {}, h.text.slice(at, to)), h.text.slice(to, to + 80)]))));
}
const day = 86400e3;
function era(ms) {
  const midnight = new Date().setHours(0, 0, 0, 0);
  return ms >= midnight ? 'today' : ms >= midnight - day ? 'yesterday' : ms >= midnight - 6 * day ? 'this_week' : 'earlier';
}
function row(c, here) {
  const title = c.title || c.characters.map(id => character(id).name).join(', ') || t('untitled');
  return el('li', { class: 'chat-row' },
    el('a', { href: `#/chat/${encodeURIComponent(c.id)}`, 'aria-current': here ? 'page' : undefined, 'data-key': `chat ${c.id}` },
      el('span', { class: 'stack' }, c.characters.slice(0, 2).map(id => avatar(id, '', 'small'))),
      el('span', { class: 'chat-text' }, el('span', { class: 'chat-title' }, title), el('span', { class: 'chat-last' }, busy.has(c.id) ? t('replying') : c.last))),
    iconButton('more', t('more_of', { name: title }), e => menu(e.currentTarget, t('more'), [
      ['pencil', t('rename'), () => renameChat(c.id)], ['save', t('export_json'), () => exportChat(c, 'json')], ['save', t('export_tavern'), () => exportChat(c, 'sillytavern')], null,
      ['trash', t('delete_chat'), () => removeChat(c.id), 'danger']]), { 'aria-haspopup': 'menu', 'data-key': `more ${c.id}` }));
}

/* ---- the page's own ---- */

function themeButton() {
  const now = setting('theme', 'auto'), order = ['auto', 'light', 'dark'], then = order[(order.indexOf(now) + 1) % 3];
  return [{ auto: 'half', light: 'sun', dark: 'moon' }[now], t(`theme_${now}`), () => {
    keep('theme', then);
    if (then === 'auto') delete document.documentElement.dataset.theme; else document.documentElement.dataset.theme = then;
    rail();
    $('rail').querySelector('.rail-foot button').focus();
  }];
}
const panel = name => import('./panels.js').then(m => m[name](), failed);
export const showKeys = () => panel('showKeys'), showState = () => panel('showState');

on('chats', chats);
on('jobs', jobs);
on('characters', rail);
on('running', map => { busy = map; chats(); });
on('here', chats);
on('rail', open => {
  document.body.classList.toggle('rail-open', open);
  ($(open ? 'rail' : 'main').querySelector('a, button') || document.body).focus();
});
