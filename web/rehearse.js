// #/cast/SCRIPT/NAME: what will be learned and what it costs. #/job/ID: the rehearsal (or the audition) as it goes.
import { follow, get, post } from './http.js';
import { announce, button, dialog, el, failed, fill, icon, svg } from './dom.js';
import { number, t } from './words.js';
import { jobLink, jobShare, jobState, loadJobs, meter, store } from './store.js';
import { begin, hero, hueOf, panel, place, road, size, time } from './studio.js';

const address = (...parts) => `#/${parts.map(encodeURIComponent).join('/')}`;

/* ---- #/cast/SCRIPT/NAME ---- */

export async function cast(id, name) {
  const here = begin(), links = { drop: '#/studio', explore: address('script', id, name) }, fields = {};
  place(name, road('cast', links), hero(t('cast_title', { name }), t('cast_counting')), panel('', meter(0, t('cast_counting'))));
  const wish = { names: [name], from: '' }, trained = store.characters.filter(c => c.own && c.has_adapter);
  const ask = () => ({ kind: 'train', script: id, ...wish.names.length > 1 ? { characters: wish.names } : { character: name }, ...wish.from && { continue: wish.from } });
  const refused = e => here() && place(name, road('cast', links), hero(t('cast_title', { name })), el('div', { class: 'notice bad', role: 'alert' }, e.message));
  let plan, others = [];
  try {
    [plan, others] = await Promise.all([post('/api/jobs', { ...ask(), dry: true }), get(`/api/scripts/${encodeURIComponent(id)}`).then(s => (s.found?.people || []).filter(p => !p.joint && p.name !== name && p.lines >= 50).slice(0, 12))]);
  } catch (e) { refused(e); return; }
  if (!here()) return;
  const keep = form => { for (const f of ['persona', 'epochs', 'rank', 'max_steps', 'mode']) fields[f] = new FormData(form).get(f); };
  // What is asked for has changed: counted again, and what was typed stays.
  const again = async form => {
    keep(form);
    form.querySelectorAll('button, select').forEach(b => { b.disabled = true; });
    announce(t('cast_counting'));
    try { plan = await post('/api/jobs', { ...ask(), dry: true }); } catch (e) { failed(e); wish.names = [name]; }
    if (here()) draw();
  };
  const toggle = (who, form) => { wish.names = wish.names.includes(who) ? wish.names.filter(x => x !== who) : [...wish.names, who].slice(0, 8); wish.from = ''; return again(form); };
  const mode = (which, checked) => el('label', { class: 'mode' }, el('input', { type: 'radio', class: 'unseen', name: 'mode', value: which, checked }), el('strong', {}, t(`mode_${which}`)), el('span', { class: 'time' }, t('about_time', { time: time(plan[which].seconds) })), el('span', { class: 'soft' }, t(`mode_${which}_sub`)));
  function draw() {
    const same = plan.quick.epochs === plan.full.epochs, several = wish.names.length > 1, lines = plan.cast.reduce((n, c) => n + c.targets.train, 0);
    const form = el('form', { class: 'fields', onsubmit: async e => {
      e.preventDefault();
      const d = new FormData(form), options = {}, persona = (d.get('persona') || '').trim();
      for (const k of ['epochs', 'rank', 'max_steps']) if (d.get(k)) options[k] = Number(d.get(k));
      form.querySelector('.primary').disabled = true;
      try {
        const job = await post('/api/jobs', { ...ask(), mode: d.get('mode') || 'full', options, ...persona && persona !== plan.persona && { persona } });
        await loadJobs();
        location.hash = jobLink(job);
      } catch (x) { failed(x); form.querySelector('.primary').disabled = false; }
    } },
    same ? el('p', { class: 'notice' }, t('rehearsal_takes', { time: t('about_time', { time: time(plan.full.seconds) }) })) : el('div', { class: 'modes', role: 'radiogroup', 'aria-label': t('step_rehearse') }, mode('quick', fields.mode !== 'full'), mode('full', fields.mode === 'full')),
    el('dl', { class: 'facts' }, [['learns_from', t('lines_n', { n: number(lines) })], ['memory', size(plan.memory_bytes)], ['disk', t('free_of', { n: size(plan.disk_bytes), of: size(plan.free_disk_bytes) })]].map(([k, v]) => el('div', {}, el('dt', {}, t(k)), el('dd', {}, v)))),
    plan.cast.map(c => c.targets.train < 300 && el('p', { class: 'notice' }, several && `${c.character}: `, t('too_few', { n: number(c.targets.train) }))),
    others.length > 0 && el('fieldset', { class: 'plain' }, el('legend', {}, t('teach_too')), el('div', { class: 'chips' }, others.map(p => el('button', { type: 'button', class: 'chip', 'aria-pressed': String(wish.names.includes(p.name)), onclick: () => toggle(p.name, form) }, p.name))), el('p', { class: 'soft' }, t('teach_too_why'))),
    !several && trained.length > 0 && el('label', {}, t('begin_with'), el('select', { onchange: e => { wish.from = e.target.value; again(form); } }, el('option', { value: '' }, t('begin_with_nothing')), trained.map(c => el('option', { value: c.id, selected: c.id === wish.from }, t('begin_with_char', { name: c.name })))), wish.from && el('span', { class: 'soft' }, t('begin_with_why'))),
    !several && !wish.from && el('label', {}, t('persona'), el('textarea', { name: 'persona', rows: '3', maxlength: '2000' }, fields.persona || plan.persona), el('span', { class: 'soft' }, t('persona_why'))),
    el('details', {}, el('summary', {}, t('options')), el('div', { class: 'three' },
      el('label', {}, t('option_epochs'), el('input', { type: 'number', name: 'epochs', min: '0.01', max: '100', step: 'any', value: fields.epochs || '', placeholder: number(plan.full.epochs, 2) })),
      el('label', {}, t('option_rank'), el('input', { type: 'number', name: 'rank', min: '1', max: '256', step: '1', value: fields.rank || '', placeholder: String(plan.rank) })),
      el('label', {}, t('option_steps'), el('input', { type: 'number', name: 'max_steps', min: '1', step: '1', value: fields.max_steps || '', placeholder: String(plan.n_steps) })))),
    el('div', { class: 'center' }, el('button', { class: 'button primary big' }, icon('play'), el('span', {}, t('start_rehearsal')))));
    const title = several ? t('cast_title_all', { names: wish.names.join(', ') }) : t('cast_title', { name });
    place(name, road('cast', links), hero(title), panel('', form));
  }
  draw();
}

