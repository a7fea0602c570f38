// The first page: who is there to talk to, a scene of several, a card from a file.
import { $, button, el, failed, fill, gradually, icon, iconButton } from './dom.js';
import { t } from './words.js';
import { avatar, emit, hue, keep, poster, setting, store } from './store.js';
import { chooseFile } from './files.js';

const about = id => import('./about.js').then(m => m.about(id), failed);
let chosen = null; // ids for a scene while one is being set; null: none is
let place = '';    // where they are and what is going on, as it was typed
export function sceneOf() { const s = place.trim(); place = ''; return s; }

export function home() {
  chosen = null;
  draw();
}
function draw() {
  const n = store.characters.length, had = $('main').querySelectorAll('.card').length; // as far as somebody has looked
  document.title = 'understudy';
  $('main').className = 'home';
  fill($('main'),
    el('header', { class: 'home-head' }, iconButton('menu', t('open_rail'), () => emit('rail', true), { class: 'icon-button only-narrow' }), el('span', { class: 'only-narrow wordmark' }, 'understudy')),
    el('div', { class: 'hero' }, el('h1', {}, n ? t('hero') : t('hero_empty')), el('p', {}, n ? t('hero_sub') : t('hero_empty_sub'))),
    !setting('welcomed', false) && n > 0 && el('aside', { class: 'welcome', 'aria-label': t('welcome') }, el('p', {}, el('strong', {}, t('welcome')), ' ', t('welcome_text')), iconButton('close', t('close'), e => { keep('welcomed', true); e.currentTarget.parentElement.remove(); })),
    gradually(el('ul', { class: `cards${chosen ? ' choosing' : ''}` }), store.characters, card, t('show_more'), had),
    !chosen && el('div', { class: 'tiles' },
      store.state?.studio && tile('play', t('studio_tile'), t('studio_tile_sub'), () => { location.hash = '#/studio'; }),
      n > 1 && tile('people', t('scene'), t('scene_sub'), () => { chosen = []; draw(); }),
      tile('open', t('bring'), t('bring_sub'), chooseFile)),
    chosen && el('div', { class: 'scene-bar', role: 'group', 'aria-label': t('scene') },
      el('span', { class: 'stack' }, chosen.map(id => avatar(id, '', 'small'))),
      el('p', { role: 'status' }, chosen.length < 2 ? t('scene_choose') : t('scene_n', { n: chosen.length })),
      el('input', { type: 'text', class: 'place', maxlength: '300', placeholder: t('scene_place'), 'aria-label': t('scene_place_label'), value: place, oninput: e => { place = e.target.value; } }),
      button('', t('cancel'), () => { place = ''; home(); }),
      el('button', { type: 'button', class: 'button primary', disabled: chosen.length < 2, onclick: () => { location.hash = `#/new/${chosen.map(encodeURIComponent).join('+')}`; } }, t('scene_start'))));
}
function card(c) {
  const facts = el('p', { class: 'badges' }, el('span', { class: `badge${c.has_adapter ? ' trained' : ''}` }, c.has_adapter ? t('trained') : t('prompt_only')), c.takes > 1 && el('span', { class: 'badge' }, t('takes_n', { n: c.takes })), (c.tags || []).slice(0, 2).map(s => el('span', { class: 'badge' }, s)));
  const words = [el('h2', {}, c.name), c.greeting && el('p', { class: 'greeting' }, c.greeting), facts];
  if (chosen) {
    const on = chosen.includes(c.id);
    return el('li', { class: `card${on ? ' on' : ''}`, vars: { hue: hue(c.id) } }, poster(c), ...words,
      el('div', { class: 'row' }, el('button', { type: 'button', class: `button stretch${on ? ' primary' : ''}`, 'aria-pressed': String(on), 'data-id': c.id, onclick: () => {
        chosen = on ? chosen.filter(x => x !== c.id) : [...chosen, c.id];
        draw();
        $('main').querySelector(`[data-id="${CSS.escape(c.id)}"]`).focus();
      } }, on && icon('check'), el('span', {}, on ? t('on_stage_yes') : t('on_stage_no')))));
  }
  return el('li', { class: 'card', vars: { hue: hue(c.id) } }, poster(c), ...words,
    el('div', { class: 'row' },
      el('a', { class: 'button primary stretch', href: `#/new/${encodeURIComponent(c.id)}`, 'aria-label': t('talk_to', { name: c.name }) }, t('talk')),
      button('info', t('about'), () => about(c.id), { 'aria-label': t('about_title', { name: c.name }) })));
}
const tile = (name, title, text, onclick) => el('button', { type: 'button', class: 'tile', onclick }, icon(name), el('span', { class: 'tile-title' }, title), el('span', { class: 'tile-text' }, text));
