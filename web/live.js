// What changes on the server, as it happens: two pages show the same, and the page knows when the server is gone and when it is back.
import { follow } from './http.js';
import { $, el, toast } from './dom.js';
import { t } from './words.js';
import { emit, loadCharacters, loadChats, loadJobs, store } from './store.js';

let here = true;
const wait = ms => new Promise(r => setTimeout(r, ms));

function connection(now) {
  if (now === here) return;
  here = now;
  document.body.classList.toggle('offline', !now);
  $('offline')?.remove();
  if (!now) document.body.append(el('div', { id: 'offline', role: 'status' }, t('gone')));
  else toast(t('back'));
  emit('connection', now);
}
export const isHere = () => here;

const everything = () => { for (const load of [loadCharacters, loadChats, loadJobs]) load().catch(() => {}); emit('chat', null); emit('scripts'); };
// Several changes in a moment are one to look at.
const soon = new Map();
function later(name, f) {
  if (soon.has(name)) return;
  soon.set(name, setTimeout(() => { soon.delete(name); f(); }, 150));
}
function changed({ what, id }) {
  if (what === 'characters') later(what, () => loadCharacters().catch(() => {}));
  else if (what === 'chats') later(what, () => loadChats().catch(() => {}));
  else if (what === 'jobs') later(what, () => loadJobs().catch(() => {}));
  else if (what === 'chat') later(`chat ${id}`, () => emit('chat', id));
  else later(what, () => emit(what, id));
}
// "last": the event that was the last one before the page loaded what it shows.
export async function listen(last) {
  for (let tries = 0; ; ) {
    try {
      for await (const { event, data, id } of follow('/api/events', { last })) {
        tries = 0;
        if (event === 'hello') {
          const again = !here || data.missed;
          if (store.started !== undefined && store.started !== data.started_ms) last = '';
          store.started = data.started_ms;
          connection(true);
          if (again) everything();
        } else if (event === 'change') changed(data);
        if (id) last = id;
      }
    } catch (e) {
      if (e.status === 401) return; // the visitor gave up on the key
    }
    if (++tries > 1) connection(false);
    await wait(Math.min(5000, 300 * tries));
  }
}
