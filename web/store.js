// What the page knows of the server, and small settings of this browser. Views listen for changes.
import { get, picture } from './http.js';
import { el } from './dom.js';
import { t } from './words.js';

export const store = { state: null, characters: [], leftOut: [], chats: [], jobs: [], look: 0 };
const bus = new EventTarget();
export const on = (name, f) => bus.addEventListener(name, e => f(e.detail));
export const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

export async function loadCharacters() {
  const was = JSON.stringify(store.characters);
  ({ characters: store.characters, left_out: store.leftOut = [] } = await get('/api/characters'));
  if (JSON.stringify(store.characters) !== was) store.look++; // what is drawn of them is drawn anew
  giveColours();
  emit('characters');
}
let wanted = 200; // chats of the list; whoever looks further gets them all
export async function loadChats() {
  const { chats, total } = await get(`/api/chats?limit=${wanted}`);
  store.chats = chats;
  store.moreChats = total - chats.length;
  emit('chats');
}
export const loadAllChats = () => { wanted = 999999999; return loadChats(); };
export async function loadJobs() {
  if (!store.state?.studio) return;
  store.jobs = (await get('/api/jobs')).jobs;
  emit('jobs');
}
// A character may be gone although a chat still names it.
export const character = id => store.characters.find(c => c.id === id) || { id, name: id, cast: [], tags: [], gone: true, takes: 1 };
// A title or an initial is no first name (src/text/fold.c).
export const shortName = name => /^(?!(the|mrs?|ms|dr|miss|sir|lady|lord|frau|herr|der|die|das) )\S+[^ .](?= )/i.exec(name)?.[0] ?? name;
export const firstName = c => shortName(c.name);

/* ---- settings ---- */

export function setting(name, fallback) {
  try { const v = localStorage.getItem(name); return v === null ? fallback : JSON.parse(v); } catch { return fallback; }
}
export function keep(name, value) {
  try { localStorage.setItem(name, JSON.stringify(value)); } catch { /* private window: it holds until the page is closed */ }
}

/* ---- the look of a character ---- */

// Each character keeps a colour of its own: the one that its id points to, or the next that is free.
const hues = [150, 200, 50, 305, 250, 85, 120, 25, 275, 350], colours = new Map(), letters = new Map();
function giveColours() {
  colours.clear();
  letters.clear();
  const taken = new Set(), used = new Set();
  for (const c of store.characters) {
    let slot = [...c.id].reduce((h, x) => (h * 31 + x.codePointAt(0)) % 9973, 7) % hues.length;
    for (let i = 0; i < hues.length && taken.has(slot); i++) slot = (slot + 1) % hues.length;
    taken.add(slot);
    colours.set(c.id, hues[slot]);
    // And letters of their own: two who would have the same ones get other ones of their name.
    const first = [...c.name.replace(/\s+/g, '')], mine = [initials(c.name), ...first.slice(1).map(x => (first[0] + x).toUpperCase())].find(x => !used.has(x)) ?? initials(c.name);
    used.add(mine);
    letters.set(c.id, mine);
  }
}
export const hue = id => colours.get(id) ?? 60;

export const initials = name => name.split(/\s+/).map(w => [...w][0] || '').slice(0, 2).join('').toUpperCase();

// A round picture: the character's own, or its initials. A wide picture (a word cloud) is too fine for that size.
export function avatar(id, name, cls = '') {
  const c = character(id), box = el('span', { class: `avatar ${cls}`, 'aria-hidden': 'true', 'data-initials': letters.get(id) ?? initials(name || c.name), vars: { hue: hue(id) } });
  if (c.picture && c.face) picture(el('img', { alt: '', onload: e => { if (!isWide(e.target)) { box.replaceChildren(e.target); box.classList.add('pictured'); } } }), c.picture);
  return box;
}
// The large one, as on a playbill.
export function poster(c, url = c.picture) {
  const box = el('span', { class: 'poster', vars: { hue: hue(c.id) } }, el('span', { class: 'monogram', 'aria-hidden': 'true' }, letters.get(c.id) ?? initials(c.name)));
  if (url) picture(el('img', { alt: '', onload: e => { const img = e.target, square = !isWide(img) && img.naturalHeight < img.naturalWidth * 1.2; box.replaceChildren(...square ? [el('img', { alt: '', class: 'behind', src: img.src })] : [], img); box.classList.add(isWide(img) ? 'wide' : square ? 'square' : 'tall'); } }), url);
  return box;
}
const isWide = img => img.naturalWidth > img.naturalHeight * 1.05;

/* ---- jobs ---- */

export const meter = (share, label) => el('span', { class: 'meterbar', role: 'progressbar', 'aria-label': label, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': String(Math.round(100 * share)) }, el('span', { vars: { share: share.toFixed(3) } }));
export const jobLink = j => `#/job/${j.id}`;
export const jobState = j => j.wanted ? t(`wanted_${j.wanted}`) : t(`state_${j.state}`);
export const jobShare = j => j.state === 'done' ? 1 : j.progress?.n_steps ? (j.progress.step || 0) / j.progress.n_steps : j.progress?.total ? j.progress.done / j.progress.total : 0;
