// Files in and out: cards, chats; and what is done to a whole chat.
import { base64, del, download, patch, post } from './http.js';
import { dialog, el, failed, toast } from './dom.js';
import { t } from './words.js';
import { character, loadCharacters, loadChats, store } from './store.js';

const plain = s => s.replace(/[^\p{L}\p{N} _-]+/gu, '').trim().slice(0, 60) || 'understudy';
export const exportChat = (chat, format) => download(`/api/chats/${chat.id}/export?format=${format}`, `${plain(store.chats.find(c => c.id === chat.id)?.title || 'chat')}.${format === 'json' ? 'json' : 'jsonl'}`).catch(failed);
export const exportCard = (id, kind) => download(`/api/characters/${encodeURIComponent(id)}/card.${kind}`, `${plain(character(id).name)}.${kind}`).catch(failed);

export function renameChat(id) {
  const chat = store.chats.find(c => c.id === id);
  const field = el('input', { type: 'text', maxlength: '120', 'aria-label': t('rename'), value: chat?.title || '', autofocus: true });
  const box = dialog(t('rename'), el('form', { class: 'row', onsubmit: e => {
    e.preventDefault();
    box.close();
    patch(`/api/chats/${id}`, { title: field.value.trim() }).then(loadChats).catch(failed);
  } }, field, el('button', { class: 'button primary' }, t('save'))));
  field.select();
}
export async function removeChat(id) {
  try {
    await del(`/api/chats/${id}`);
    const here = location.hash === `#/chat/${id}`;
    if (here) location.hash = '#/';
    await loadChats();
    toast(t('chat_deleted'), { action: t('undo'), onaction: () => post(`/api/chats/${id}/restore`).then(loadChats).then(() => { if (here) location.hash = `#/chat/${id}`; }).catch(failed) });
  } catch (e) {
    failed(e);
  }
}

/* ---- import: a chat (ours, SillyTavern's JSONL) or a card, of which the server knows the kinds ---- */

// A card, a chat, or else a script: told by what is in it.
async function isScript(file) {
  if (/\.(png|charx|jpe?g)$/i.test(file.name)) return false;
  if (/\.jsonl$/i.test(file.name)) {
    try { const j = JSON.parse((await file.slice(0, 1e6).text()).split('\n')[0]); return !(j.mes !== undefined || j.user_name !== undefined || j.chat_metadata); } catch { return true; }
  }
  if (!/\.json$/i.test(file.name) || file.size > 8e6) return true;
  try {
    const j = JSON.parse(await file.text());
    return !(Array.isArray(j.turns) || j.spec || j.data?.name || j.char_name || (j.name && (j.description !== undefined || j.first_mes !== undefined || j.personality !== undefined)));
  } catch { return true; }
}
export async function importFile(file) {
  try {
    if (await isScript(file)) {
      if (!store.state?.studio) throw new Error(t('studio_off'));
      await (await import('./studio.js')).bring(file);
      return;
    }
    if (file.size > 8e6) throw new Error(t('error_large'));
    if (/\.jsonl$/i.test(file.name)) { await chatIn({ format: 'sillytavern', data: await file.text() }); return; }
    if (!/\.(json|png|charx|jpe?g)$/i.test(file.name)) throw new Error(t('import_what', { file: file.name }));
    let j = null;
    if (/\.json$/i.test(file.name)) try { j = JSON.parse(await file.text()); } catch { /* the server says what is wrong */ }
    if (Array.isArray(j?.turns)) await chatIn({ format: 'json', data: j });
    else await characterIn({ file_base64: await base64(file) });
  } catch (e) {
    failed(e);
  }
}
async function characterIn(body) {
  const { id, notes } = await post('/api/characters', body);
  await loadCharacters();
  if (notes?.length) toast(t('import_notes', { notes: notes.join('; ') }));
  toast(t('imported', { name: character(id).name }), { action: t('talk'), onaction: () => { location.hash = `#/new/${encodeURIComponent(id)}`; } });
}
async function chatIn(body) {
  const chat = await post('/api/chats/import', body);
  await loadChats();
  const left = Object.values(chat.left_out ?? {}).reduce((a, b) => a + b, 0);
  if (left) toast(t('left_out', { n: left }));
  location.hash = `#/chat/${chat.id}`;
}
export function chooseFile() {
  const input = el('input', { type: 'file', multiple: true, onchange: () => [...input.files].forEach(importFile) });
  input.click();
}
// Files dropped anywhere on the page.
export function acceptDrops() {
  let depth = 0;
  const files = e => e.dataTransfer?.types.includes('Files');
  const show = on => document.body.classList.toggle('dropping', on);
  document.body.dataset.drop = t('drop');
  addEventListener('dragenter', e => { if (files(e)) { depth++; document.body.dataset.drop = t('drop'); show(true); } });
  addEventListener('dragleave', e => { if (files(e) && --depth <= 0) { depth = 0; show(false); } });
  addEventListener('dragover', e => { if (files(e)) e.preventDefault(); });
  addEventListener('drop', e => { if (!files(e)) return; e.preventDefault(); depth = 0; show(false); [...e.dataTransfer.files].forEach(importFile); });
}
