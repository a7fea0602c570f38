// The server's API: JSON in and out, replies as a stream of events, errors in words that say what to do.
import { t } from './words.js';

export class Failure extends Error {
  constructor(message, status = 0, code = '') { super(message); Object.assign(this, { status, code }); }
}

let key = sessionStorage.getItem('key') || '';
let askKey = async () => null;
export const hasKey = () => key !== '';
// f(wrong) resolves to a key, or null when the visitor gives up.
export const onKeyNeeded = f => { askKey = f; };

// On a public address without keys a browser sees the chats that it began: this secret says which.
function secret() {
  try {
    let s = localStorage.getItem('browser');
    if (!s) localStorage.setItem('browser', s = [...crypto.getRandomValues(new Uint8Array(18))].map(x => x.toString(36).padStart(2, '0')).join(''));
    return s;
  } catch { return ''; }
}
function headers(body) {
  const h = { 'X-Understudy-Browser': secret() };
  if (body !== undefined) h['Content-Type'] = 'application/json';
  if (key) h.Authorization = `Bearer ${key}`;
  return h;
}
const pause = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, seconds * 1000);
  signal?.addEventListener('abort', () => { clearTimeout(timer); reject(new DOMException('', 'AbortError')); }, { once: true });
});

let asking = null; // several requests at once ask one question
async function anotherKey() {
  asking ||= askKey(hasKey()).finally(() => { asking = null; });
  const given = await asking;
  if (given === null) throw new Failure(t('error_key'), 401);
  key = given;
  sessionStorage.setItem('key', key);
}

// What the server said: in the visitor's language when it is something that visitors meet, else in the server's words.
const by_code = { context_length_exceeded: 'error_long', too_large: 'error_large', queue_full: 'error_busy', not_ready: 'error_not_ready', store_busy: 'error_store_busy', not_saved: 'error_not_saved', quota: 'error_quota', engine_failed: 'error_engine', not_found: 'error_not_found', conflict: 'error_conflict', adapter_mismatch: 'error_adapter', no_words: 'error_no_words', no_model: 'error_no_model', half_made: 'error_half_made', not_yours: 'error_not_yours', invalid_api_key: 'error_key' };
const by_status = { 413: 'error_large', 429: 'error_busy', 503: 'error_not_ready' };
function failure(status, said) {
  const known = said?.param === 'text' ? 'error_long' : by_code[said?.code] || (said?.message ? null : by_status[status]);
  return new Failure(known ? t(known, { said: said?.message ?? status }) : said?.message || t('error_status', { n: status }), status, said?.code);
}

// The answer, when it is a good one. Asks for the key when one is needed; waits its turn when the server is full.
export async function request(method, path, body, { signal, onwait } = {}) {
  for (let tries = 0; ; tries++) {
    const used = key; // an answer to an older one asks for none
    let r;
    try {
      r = await fetch(path, { method, signal, headers: headers(body), body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (e) {
      if (e.name === 'AbortError') throw e;
      throw new Failure(t('error_network'));
    }
    if (r.ok) return r;
    if (r.status === 401) { if (key === used) await anotherKey(); continue; }
    const said = await r.json().then(j => j.error, () => null);
    if ((r.status === 429 && tries < 8) || (r.status === 503 && tries < (said?.code === 'store_busy' ? 2 : 60))) {
      const seconds = Math.min(30, Number(r.headers.get('Retry-After')) || 2);
      onwait?.(seconds, said?.code);
      await pause(seconds, signal);
      continue;
    }
    throw failure(r.status, said);
  }
}
const json = async (...args) => { const r = await request(...args); return r.status === 204 ? null : r.json(); };
export const get = path => json('GET', path);
export const post = (path, body = {}) => json('POST', path, body);
export const patch = (path, body) => json('PATCH', path, body);
export const del = path => json('DELETE', path);

// The events of a reply: { event, data }. Leaving the loop, or the signal, cancels the reply.
export async function* stream(path, body, options) {
  yield* events(await request('POST', path, body, options));
}
// The events of an address that goes on for ever, from the one after "last" on.
export async function* follow(path, { signal, last } = {}) {
  const used = key, r = await fetch(path, { signal, headers: { ...headers(), ...last && { 'Last-Event-ID': last } } });
  if (r.status === 401) { if (key === used) await anotherKey(); return; }
  if (!r.ok) throw failure(r.status, await r.json().then(j => j.error, () => null));
  yield* events(r);
}
async function* events(r) {
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(e => { throw e.name === 'AbortError' ? e : new Failure(t('error_cut')); });
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        let event = 'message', data = '', id = '';
        for (const line of block.split('\n')) {
          if (line.startsWith('event:')) event = line.slice(6).trim();
          else if (line.startsWith('data:')) data += line.slice(5);
          else if (line.startsWith('id:')) id = line.slice(3).trim();
        }
        if (!data) continue;
        const told = JSON.parse(data);
        if (event === 'error') throw failure(told.code, { message: told.message, code: told.reason });
        yield { event, data: told, id };
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/* ---- files and pictures ---- */

// A file as it is, with its progress (0..1); fetch() does not tell that.
export const upload = (path, file, onprogress) => new Promise((resolve, reject) => {
  const x = new XMLHttpRequest();
  x.open('POST', path);
  x.setRequestHeader('Content-Type', 'application/octet-stream');
  if (key) x.setRequestHeader('Authorization', `Bearer ${key}`);
  x.upload.onprogress = e => e.lengthComputable && onprogress(e.loaded / e.total);
  x.onload = () => {
    let said = null;
    try { said = JSON.parse(x.responseText); } catch { /* told by the status */ }
    if (x.status === 201) resolve(said); else reject(failure(x.status, said?.error));
  };
  x.onerror = () => reject(new Failure(t('error_network')));
  x.send(file);
});

// An <img> can't send a key: with one, pictures are fetched here and shown from memory.
const pictures = new Map();
export function picture(img, url) {
  if (!hasKey()) { img.src = url; return img; }
  if (!pictures.has(url)) pictures.set(url, request('GET', url).then(r => r.blob()).then(URL.createObjectURL));
  pictures.get(url).then(src => { img.src = src; }, () => { pictures.delete(url); img.dispatchEvent(new Event('error')); });
  return img;
}
export async function download(path, name) {
  const blob = await (await request('GET', path)).blob();
  const a = document.createElement('a');
  a.href = URL.createObjectURL(blob);
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 60000);
}
export async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let s = '';
  for (let i = 0; i < bytes.length; i += 32768) s += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(s);
}
