// #/premiere/ID: the poster, Talk, the verdicts of the audition; the character can be changed and put away.
import { base64, del, get, patch, post } from './http.js';
import { button, dialog, el, failed, icon, toast } from './dom.js';
import { number, t } from './words.js';
import { character, firstName, hue, loadCharacters, meter, poster, store } from './store.js';
import { begin, hero, place, road } from './studio.js';
import { hear } from './rehearse.js';
import { auditioned } from './about.js';
import { exportCard } from './files.js';

const address = (...parts) => `#/${parts.map(encodeURIComponent).join('/')}`;

export async function premiere(id, part) {
  const here = begin(), url = `/api/characters/${encodeURIComponent(id)}`, c = await get(url);
  if (!here()) return;
  const links = { drop: '#/studio', audition: address('premiere', id, 'audition'), premiere: address('premiere', id) };
  if (part === 'audition') {
    place(c.name, road('audition', links), hero(t('audition_of', { name: c.name })), c.audition ? verdicts(c) : '',
      el('div', { class: 'center' }, el('a', { class: 'button primary big', href: address('premiere', id) }, t('open_premiere')), store.state.studio && c.origin && button('people', t(c.audition ? 'full_audition' : 'hear_audition'), () => hear(id, c.audition ? 'full' : 'quick'))));
    return;
  }
  place(c.name, road('premiere', links), el('div', { class: 'premiere', vars: { hue: hue(id) } }, el('p', { class: 'tonight' }, t('tonight')), poster(character(id)), el('h1', {}, c.name), c.greeting && el('p', { class: 'greeting' }, c.greeting),
    el('div', { class: 'center' }, el('a', { class: 'button primary big', href: address('new', id) }, icon('person'), t('premiere_talk', { name: firstName(c) }))),
    el('div', { class: 'center' }, !c.audition && c.origin && button('people', t('hear_audition'), () => hear(id)), c.own && button('pencil', t('change_character'), () => change(c)), button('save', t('card_png'), () => exportCard(id, 'png')), button('save', t('card_json'), () => exportCard(id, 'json')),
      c.has_adapter && el('a', { class: 'button', href: `${url}/adapter.gguf`, download: `${id}.gguf` }, icon('save'), t('adapter_file')),
      c.has_adapter && store.state.studio && [el('a', { class: 'button', href: `${url}/peft.zip`, download: `${id}-peft.zip` }, icon('save'), t('peft_file')), el('a', { class: 'button', href: `${url}/merged.gguf`, download: `${id}-merged.gguf`, title: t('merged_why') }, icon('save'), t('merged_file'))],
      c.own && c.origin && el('a', { class: 'button', href: address('cast', c.origin.script, c.origin.character) }, icon('again'), t('teach_again')), c.own && button('trash', t('delete_char'), () => remove(c)))),
  c.audition && verdicts(c));
}

/* ---- five plain verdicts; each measure is a share, of which "good" is its complement where less is better ---- */

const plain = [
  ['verdict_character', f => low(f.leaks_all || f.leaks_provoked || f.leaks), ['leaks', 'leaks_provoked']],
  ['verdict_one', f => low(f.other_speaker), ['other_speaker']],
  ['verdict_loops', f => low(f.loops), ['loops']],
  ['verdict_answers', f => f.r10],
  ['verdict_style', f => f.style_single || f.style],
];
const low = m => typeof m?.value === 'number' ? { ...m, value: 1 - m.value, low: typeof m.high === 'number' ? 1 - m.high : undefined, high: typeof m.low === 'number' ? 1 - m.low : undefined } : null;
const percent = x => `${Math.round(100 * x)} %`;
function verdicts(c) {
  const f = c.audition.figures || {}, who = ['adapter', 'base', 'real'].filter(w => f[w]), names = { adapter: firstName(c), base: t('heard_base'), real: t('heard_real') };
  const flagged = rules => (c.audition.flagged || []).filter(x => x.who === 'adapter' && rules?.includes(x.rule)).slice(0, 8);
  const quoted = list => list.length > 0 && el('details', {}, el('summary', {}, t('flagged_n', { n: list.length })), el('dl', { class: 'lines' }, list.map(x => el('div', {}, el('dt', {}, x.prompt), el('dd', {}, x.reply)))));
  const rows = plain.map(([name, get, rules]) => [name, who.map(w => [w, get(f[w])]).filter(([, m]) => typeof m?.value === 'number'), flagged(rules)]).filter(([, list]) => list.some(([w]) => w === 'adapter'));
  return el('section', { class: 'panel', vars: { hue: hue(c.id) } }, el('h2', {}, t('audition')), f.adapter?.other_speaker?.n < 20 && el('p', { class: 'notice' }, t('few_judged', { n: number(f.adapter.other_speaker.n) })), el('div', { class: 'verdicts' }, rows.map(([name, list, flags]) => {
    const own = list.find(([w]) => w === 'adapter')[1];
    return el('section', { class: 'verdict' }, el('h3', {}, t(name), el('span', { title: typeof own.low === 'number' ? t('verdict_range', { a: Math.round(100 * own.low), b: Math.round(100 * own.high) }) : '' }, percent(own.value))),
      typeof own.low === 'number' && typeof own.high === 'number' && el('p', { class: 'soft' }, t('verdict_range', { a: Math.round(100 * own.low), b: Math.round(100 * own.high) })),
      el('div', { class: 'compare-bars' }, list.map(([w, m]) => el('div', { class: w === 'adapter' ? '' : 'other' }, el('span', {}, names[w]), meter(m.value, names[w]), el('span', {}, percent(m.value))))), quoted(flags));
  })), el('details', {}, el('summary', {}, t('whole_table')), auditioned(c.audition)));
}

/* ---- changing ---- */

function change(c) {
  const name = el('input', { type: 'text', maxlength: '100', required: true, value: c.name }), greeting = el('textarea', { rows: '2', maxlength: '4000' }, c.card?.data?.first_mes || ''), persona = el('textarea', { rows: '4', maxlength: '20000' }, c.description || ''), picture = el('input', { type: 'file', accept: 'image/png' });
  const box = dialog(t('change_character'), el('form', { class: 'fields', onsubmit: async e => {
    e.preventDefault();
    try {
      await patch(`/api/characters/${encodeURIComponent(c.id)}`, { name: name.value.trim(), greeting: greeting.value, persona: persona.value, ...picture.files[0] && { picture_base64: await base64(picture.files[0]) } });
      await loadCharacters();
      box.close();
      premiere(c.id);
    } catch (x) { failed(x); }
  } }, el('label', {}, t('char_name'), name), el('label', {}, t('char_greeting'), greeting), el('label', {}, t('char_persona'), persona), el('label', {}, t('char_picture'), picture), el('button', { class: 'button primary' }, t('save'))));
}
async function remove(c) {
  const url = `/api/characters/${encodeURIComponent(c.id)}`;
  try {
    await del(url);
    location.hash = '#/';
    await loadCharacters();
    toast(t('char_deleted', { name: c.name }), { action: t('undo'), onaction: () => post(`${url}/restore`).then(loadCharacters).then(() => { location.hash = address('premiere', c.id); }).catch(failed) });
  } catch (e) { failed(e); }
}
