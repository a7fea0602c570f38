// Start, addresses (#/ the cast, #/new/IDS a chat not yet begun, #/chat/ID, the studio's places), keys, and the question for the API key.
import { get, onKeyNeeded } from './http.js';
import { $, button, decoded, dialog, el, failed } from './dom.js';
import { language, t } from './words.js';
import { emit, loadCharacters, loadChats, loadJobs, on, setting, store } from './store.js';
import { rail, showKeys } from './rail.js';
import { home, sceneOf } from './home.js';
import { draw, isBusy, leave, onStage, openChat, openDraft, shortcuts, stop } from './stage.js';
import { acceptDrops } from './files.js';
import { listen } from './live.js';

// The places of the studio, whose modules come when one is asked for.
const places = {
  studio: () => import('./studio.js').then(m => m.studio()),
  script: (id, name) => import('./studio.js').then(m => name ? m.person(id, name) : m.script(id)),
  cast: (id, name) => import('./rehearse.js').then(m => m.cast(id, name)),
  job: id => import('./rehearse.js').then(m => m.job(id)),
  premiere: (id, part) => import('./premiere.js').then(m => m.premiere(id, part)),
};
let routes = 0;
async function route() {
  const mine = ++routes;
  document.body.classList.remove('rail-open');
  document.querySelectorAll('dialog[open]').forEach(d => d.close());
  const [, kind = '', rest = ''] = location.hash.match(/^#\/([a-z]+)(?:\/(.+))?$/) || [], parts = rest.split('/').map(decoded);
  try {
    if (kind === 'chat' && rest) await openChat(parts[0], parts[1]);
    else if (kind === 'new') openDraft(rest.split('+').map(decoded), sceneOf());
    else if (places[kind]) { leave(); $('main').scrollTop = 0; const drawn = places[kind](...parts); if (kind !== 'job') await drawn; else drawn.catch(failed); }
    else { leave(); home(); }
  } catch (e) {
    if (mine !== routes) return; // an address that is no longer wanted
    if (e.status === 404) { location.hash = '#/'; failed(kind === 'chat' ? new Error(t('error_gone')) : e); } else broken(e);
  }
  rail();
}

function askKey(wrong) {
  return new Promise(resolve => {
    let given = null;
    const field = el('input', { type: 'password', autocomplete: 'off', 'aria-label': t('key'), autofocus: true, required: true });
    const box = dialog(t('key_title'), [
      el('p', {}, wrong ? t('key_wrong') : t('key_why')),
      el('form', { class: 'row', onsubmit: e => { e.preventDefault(); given = field.value.trim(); box.close(); } }, field, el('button', { class: 'button primary' }, t('ok'))),
    ], { onclose: () => resolve(given) });
  });
}

const keys = { '/': 'write', r: 'again', e: 'editLast', d: 'direction', c: 'compare', p: 'prompt', t: 'takes', a: 'about' };
function pressed(e) {
  const typing = e.target.closest('input, textarea, select, [role=menu]'), open = document.querySelector('dialog[open], :popover-open');
  if (e.key === 'Escape' && !open && isBusy()) { stop(); return; }
  if (typing || open || e.ctrlKey || e.metaKey || e.altKey) return;
  if (onStage() && (e.key === 'ArrowLeft' || e.key === 'ArrowRight')) { shortcuts.take(e.key === 'ArrowRight' ? 1 : -1); return; }
  if (!setting('keys', true)) return;
  // The place of the key counts too, so that they work under a Russian layout.
  const key = e.key === '?' || e.key === '/' ? e.key : /^Key[A-Z]$/.test(e.code) ? e.code[3].toLowerCase() : e.key;
  if (key === '?') showKeys();
  else if (key === 'n') location.hash = '#/';
  else if (onStage() && keys[key]) shortcuts[keys[key]]();
  else return;
  e.preventDefault();
}

function relabel() {
  document.documentElement.lang = language();
  $('skip').textContent = t('skip');
}
async function start() {
  relabel();
  onKeyNeeded(askKey);
  acceptDrops();
  $('skip').addEventListener('click', e => { e.preventDefault(); $('main').focus(); });
  $('veil').addEventListener('click', () => emit('rail', false));
  addEventListener('hashchange', route);
  addEventListener('keydown', pressed);
  on('language', () => { relabel(); rail(); if (onStage()) draw(); else route(); });
  on('characters', () => { if (!onStage() && /^(#\/?)?$/.test(location.hash)) home(); });
  try {
    store.state = await get('/api/state');
    await Promise.all([loadCharacters(), loadChats(), loadJobs().catch(() => {})]);
    await route();
    listen(store.state.last_event); // what has changed since is told first
    // What opens over the page comes when the page stands there, so that it is there when the server is gone.
    for (const later of ['panels', 'about', 'share']) import(`./${later}.js`).catch(() => {});
  } catch (e) {
    broken(e);
  }
}
// Nothing can be shown: what happened, and a way to try again.
function broken(e) {
  $('main').className = 'home';
  $('main').replaceChildren(el('div', { class: 'hero' }, el('h1', {}, t('error_start')), el('p', { role: 'alert' }, e.message), button('again', t('retry'), () => location.reload(), { class: 'button primary' })));
}
start();
