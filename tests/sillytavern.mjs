// A real SillyTavern in a real browser against a real server: see sillytavern.sh, which prepares what the environment names:
// US_URL, US_DIR, ST_URL, ST_DATA, US_NPM, US_CHROMIUM, US_SHOTS.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

const env = process.env, need = createRequire(path.resolve(env.US_NPM, 'package.json'));
const { chromium } = need('playwright-core');
const patience = +(env.PATIENCE_MS ?? 600000); // a busy machine is slow, not wrong
const ours = async (where, body, raw) => {
  const r = await fetch(env.US_URL + where, body === undefined ? {} : { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  assert.ok(r.ok, `${where}: ${r.status} ${r.ok ? '' : await r.text()}`);
  return raw ? Buffer.from(await r.arrayBuffer()) : r.json();
};
const asked = () => fs.readFileSync(`${env.US_DIR}/log`, 'utf8').split('\n');
fs.mkdirSync(env.US_SHOTS, { recursive: true });

const browser = await chromium.launch({ executablePath: env.US_CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
const page = await (await browser.newContext({ viewport: { width: 1400, height: 900 }, locale: 'en-US', acceptDownloads: true })).newPage();
page.setDefaultTimeout(patience);
const st = (f, x) => page.evaluate(f, x), chat = () => st(() => SillyTavern.getContext().chat.map(m => ({ name: m.name, user: m.is_user, text: m.mes, swipes: m.swipes, id: m.swipe_id })));
const until = (f, x) => page.waitForFunction(f, x, { timeout: patience, polling: 50 });

let failures = 0, count = 0;
async function test(name, f) {
  const t0 = Date.now(), from = asked().length - 1;
  try {
    await f(() => asked().slice(from));
    console.log(`ok ${++count} - ${name} (${Date.now() - t0} ms)`);
  } catch (e) {
    failures++;
    console.log(`not ok ${++count} - ${name}\n${e.stack}\n${asked().slice(from).join('\n')}`);
    await page.screenshot({ path: `${env.US_SHOTS}/failed-${count}.png` }).catch(() => {});
  }
}

/* ---- what a person does ---- */

// What it asks in between (a newcomer's name, a card's tags) is answered with yes, whenever it comes.
const yes = page.locator('dialog.popup[open]:not([closing]) .popup-button-ok').last();
await page.addLocatorHandler(yes, () => yes.click());
const setField = (id, value) => st(([id, value]) => {
  const e = document.getElementById(id);
  if (e.type === 'checkbox') e.checked = value; else e.value = value;
  for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, { bubbles: true }));
}, [id, value]);

// Connects as a person does: the kind of API, the address, the button.
async function connect(api, kind, kindField, urlField, url, button, model) {
  await setField('main_api', api);
  await setField(kindField, kind);
  await setField(urlField, url);
  if (model) await setField(...model);
  await st(id => document.getElementById(id).click(), button);
  await until(() => !['no_connection', ''].includes(SillyTavern.getContext().onlineStatus));
}

// Says a line; resolves when the answer is whole. What stood on the page while it grew is in `seen`.
const watch = () => st(() => {
  window.seen = [];
  window.over = false;
  const c = SillyTavern.getContext();
  c.eventSource.once(c.eventTypes.GENERATION_ENDED, () => { window.over = true; });
  new MutationObserver(() => {
    const t = document.querySelector('.last_mes:not([is_user=true]) .mes_text')?.innerText ?? '';
    if (t && t !== window.seen.at(-1)) window.seen.push(t);
  }).observe(document.getElementById('chat'), { childList: true, subtree: true, characterData: true });
});
async function say(text) {
  await watch();
  await page.fill('#send_textarea', text);
  await page.locator('#send_but').click();
  await until(() => window.over);
  await until(() => getComputedStyle(document.getElementById('send_but')).display !== 'none');
  return (await chat()).at(-1);
}
const idle = async () => { // nobody is answered any more
  for (const end = Date.now() + patience; (await ours('/slots')).some(s => s.is_processing);) {
    assert.ok(Date.now() < end, 'the server goes on after the client has gone');
    await new Promise(r => setTimeout(r, 50));
  }
};
async function abort(text, most) {
  await watch();
  await page.fill('#send_textarea', text);
  await page.locator('#send_but').click();
  await until(() => (window.seen.at(-1) ?? '').length > 20);
  await page.locator('#mes_stop').click();
  await until(() => getComputedStyle(document.getElementById('send_but')).display !== 'none');
  await idle();
  const last = (await chat()).at(-1), words = last.text.split(/\s+/).length;
  assert.ok(!last.user && words > 1 && words < most, `${words} words were heard`);
}
const streamed = async last => {
  assert.ok(!last.user && last.text.trim(), 'an answer');
  assert.ok(await st(() => window.seen.length) > 1, 'the answer grew on the page');
};

// The chat as SillyTavern has it on its disk.
const stored = () => st(async () => {
  const c = SillyTavern.getContext(), who = c.characters[c.characterId];
  await c.saveChat();
  const r = await fetch('/api/chats/export', { method: 'POST', headers: c.getRequestHeaders(), body: JSON.stringify({ is_group: false, avatar_url: who.avatar, file: `${who.chat}.jsonl`, exportfilename: 'x.jsonl', format: 'jsonl' }) });
  return (await r.json()).result;
});

/* ---- the tests ---- */

await page.goto(env.ST_URL);
await until(() => !document.getElementById('preloader'));

const card = await ours('/api/characters/homer/card.json');
await test('a card with its picture comes in', async () => {
  fs.writeFileSync(`${env.US_DIR}/homer.png`, await ours('/api/characters/homer/card.png', undefined, true));
  await page.setInputFiles('#character_import_file', `${env.US_DIR}/homer.png`);
  await until(name => SillyTavern.getContext().characters.some(c => c.name === name), card.data.name);
  await st(name => { const c = SillyTavern.getContext(); return c.selectCharacterById(c.characters.findIndex(x => x.name === name)); }, card.data.name);
  await until(() => SillyTavern.getContext().chat.length > 0);
  assert.equal((await chat())[0].text, card.data.first_mes);
});

await test('chat completion, custom: connected, streamed, saved', async log => {
  await connect('openai', 'custom', 'chat_completion_source', 'custom_api_url_text', `${env.US_URL}/v1`, 'api_button_openai', ['custom_model_id', 'homer:adapter']);
  await setField('stream_toggle', true);
  await setField('openai_max_tokens', 60);
  const last = await say('Hi, who are you?');
  await streamed(last);
  assert.ok(log().some(l => /POST \/v1\/chat\/completions 200/.test(l)));
  assert.ok(!/\bHomer( Simpson)?:/.test(last.text), last.text);
  assert.ok((await stored()).includes(JSON.stringify(last.text).slice(1, -1)), 'SillyTavern keeps it');
});

await test('chat completion: another wording', async () => {
  const before = (await chat()).length;
  await watch();
  await page.locator('.last_mes .swipe_right').click();
  await until(() => window.over);
  await until(() => SillyTavern.getContext().chat.at(-1).swipes?.length === 2);
  const now = await chat();
  assert.equal(now.length, before);
  assert.equal(now.at(-1).id, 1);
});

await test('chat completion: ended in the middle', async () => {
  await setField('openai_max_tokens', 1500);
  await st(() => { SillyTavern.getContext().chatCompletionSettings.custom_include_body = 'ignore_eos: true'; });
  await abort('Tell me everything that you know about doughnuts.', 900);
  await st(() => { SillyTavern.getContext().chatCompletionSettings.custom_include_body = ''; });
  await setField('openai_max_tokens', 60);
});

await test('chat completion: probabilities of tokens', async () => {
  await st(() => { SillyTavern.getContext().powerUserSettings.request_token_probabilities = true; });
  const last = await say('And what is your name?');
  assert.ok(!last.user && last.text.trim());
});

for (const [kind, urlField, route, stop] of [['llamacpp', 'llamacpp_api_url_text', 'POST /completion 200', true], ['generic', 'generic_api_url_text', 'POST /v1/completions 200'],
  ['ooba', 'textgenerationwebui_api_url_text', 'POST /v1/completions 200'], ['vllm', 'vllm_api_url_text', 'POST /v1/completions 200', true], ['ollama', 'ollama_api_url_text', 'POST /api/generate 200']])
  await test(`text completion, ${kind}: connected, streamed${stop ? ', ended in the middle' : ''}`, async log => {
    await connect('textgenerationwebui', kind, 'textgen_type', urlField, env.US_URL, 'api_button_textgenerationwebui');
    if (kind === 'ollama') await st(() => { SillyTavern.getContext().textCompletionSettings.ollama_model = 'base:latest'; });
    if (kind === 'vllm') await st(() => { SillyTavern.getContext().textCompletionSettings.vllm_model = 'homer:adapter'; });
    if (kind === 'generic') await st(() => { SillyTavern.getContext().textCompletionSettings.generic_model = 'homer:adapter'; });
    await setField('streaming_textgenerationwebui', true);
    await setField('amount_gen', 60);
    const last = await say('Are you hungry?');
    await streamed(last);
    assert.ok(log().some(l => l.includes(route)), route);
    if (!stop) return;
    await setField('amount_gen', 1500);
    await st(() => { const s = SillyTavern.getContext().textCompletionSettings; s.ban_eos_token = s.ignore_eos_token = true; });
    await abort('Tell me a long story.', 900);
    await st(() => { const s = SillyTavern.getContext().textCompletionSettings; s.ban_eos_token = s.ignore_eos_token = false; });
    await setField('amount_gen', 60);
  });

const download = async click => {
  const [d] = await Promise.all([page.waitForEvent('download'), click()]);
  const to = `${env.US_DIR}/${d.suggestedFilename()}`;
  await d.saveAs(to);
  return fs.readFileSync(to);
};
await test('the card goes out and comes back, with its adapter', async () => {
  const png = await download(() => st(() => document.querySelector('.export_format[data-format=png]').click()));
  const got = await ours('/api/characters', { file_base64: png.toString('base64') });
  const back = await ours(`/api/characters/${got.id}/card.json`);
  for (const key of ['name', 'description', 'personality', 'scenario', 'first_mes', 'mes_example', 'system_prompt', 'post_history_instructions']) assert.equal(back.data[key].replaceAll('\r\n', '\n'), card.data[key], key); // a form's line breaks
  assert.deepEqual(back.data.extensions.understudy, card.data.extensions.understudy);
  const json = JSON.parse(await download(() => st(() => document.querySelector('.export_format[data-format=json]').click())));
  assert.ok((await ours('/api/characters', { card: json })).id);
});

await test('the chat goes out and comes back', async () => {
  const mine = await chat();
  const jsonl = await stored();
  const got = await ours('/api/chats/import', { data: jsonl, format: 'sillytavern' }), there = await ours(`/api/chats/${got.id}`);
  assert.deepEqual(there.turns.map(t => [t.role === 'user', t.text]), mine.map(m => [m.user, m.text]));
  assert.deepEqual(there.turns.map(t => t.alternatives.length), mine.map(m => Math.max(1, m.swipes?.length ?? 1)));
  assert.deepEqual(there.characters, ['homer']);
  const r = await fetch(`${env.US_URL}/api/chats/${got.id}/export?format=sillytavern`);
  fs.writeFileSync(`${env.US_DIR}/ours.jsonl`, await r.text());
  const before = await st(() => SillyTavern.getContext().characters[SillyTavern.getContext().characterId].chat);
  await page.setInputFiles('#chat_import_file', `${env.US_DIR}/ours.jsonl`);
  await until(() => document.querySelectorAll('.select_chat_block').length > 1);
  const name = await st(before => [...document.querySelectorAll('.select_chat_block')].map(e => e.getAttribute('file_name').replace('.jsonl', '')).find(n => n !== before), before);
  await st(name => SillyTavern.getContext().openCharacterChat(name), name);
  await until(n => SillyTavern.getContext().chat.length === n, mine.length);
  assert.deepEqual((await chat()).map(m => [m.name, m.user, m.text]), mine.map(m => [m.name, m.user, m.text]));
});

await browser.close();
console.log(`${count - failures} passed, ${failures} failed`);
process.exit(failures ? 1 : 0);