/* ---- #/job/ID ---- */

let watching = null; // what is read of the job on the page
export async function job(id) {
  const here = begin();
  watching?.abort();
  const stop = watching = new AbortController(), j = await get(`/api/jobs/${encodeURIComponent(id)}`);
  if (!here()) return;
  const view = j.kind === 'audition' ? auditionView(j) : rehearsalView(j);
  for (let last = ''; here() && !stop.signal.aborted;) {
    try {
      for await (const e of follow(`/api/jobs/${encodeURIComponent(id)}/events`, { signal: stop.signal, last })) {
        if (!here()) { stop.abort(); return; }
        if (e.id) last = e.id;
        view(e);
      }
    } catch (e) { if (e.name === 'AbortError' || e.status === 404) return; }
    await new Promise(r => setTimeout(r, 1200)); // it rests, or the server is gone: it may go on
  }
}
const control = (j, what) => post(`/api/jobs/${j.id}/${what}`).then(now => { Object.assign(j, now); announce(jobState(j)); return loadJobs(); }, failed);
function tools(j, draw) {
  const act = (name, label, what, cls) => button(name, label, () => control(j, what).then(draw), { class: `button ${cls || ''}`, disabled: Boolean(j.wanted) });
  const discard = () => { const box = dialog(t('discard'), [el('p', {}, t('discard_ask')), el('div', { class: 'row end' }, button('', t('cancel'), () => box.close()), button('trash', t('discard'), () => { box.close(); control(j, 'cancel').then(draw); }, { class: 'button primary' }))]); };
  const running = j.state === 'running' || j.state === 'queued', resting = ['paused', 'interrupted', 'failed'].includes(j.state);
  return el('div', { class: 'center' }, running && act('pause', t('pause'), 'pause'), resting && act('play', t('resume'), 'resume', 'primary'),
    j.kind === 'train' && (running || resting) && j.state !== 'queued' && act('check', t('keep_it'), 'keep'), (running || resting) && button('trash', t('discard'), discard, { disabled: Boolean(j.wanted) }));
}

