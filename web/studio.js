// The studio: #/studio (drop a script; scripts and jobs that are here), #/script/ID (what was found, who is in it).
import { del, get, patch, upload } from './http.js';
import { $, announce, button, dialog, el, failed, fill, icon, iconButton, toast } from './dom.js';
import { addWords, number, t } from './words.js';
import { studioWords } from './words-studio.js';
import './words-more.js';
import { emit, initials, jobLink, jobShare, jobState, loadJobs, meter, shortName, store } from './store.js';

addWords(studioWords);
if (!document.querySelector('link[href="/studio.css"]')) await new Promise(r => document.head.append(el('link', { rel: 'stylesheet', href: '/studio.css', onload: r, onerror: r })));

const address = (...parts) => `#/${parts.map(encodeURIComponent).join('/')}`;
export const place = (title, ...content) => {
  document.title = `${title} · understudy`;
  $('main').className = 'studio';
  fill($('main'), el('header', { class: 'home-head only-narrow' }, iconButton('menu', t('open_rail'), () => emit('rail', true)), el('span', { class: 'wordmark' }, 'understudy')), ...content);
  const nav = $('main').querySelector('.road'), at = nav?.querySelector('[aria-current]'); // on a phone the road is longer than the screen
  if (at) { const [a, b] = [at, nav].map(x => x.getBoundingClientRect()); nav.scrollLeft += a.left + a.width / 2 - b.left - b.width / 2; }
};
export const panel = (title, ...content) => el('section', { class: 'panel' }, title && el('h2', {}, title), ...content);
export const hero = (title, sub) => el('div', { class: 'hero' }, el('h1', { tabindex: '-1' }, title), sub && el('p', {}, sub));
// Where we are; a step that has been there is a way back.
export function road(here, links = {}) {
  return el('nav', { class: 'road', tabindex: '0', 'aria-label': t('road') }, el('ol', {}, ['drop', 'explore', 'cast', 'rehearse', 'audition', 'premiere'].map(step =>
    el('li', {}, step === here ? el('span', { 'aria-current': 'step' }, t(`step_${step}`)) : links[step] ? el('a', { href: links[step] }, t(`step_${step}`)) : el('span', {}, t(`step_${step}`))))));
}
export function time(seconds) {
  if (seconds < 90) return t('seconds_n', { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return t('minutes', { n: Math.round(seconds / 60) });
  return t('hours_n', { h: Math.floor(seconds / 3600), m: Math.round(seconds % 3600 / 60) });
}
export const size = x => x < 1e5 ? t('kilobytes', { n: number(Math.ceil(x / 1e3)) }) : x < 1e9 ? t('megabytes', { n: number(x / 1e6, x < 1e7 ? 1 : 0) }) : t('gigabytes', { n: number(x / 1e9, x < 1e11 ? 1 : 0) });
let shown = 0; // places are drawn when what they show has come; by then the visitor may be elsewhere
export const begin = () => { const mine = ++shown; return () => mine === shown; };

/* ---- #/studio ---- */

let sending = null; // the upload under way: { name, share }
export async function studio() {
  const here = begin();
  if (!store.state.studio) { place(t('studio'), hero(t('studio'), t('studio_off'))); return; }
  const scripts = el('div'), jobs = el('div'), kept = el('div', { class: 'apart' }), leftOut = el('div', { class: 'apart' });
  place(t('studio'), road('drop'), hero(t('studio'), t('studio_sub')), dropZone(), el('div', { class: 'grid apart' }, scripts, jobs), leftOut, kept);
  drawJobs(jobs);
  if (store.leftOut.length) leftOut.replaceChildren(panel(t('left_out'), el('p', { class: 'soft' }, t('left_out_why')), el('ul', { class: 'list' }, store.leftOut.map(x => el('li', {}, unreadable(x.folder, x.error))))));
  drawKept(kept, here);
  const { scripts: list, quota_bytes } = await get('/api/scripts');
  if (!here()) return;
  list.sort((a, b) => b.created_ms - a.created_ms);
  if (list.length) scripts.replaceChildren(panel(t('your_scripts'),
    el('ul', { class: 'list' }, list.map(s => el('li', {}, s.broken ? unreadable(s.name, s.error) : el('a', { href: address('script', s.id) }, el('strong', {}, s.name), el('span', { class: 'soft' }, `${size(s.disk_bytes)} · ${new Date(s.created_ms).toLocaleDateString()}`)),
      iconButton('trash', t('delete_script', { name: s.name }), () => del(`/api/scripts/${s.id}`).then(() => { toast(t('script_deleted')); studio(); }, failed))))),
    el('p', { class: 'soft' }, t('kept_bytes', { n: size(list.reduce((n, s) => n + s.disk_bytes, 0)), of: size(quota_bytes) }))));
}
// What lies in the data folder and cannot be read: there is nothing to open, only why.
const unreadable = (name, error) => el('div', {}, el('strong', {}, name), el('span', { class: 'soft' }, error));
function drawJobs(box) {
  const list = [...store.jobs].reverse();
  box.replaceChildren(...list.length ? [panel(t('your_jobs'), el('ul', { class: 'list' }, list.map(j => el('li', {},
    j.broken ? unreadable(j.title, j.error) : el('a', { href: jobLink(j) }, el('strong', {}, j.title), el('span', { class: 'soft' }, `${t(`step_${j.kind === 'train' ? 'rehearse' : 'audition'}`)} · ${jobState(j)}`), ['running', 'queued', 'paused', 'interrupted'].includes(j.state) && meter(jobShare(j), j.title)),
    ['done', 'failed', 'cancelled'].includes(j.state) && iconButton('close', t('forget_job'), () => del(`/api/jobs/${j.id}`).then(loadJobs).then(() => drawJobs(box), failed))))))] : []);
}
// What all of it takes on the disk; what can be made again, or was thrown away, can go.
async function drawKept(box, here) {
  const { kept, free_bytes } = await get('/api/storage').catch(() => ({ kept: [] }));
  if (!here()) return;
  const wipe = what => { const ask = dialog(t(`wipe_${what}`), [el('p', {}, t(`wipe_${what}_ask`)), el('div', { class: 'row end' }, button('', t('cancel'), () => ask.close()), button('trash', t(`wipe_${what}`), () => { ask.close(); del(`/api/storage/${what}`).then(() => drawKept(box, here), failed); }, { class: 'button primary' }))]); };
  box.replaceChildren(...kept.some(k => k.n) ? [el('section', { class: 'panel' }, el('details', {}, el('summary', {}, t('kept_here', { n: size(kept.reduce((n, k) => n + k.bytes, 0)), of: size(free_bytes) })),
    el('ul', { class: 'list' }, kept.filter(k => k.n).map(k => el('li', {}, el('span', { class: 'kept' }, el('strong', {}, t(`kept_${k.what}`)), el('span', { class: 'soft' }, `${number(k.n)} · ${size(k.bytes)}`)), k.deletable && iconButton('trash', t(`wipe_${k.what}`), () => wipe(k.what))))),
    !store.state.public && el('div', { class: 'center' }, el('a', { class: 'button', href: '/api/backup', download: `understudy-${new Date().toISOString().slice(0, 10)}.tar.gz` }, icon('save'), t('backup'))), !store.state.public && el('p', { class: 'soft' }, t('backup_why'))))] : []);
}
function dropZone() {
  const input = el('input', { type: 'file', class: 'unseen', tabindex: '-1', 'aria-hidden': 'true', onchange: () => input.files[0] && bring(input.files[0]) });
  return el('div', { class: 'drop-zone', id: 'drop-zone' }, icon('open'), el('h2', {}, t('drop_script')), el('p', { class: 'soft' }, t('drop_script_sub')), input,
    el('div', { class: 'row' }, button('', t('choose_script'), () => input.click(), { class: 'button primary big' }), button('play', t('sample_script'), sample, { title: t('sample_why') })),
    el('p', { class: 'soft' }, t('whose_scripts')), el('div', { class: 'progress-place', 'aria-live': 'polite' }));
}
async function sample() {
  try {
    const text = await (await fetch('/sample.csv')).blob();
    await bring(new File([text], 'the-night-shift.csv'));
  } catch (e) { failed(e); }
}
// A script into the studio; then what is in it. Called for files dropped anywhere, too.
export async function bring(file) {
  if (sending) return;
  if (!file.size) { failed(new Error(t('empty_file', { name: file.name }))); return; }
  if (location.hash !== '#/studio') { location.hash = '#/studio'; await new Promise(r => setTimeout(r, 60)); }
  sending = { name: file.name, share: 0 };
  const draw = () => document.querySelector('.progress-place')?.replaceChildren(...sending ? [el('p', {}, sending.share < 1 ? t('uploading', { name: sending.name, p: Math.round(100 * sending.share) }) : t('reading_script')), meter(sending.share, sending.name)] : []);
  draw();
  try {
    const made = await upload(`/api/scripts?name=${encodeURIComponent(file.name)}`, file, share => { sending.share = share; draw(); });
    location.hash = address('script', made.id);
  } catch (e) {
    failed(e);
  } finally {
    sending = null;
    draw();
  }
}

/* ---- #/script/ID ---- */

export async function script(id) {
  const here = begin();
  place(t('step_explore'), road('explore', { drop: '#/studio' }), hero(t('reading_script')));
  const s = await get(`/api/scripts/${encodeURIComponent(id)}`);
  if (here()) drawScript(s);
}
function drawScript(s) {
  const f = s.found, o = s.options || {};
  const change = async options => {
    try { drawScript(await patch(`/api/scripts/${s.id}`, { options: { ...o, ...options } })); announce(t('found_title')); } catch (e) { failed(e); }
  };
  place(s.name, road('explore', { drop: '#/studio' }), hero(s.name, f && [t('lines_n', { n: number(f.lines) }), t('scenes_n', { n: number(f.scenes) })].join(' · ')),
    s.error && el('div', { class: 'notice bad', role: 'alert' }, el('strong', {}, t('not_readable')), el('p', {}, s.error)),
    f?.damage && el('div', { class: 'notice bad', role: 'alert' }, el('p', {}, f.damage), el('label', { class: 'check' }, el('input', { type: 'checkbox', checked: o.accept_damage === true, onchange: e => change({ accept_damage: e.target.checked }) }), t('accept_damage'))),
    s.error?.replace(s.name, '').includes('column') && panel(t('columns'), columnPicker(s, change)),
    f && people(s, change),
    f && el('div', { class: 'grid apart' }, found(s), repairs(s, change)));
}
function columnPicker(s, change) {
  const names = [...new Set([...(s.error || '').matchAll(/'([^']{1,80})'/g)].map(m => m[1]))], list = 'columns-there';
  const field = which => el('label', {}, t(`column_${which}`), el('input', { type: 'text', list, name: which, placeholder: t('column_auto'), value: s.options?.columns?.[which] || '' }));
  return el('form', { class: 'fields', onsubmit: e => { e.preventDefault(); change({ columns: Object.fromEntries([...new FormData(e.target)].filter(([, v]) => v.trim())) }); } },
    el('datalist', { id: list }, names.map(n => el('option', { value: n }))), field('speaker'), field('text'), el('div', { class: 'row' }, el('button', { class: 'button primary' }, t('read_again'))));
}
// Other shapes that it might have, "name (how well it fits)", if they fit nearly as well.
const near = others => others && Number(others.match(/\(([\d.]+)\)/)?.[1] ?? 1) >= 0.5 && t('perhaps', { others });
function found({ found: f }) {
  const facts = [['rows', f.rows], ['found_lines', f.lines], ['found_people', f.speakers], ['found_scenes', f.scenes], ['found_unnamed', f.unnamed], ['found_rejected', f.rejected]].filter(([k, v]) => v > 0 || k === 'found_lines');
  return panel(t('found_title'),
    f.sources?.map((x, _, all) => el('p', { class: 'soft' }, [all.length > 1 && x.name, x.about, x.encoding + (x.guessed ? ' (?)' : ''), near(x.others)].filter(Boolean).join(' · '))),
    el('dl', { class: 'facts' }, facts.map(([k, v]) => el('div', {}, el('dt', {}, t(k)), el('dd', {}, number(v))))),
    el('h2', { class: 'apart' }, t('first_rows')),
    el('dl', { class: 'lines' }, f.first.slice(0, 10).map(l => el('div', {}, el('dt', { title: l.speaker || '' }, l.speaker || '–'), el('dd', {}, l.text)))));
}
function repairs({ found: f, options }, change) {
  const off = new Set(options?.off || []), rules = Object.entries(f.repairs).filter(([rule, n]) => n > 0 || off.has(rule));
  return panel(t('repairs_title'), rules.length ? el('div', { class: 'repairs' }, rules.map(([rule, n]) => el('label', { class: 'check' },
    el('input', { type: 'checkbox', checked: !off.has(rule), onchange: e => { e.target.checked ? off.delete(rule) : off.add(rule); change({ off: [...off] }); } }), t(`repair_${rule}`), el('span', { class: 'n' }, number(n)))))
    : el('p', { class: 'soft' }, t('repairs_none')),
    f.examples.length > 0 && el('details', {}, el('summary', {}, t('examples')), el('ul', { class: 'examples' }, f.examples.map(x => el('li', {}, el('span', { class: 'soft' }, `${x.row} · ${t(`repair_${x.rule}`)} `), el('del', {}, x.before), ' ', el('ins', {}, x.after))))));
}
let byWords = false, many = false;
function people(s, change) {
  const f = s.found, o = s.options || {}, aliases = o.aliases || {}, excluded = new Set(o.exclude || []);
  const all = f.people.filter(p => !p.joint).sort((a, b) => byWords ? b.words - a.words : b.lines - a.lines), most = Math.max(1, ...all.map(p => byWords ? p.words : p.lines));
  const list = all.slice(0, many ? 300 : 12), join = a => change({ aliases: { ...aliases, [a.to]: [...(aliases[a.to] || []), a.from] } });
  const doubtful = f.aliases.filter(a => a.score >= 0.5).slice(0, 8), narrators = (f.no_speakers || []).filter(n => !excluded.has(n)).slice(0, 6);
  const sort = (which, on) => el('button', { type: 'button', class: 'chip', 'aria-pressed': String(byWords === on), onclick: () => { byWords = on; drawScript(s); } }, t(which));
  if (!all.length && !excluded.size) return el('p', { class: 'notice' }, t('no_names'));
  return panel(t('who_is_who'), el('p', { class: 'soft' }, t('who_is_who_sub')), el('div', { class: 'chips sorts' }, sort('by_lines', false), sort('by_words', true)),
    el('div', { class: 'people' }, list.map(p => el('a', { class: 'person', href: address('script', s.id, p.name), vars: { hue: hueOf(p.name) } },
      el('span', { class: 'avatar', 'aria-hidden': 'true', 'data-initials': initials(p.name) }), el('strong', {}, p.name),
      el('span', { class: 'soft' }, `${t('lines_n', { n: number(p.lines) })} · ${t('words_n', { n: number(p.words) })}${p.lines < 300 ? ` · ${t('few_lines')}` : ''}`), meter((byWords ? p.words : p.lines) / most, p.name)))),
    all.length > list.length && el('div', { class: 'center' }, button('down', t('show_more_people', { n: all.length - list.length }), () => { many = true; drawScript(s); })),
    doubtful.length > 0 && [el('h2', { class: 'apart' }, t('same_person')), el('div', { class: 'chips' }, doubtful.map(a => el('button', { type: 'button', class: 'chip', onclick: () => join(a) }, t('same_join', a))))],
    (narrators.length > 0 || excluded.size > 0) && [el('h2', { class: 'apart' }, t('not_a_speaker')), el('div', { class: 'chips' },
      narrators.map(n => el('button', { type: 'button', class: 'chip', 'aria-pressed': 'false', onclick: () => change({ exclude: [...excluded, n] }) }, n)),
      [...excluded].map(n => el('button', { type: 'button', class: 'chip', 'aria-pressed': 'true', title: t('speaker_again'), onclick: () => change({ exclude: [...excluded].filter(x => x !== n) }) }, n)))]);
}
export const hueOf = name => [...name].reduce((h, c) => (h * 31 + c.codePointAt(0)) % 360, 7);

/* ---- #/script/ID/NAME: one of them ---- */

export async function person(id, name) {
  const here = begin(), url = `/api/scripts/${encodeURIComponent(id)}`, who = `?character=${encodeURIComponent(name)}`, links = { drop: '#/studio', explore: address('script', id) };
  place(name, road('explore', links), hero(name, t('growing')));
  const r = await get(`${url}/explore${who}`);
  if (!here()) return;
  const c = r.character, quotes = list => el('div', { class: 'quotes' }, list.slice(0, 10).map(x => el('button', { type: 'button', class: 'quote', onclick: () => lines(id, name, x.text) }, x.text, el('small', {}, `${number(x.n)}×`))));
  const most = Math.max(1, ...r.talks_to.map(x => x.n)), cloud = el('img', { class: 'cloud', alt: t('cloud_of', { name }), src: `${url}/files/cloud.svg${who}` });
  place(name, road('explore', links), el('div', { class: 'hero', vars: { hue: hueOf(name) } }, el('h1', {}, name), el('p', {}, [t('lines_n', { n: number(c.lines) }), t('words_n', { n: number(c.words) }), t('scenes_n', { n: number(c.scenes) })].join(' · ')),
    el('a', { class: 'button primary big', href: address('cast', id, name) }, t('teach', { name: shortName(name) }))),
  c.lines < 300 && el('p', { class: 'notice' }, t('too_few', { n: number(c.lines) })),
  panel('', cloud, el('div', { class: 'center' }, el('a', { class: 'button', href: `${url}/files/cloud.png${who}`, download: `${name}.png` }, icon('save'), t('download_cloud')), el('a', { class: 'button', href: `${url}/files/index.html${who}`, download: `${name}.html` }, icon('save'), t('download_report')))),
  el('div', { class: 'grid apart' },
    r.catch_phrases.length > 0 && el('section', { class: 'panel', vars: { hue: hueOf(name) } }, el('h2', {}, t('catch_phrases')), quotes(r.catch_phrases)),
    r.keywords.length > 0 && el('section', { class: 'panel', vars: { hue: hueOf(name) } }, el('h2', {}, t('own_words')), quotes(r.keywords)),
    r.talks_to.length > 0 && panel(t('answers_whom'), el('div', { class: 'compare-bars' }, r.talks_to.slice(0, 8).map(x => el('div', {}, el('span', {}, x.name), meter(x.n / most, x.name), el('span', {}, number(x.n))))))));
}
// The real lines behind a phrase, from the script's own report.
async function lines(id, name, phrase) {
  try {
    const { lines: list } = await get(`/api/scripts/${encodeURIComponent(id)}/lines?character=${encodeURIComponent(name)}&text=${encodeURIComponent(phrase)}`);
    dialog(`“${phrase}”`, el('dl', { class: 'lines' }, list.map(l => el('div', {}, el('dt', {}, l.before_speaker || ''), el('dd', { class: 'soft' }, l.before || ''), el('dt', {}, name), el('dd', {}, l.text)))), { wide: true });
  } catch (e) { failed(e); }
}
