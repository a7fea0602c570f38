// The chat page. Model text is only ever set as textContent. The chat lives in this browser's localStorage.
'use strict';
const words = {
  en: { strength: 'strength', fresh: 'New chat', send: 'Send', stop: 'Stop', again: 'Another take', line: 'Say something…', who: 'Who are you?', thinking: 'thinking…', failed: 'That went wrong: ' },
  ru: { strength: 'сила', fresh: 'Новый чат', send: 'Сказать', stop: 'Стоп', again: 'Ещё вариант', line: 'Скажите что-нибудь…', who: 'Кто вы?', thinking: 'думает…', failed: 'Не получилось: ' },
}[navigator.language.startsWith('ru') ? 'ru' : 'en'];
const $ = id => document.getElementById(id);
let turns = [], cast = [], abort = null;

function element(tag, cls, text) {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text;
  return e;
}
function button(label, title, action) {
  const b = element('button', '', label);
  b.title = title; b.ariaLabel = title; b.onclick = action;
  return b;
}
const keep = () => localStorage.setItem('chat', JSON.stringify({ model: $('model').value, who: $('who').value, turns }));
const current = () => cast.find(c => c.id === $('model').value) || {};

function show() {
  const log = $('log');
  log.replaceChildren();
  if (current().greeting) log.append(turn({ role: 'assistant', takes: [current().greeting], at: 0 }, false));
  turns.forEach((t, i) => log.append(turn(t, i === turns.length - 1)));
  log.scrollTop = log.scrollHeight;
}
function turn(t, last) {
  const box = element('div', 'turn ' + t.role);
  box.append(element('div', 'text', t.takes[t.at] || words.thinking));
  if (t.role === 'assistant' && last && !abort) {
    const tools = element('div', 'tools');
    const move = d => { t.at = (t.at + d + t.takes.length) % t.takes.length; keep(); show(); };
    if (t.takes.length > 1) tools.append(button('‹', '‹', () => move(-1)), element('span', '', `${t.at + 1}/${t.takes.length}`), button('›', '›', () => move(1)));
    tools.append(button('↻ ' + words.again, words.again, () => reply(t)));
    box.append(tools);
  }
  return box;
}
async function reply(t) {
  if (abort) return;
  const before = turns.slice(0, turns.indexOf(t));
  const messages = before.map(x => ({ role: x.role, content: x.takes[x.at] }));
  abort = new AbortController();
  t.at = t.takes.push('') - 1;
  $('go').textContent = words.stop;
  show();
  try {
    const id = $('model').value;
    const body = { model: id === 'base' ? id : `${id}:${$('scale').value}`, messages, stream: true, takes: current().takes || 1 };
    const answer = await fetch('/v1/chat/completions', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), signal: abort.signal });
    if (!answer.ok) throw new Error((await answer.json()).error.message);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '', others = [];
    for (let r; !(r = await reader.read()).done;) {
      const events = (rest + r.value).split('\n\n');
      rest = events.pop();
      for (const e of events) {
        if (!e.startsWith('data: {')) continue;
        const d = JSON.parse(e.slice(6));
        if (d.error) throw new Error(d.error.message);
        t.takes[t.at] += d.choices[0]?.delta?.content || '';
        if (d.understudy) others = d.understudy.alternatives.sort((a, b) => b.score - a.score).map(a => a.text);
      }
      const box = $('log').lastElementChild.firstElementChild;
      box.textContent = t.takes[t.at] || words.thinking;
    }
    t.takes.push(...others.filter(o => !t.takes.includes(o)));
  } catch (e) {
    if (e.name !== 'AbortError') alert(words.failed + e.message);
  }
  if (!t.takes[t.at]) { t.takes.splice(t.at, 1); t.at = Math.max(0, t.takes.length - 1); }
  if (!t.takes.length) turns.splice(turns.indexOf(t), 1);
  abort = null;
  $('go').textContent = words.send;
  keep(); show();
}
function say(event) {
  event.preventDefault();
  if (abort) { abort.abort(); return; }
  const text = $('line').value.trim(), who = $('who').value.trim();
  if (!text) return;
  $('line').value = '';
  const t = { role: 'assistant', takes: [], at: 0 };
  turns.push({ role: 'user', takes: [who ? `${who}: ${text}` : text], at: 0 }, t);
  reply(t);
}
async function start() {
  document.querySelectorAll('[data-t]').forEach(e => { e.textContent = words[e.dataset.t]; });
  $('line').placeholder = words.line; $('who').placeholder = $('who').ariaLabel = words.who; $('line').ariaLabel = words.line;
  cast = (await (await fetch('/v1/models')).json()).data;
  cast.sort((a, b) => (a.id === 'base') - (b.id === 'base')).forEach(c => $('model').append(new Option(c.name || c.id, c.id)));
  try {
    const old = JSON.parse(localStorage.getItem('chat'));
    if (old && cast.some(c => c.id === old.model)) { turns = old.turns; $('model').value = old.model; $('who').value = old.who; }
  } catch { turns = []; }
  $('say').onsubmit = say;
  $('line').onkeydown = e => { if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) say(e); };
  $('new').onclick = () => { turns = []; keep(); show(); };
  $('model').onchange = () => { turns = []; keep(); show(); };
  $('scale').oninput = () => { $('shown').textContent = $('scale').value; };
  show();
}
start();