function rehearsalView(j) {
  const steps = [], held = [], samples = new Map(), cast = j.characters || [{ id: j.character, half: j.character, name: j.title }]; // samples: line -> [{ step, reply, bare }]
  let stage = '', n = 0, left = null, speed = 0, base = null, now = 0; // now: which of the cast learns
  const links = { drop: '#/studio', explore: address('script', j.script, cast[0].name), cast: address('cast', j.script, cast[0].name) };
  const next = name => { // another one learns: their curve begins anew
    const at = cast.findIndex(c => c.name === name);
    if (at < 0 || at === now) return;
    now = at;
    steps.length = held.length = 0;
    samples.clear();
    left = base = null;
  };
  const status = el('div', { class: 'status' }), graph = el('div', {}), growth = el('div', { class: 'growth' }), controls = el('div', {}), note = el('div', { 'aria-live': 'polite' }), top = el('div', {});
  place(j.title, road('rehearse', links), top, panel('', status, graph, note, controls), el('section', { class: 'panel', vars: { hue: hueOf(j.title) } }, el('h2', {}, t('same_questions')), growth));
  const draw = () => {
    const at = steps.at(-1)?.[0] || 0, done = j.state === 'done', goes = j.state === 'running' || j.state === 'queued';
    fill(top, hero(t(done ? 'ready_title' : goes ? 'rehearsing' : 'rehearsal_of', { name: done ? j.title : cast[now].name }), !goes ? '' : cast.length > 1 ? `${t('one_of', { k: number(now + 1), n: number(cast.length) })} ${t('close_browser')}` : t('close_browser')));
    fill(status, el('strong', {}, jobState(j)), n > 0 && el('span', {}, t('step_of', { k: number(at), n: number(n) })), j.state === 'running' && stage && el('span', {}, t(`stage_${stage}`)),
      j.state === 'running' && left !== null && el('span', {}, t('time_left', { time: time(left) })), j.state === 'running' && speed > 0 && el('span', {}, t('tokens_s', { n: number(speed) })),
      meter(done ? 1 : n ? at / n : jobShare(j), t('step_rehearse')));
    fill(graph, curve(steps, held, base, n, j.state === 'running'));
    fill(note, j.error && el('p', { class: `notice ${j.state === 'failed' ? 'bad' : ''}`, role: 'alert' }, j.error), j.state === 'interrupted' && !j.error && el('p', { class: 'notice' }, t('interrupted_why')));
    fill(controls, done ? el('div', { class: 'center' }, cast.map(c => el('a', { class: 'button primary big', href: address('premiere', c.id) }, cast.length > 1 ? t('premiere_of', { name: c.name }) : t('open_premiere'))), cast.length === 1 && button('people', t('hear_audition'), () => hear(cast[0].id)))
      : [tools(j, draw), held.length > 0 && j.state !== 'cancelled' && el('div', { class: 'center' }, el('a', { class: 'button', href: address('new', cast[now].half) }, icon('person'), t('talk_now')))]);
    fill(growth, ...[...samples].map(([line, list]) => el('section', {}, el('h3', {}, line), el('ol', {}, picked(list).map(x => el('li', { class: x.bare ? 'bare' : '' }, el('span', {}, x.bare ? t('bare_says') : t('at_step', { n: number(x.step) })), x.reply))))));
    growth.parentElement.hidden = !samples.size;
  };
  draw();
  let drawn = 0, due = 0;
  const soon = () => { clearTimeout(due); due = setTimeout(() => { drawn = Date.now(); draw(); }, Math.max(0, 400 - (Date.now() - drawn))); };
  return ({ event, data }) => {
    if (event === 'job') Object.assign(j, data);
    else if (data.resumed) { stage = 'learning'; }
    else if (data.line !== undefined) { if (!samples.has(data.line)) samples.set(data.line, []); const list = samples.get(data.line).filter(x => x.step < data.step || x.bare !== data.bare); list.push(data); samples.set(data.line, list); }
    else if (data.stage) { stage = data.stage; if (data.character) next(data.character); if (data.n_steps) n = data.n_steps; if (data.seconds && left === null) left = data.seconds; }
    else if (data.done) left = 0;
    else if (data.step) {
      while (steps.length && steps.at(-1)[0] >= data.step) steps.pop(); // what a kill took is learned again
      while (held.length && held.at(-1)[0] >= data.step) held.pop();
      stage = 'learning';
      n = data.n_steps || n;
      if (typeof data.loss === 'number') steps.push([data.step, data.loss]);
      if (typeof data.base_loss === 'number') base = data.base_loss;
      if (typeof data.validation_loss === 'number') held.push([data.step, data.validation_loss]);
      if (typeof data.left_seconds === 'number') left = data.left_seconds;
      if (data.seconds > 0 && data.tokens) speed = speed ? 0.8 * speed + 0.2 * data.tokens / data.seconds : data.tokens / data.seconds;
    }
    soon();
  };
}
// The bare model, the first words, some between, the newest.
function picked(list) {
  const bare = list.filter(x => x.bare).slice(0, 1), own = list.filter(x => !x.bare);
  return [...bare, ...own.length <= 4 ? own : [own[0], own[Math.floor(own.length / 2)], ...own.slice(-2)]];
}
function curve(steps, held, base, n, running) {
  const ys = [...steps.map(p => p[1]), ...held.map(p => p[1]), ...base === null ? [] : [base]];
  if (steps.length < 2) return running && el('p', { class: 'soft' }, t('stage_start'));
  const w = 900, h = 210, left = 38, [y0, y1] = [Math.min(...ys), Math.max(...ys)], x1 = Math.max(n, steps.at(-1)[0]);
  const x = v => (left + (w - left - 6) * v / x1).toFixed(1), y = v => (8 + (h - 30) * (y1 - v) / (y1 - y0 || 1)).toFixed(1);
  const every = Math.ceil(steps.length / 400), thin = steps.filter((_, i) => i % every === 0 || i === steps.length - 1);
  const line = (list, cls) => svg('polyline', { class: cls, points: list.map(p => `${x(p[0])},${y(p[1])}`).join(' ') });
  const now = held.length ? held.reduce((a, b) => b[1] < a[1] ? b : a) : steps.at(-1), marks = [y0, (y0 + y1) / 2, y1];
  return el('figure', { class: 'curve-figure' }, svg('svg', { class: 'graph', viewBox: `0 0 ${w} ${h}`, role: 'img', 'aria-label': t('curve', { from: number(base ?? steps[0][1], 2), to: number(now[1], 2) }) },
    ...marks.flatMap(v => [svg('line', { x1: left, x2: w, y1: y(v), y2: y(v) }), svg('text', { x: 0, y: y(v), dy: '.35em' }, number(v, 2))]),
    line(thin, 'thin'), line(base === null ? held : [[0, base], ...held], 'thick'), ...held.length ? [svg('circle', { cx: x(now[0]), cy: y(now[1]), r: 4.5 })] : []),
  el('figcaption', { class: 'soft' }, held.length ? `${t('loss_now')}: ${number(now[1], 2)} (${t('at_step', { n: number(now[0]) })}). ` : '', t('loss_why')));
}

/* ---- an audition ---- */

export async function hear(id, mode = 'quick') {
  try {
    const j = await post('/api/jobs', { kind: 'audition', id, mode });
    await loadJobs();
    location.hash = jobLink(j);
  } catch (e) { failed(e); }
}
function auditionView(j) {
  const status = el('div', { class: 'status' }), controls = el('div', {}), note = el('div', {}), name = store.characters.find(c => c.id === j.character)?.name || j.title;
  let stage = '', share = 0;
  place(name, road('audition', { drop: '#/studio', premiere: address('premiere', j.character) }), hero(t('audition_of', { name }), t('audition_running')), panel('', status, note, controls));
  const draw = () => {
    if (j.state === 'done') { location.replace(address('premiere', j.character, 'audition')); return; }
    fill(status, el('strong', {}, jobState(j)), stage && el('span', {}, t(`stage_${stage.split(' ')[0]}`)), meter(share, t('step_audition')));
    fill(note, j.error && el('p', { class: 'notice bad', role: 'alert' }, j.error));
    fill(controls, tools(j, draw));
  };
  draw();
  return ({ event, data }) => {
    if (event === 'job') Object.assign(j, data);
    else if (data.stage) { stage = data.stage; share = data.total ? data.done / data.total : share; }
    draw();
  };
}
