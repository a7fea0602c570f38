// The flows of the page, one after another in one browser. run.sh prepares what the environment names:
// US_DIR (model.gguf, characters/{anna,boris}/adapter.gguf), US_NPM, US_CHROMIUM, US_SHOTS, UNDERSTUDY.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { execFileSync, spawn } from 'node:child_process';
import { createRequire } from 'node:module';

const env = process.env, need = createRequire(path.resolve(env.US_NPM, 'package.json'));
const { chromium } = need('playwright-core'), axe = fs.readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');
const probe = '<img src=x onerror="window.hacked=1"><b>bold</b><script>window.hacked=1</script>';
fs.mkdirSync(env.US_SHOTS, { recursive: true });

/* ---- the stage: two characters, a server ---- */

const card = (name, more = {}) => ({ spec: 'chara_card_v2', spec_version: '2.0', data: { name, description: `You are ${name}.`, personality: '', scenario: '', first_mes: `${name} says hello. ${probe}`,
  mes_example: '<START>\n{{user}}: What is in the box?\n{{char}}: Only a lamp.', creator_notes: `Notes ${probe}`, system_prompt: '', post_history_instructions: '', alternate_greetings: [], tags: ['test', probe], creator: '', character_version: '1',
  extensions: { understudy: { cast: ['Anna Lamp', 'Boris Bell', 'Clara Key', 'User'], takes: 4, history: 10, sampler: { temperature: 1 } } }, ...more } });
const figures = { name: 'Anna Lamp', lines: 1200, words: 9000, share_lines: 0.2, share_words: 0.2, scenes: 300, mean_words: 7.5, episodes: null, top_lines: [{ text: probe, n: 9, others: 1 }], top_phrases: [{ text: 'in the box', n: 40, others: 2 }],
  catch_phrases: [{ text: 'lamp', n: 80, others: 4, z: 9.5 }, { text: probe, n: 5, others: 1, z: 2.5 }], keywords: [], talks_to: [{ name: 'Boris Bell', n: 200 }], cloud: 'cloud.svg' };
const training = { base: 'tiny', train_lines: 15972, epochs: 1.51, rank: 16, learning_rate: 0.001, training_seconds: 3146, written: '2026-01-02T03:04:05Z', base_validation_perplexity: 42.36, validation_perplexity: 24.49,
  curve: [[1, 4.4], [2, 3.9], [3, 3.5], [4, 3.1]], validation_curve: [[2, 3.9], [4, 3.25]] };
function characters(dir) {
  for (const [id, name] of [['anna', 'Anna Lamp'], ['boris', 'Boris Bell']]) fs.writeFileSync(`${dir}/${id}/card.json`, JSON.stringify(card(name)));
  fs.writeFileSync(`${dir}/anna/about.json`, JSON.stringify(figures));
  fs.writeFileSync(`${dir}/anna/train.json`, JSON.stringify(training));
  fs.writeFileSync(`${dir}/anna/cloud.svg`, '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200" width="300" height="200"><script>window.hacked=1</script><text x="40" y="110" font-size="60">lamp</text></svg>');
}
const freePort = () => new Promise(resolve => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)); }); });
async function serve(port, ...more) {
  const log = fs.openSync(`${env.US_DIR}/serve-${port}.log`, 'a');
  const p = spawn(env.UNDERSTUDY, ['serve', '-m', `${env.US_DIR}/model.gguf`, '--port', port, '--characters', `${env.US_DIR}/characters`, '--data-dir', `${env.US_DIR}/data-${port}`, '-t', 2, ...more], { stdio: ['ignore', log, log] });
  for (let i = 0; i < 100; i++) {
    if (p.exitCode !== null) break;
    if (await fetch(`http://127.0.0.1:${port}/health`).then(r => r.ok, () => false)) return p;
    await new Promise(r => setTimeout(r, 50));
  }
  throw new Error(`the server did not start: ${fs.readFileSync(`${env.US_DIR}/serve-${port}.log`, 'utf8')}`);
}
const end = p => new Promise(resolve => { if (!p || p.exitCode !== null) { resolve(); return; } p.once('exit', resolve); p.kill(); });

/* ---- one page, watched ---- */

const browser = await chromium.launch({ executablePath: env.US_CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
let problems = [], expected = []; // console errors, policy violations, requests to elsewhere; what a test says is to come
async function open(base, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US', reducedMotion: 'reduce', acceptDownloads: true, ...options });
  context.setDefaultTimeout(30000); // a busy machine is slow, not wrong
  await context.addInitScript(() => document.addEventListener('securitypolicyviolation', e => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`)));
  const page = await context.newPage();
  page.on('console', m => { if (m.type() === 'error' || m.type() === 'warning') problems.push(m.text()); });
  page.on('pageerror', e => problems.push(e.stack));
  page.on('request', r => { if (!r.url().startsWith(base) && !/^(blob|data):/.test(r.url())) problems.push(`a request to ${r.url()}`); });
  await page.goto(base);
  return page;
}
const shot = (page, name) => page.screenshot({ path: `${env.US_SHOTS}/${name}.png` });
async function accessible(page, where) {
  // The policy forbids foreign scripts; evaluate() is the browser's own door.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => `${n.target} ${n.failureSummary}`).join(' | ')}`), [], where);
}
async function unharmed(page) {
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator('img[src=x], .log b, .card b, dialog b, #rail b, .log script').count(), 0);
}

let failures = 0, count = 0;
async function test(name, f) {
  const t0 = Date.now();
  problems = [];
  expected = [];
  try {
    await f();
    assert.deepEqual(problems.filter(p => !expected.some(x => x.test(p))), []);
    console.log(`ok ${++count} - ${name} (${Date.now() - t0} ms)`);
  } catch (e) {
    failures++;
    console.log(`not ok ${++count} - ${name}\n${e.stack}`);
    await shot(page, `failed-${count}`).catch(() => {});
  }
}

/* ---- the tests ---- */

characters(`${env.US_DIR}/characters`);
const port = await freePort(), base = `http://127.0.0.1:${port}`;
let server = await serve(port), page = await open(base);

const say = async text => { await page.fill('#line', text); await page.keyboard.press('Enter'); await settled(); };
const settled = () => page.waitForSelector('.go:not(.stop)').then(() => page.waitForSelector('.pending', { state: 'detached' }));
const texts = () => page.locator('.turn .text').allInnerTexts();
const tool = (name, where = '.turn.last') => page.locator(`${where} [data-tool=${name}]`);
const pick = async (at, item) => { await at.click(); await page.getByRole('menuitem', { name: item }).click(); };
const chatCount = () => page.locator('.chat-row').count();
const again = async () => { await page.reload(); await page.waitForSelector('.turn'); };

await test('the first page shows the cast, and a hint only once', async () => {
  await page.waitForSelector('.card');
  assert.equal(await page.locator('.card h2').count(), 2);
  assert.match(await page.locator('.card').first().innerText(), /Anna Lamp[^]*says hello/);
  await page.waitForSelector('.poster.wide img');
  await unharmed(page);
  await accessible(page, 'the first page');
  await shot(page, 'home-light');
  await page.locator('.welcome button').click();
  await page.reload();
  await page.waitForSelector('.card');
  assert.equal(await page.locator('.welcome').count(), 0);
});

await test('about: the exploration, as text', async () => {
  await page.getByRole('button', { name: 'About Anna Lamp' }).click();
  await page.waitForSelector('.drawer .bars');
  assert.match(await page.locator('.drawer').innerText(), /1,200[^]*lamp[^]*80×[^]*Boris Bell/);
  await unharmed(page);
  await accessible(page, 'about');
  await shot(page, 'about-light');
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'About Anna Lamp');
});

await test('about: how it was trained, with the curve of the loss', async () => {
  await page.getByRole('button', { name: 'About Anna Lamp' }).click();
  const curve = page.getByRole('img', { name: 'Loss from 4.40 to 3.25' });
  await curve.scrollIntoViewIfNeeded();
  assert.match(await page.locator('.drawer').innerText(), /15,972[^]*1\.5[^]*52 minutes[^]*42\.4[^]*24\.5[^]*The loss in nats a token over 4 steps/);
  assert.deepEqual(await curve.locator('text').allTextContents(), ['3.5', '4.0']);
  const [thin, thick] = await Promise.all(['thin', 'thick'].map(x => curve.locator(`.${x}`).getAttribute('points')));
  assert.equal(thin.split(' ').length, 4);
  assert.equal(thick.split(' ').length, 2);
  assert.ok(await curve.locator('.thin').evaluate(x => x.getBoundingClientRect().height) > 60);
  await unharmed(page);
  await accessible(page, 'about, training');
  await shot(page, 'about-training');
  await page.keyboard.press('Escape');
});

await test('a chat: openers, a line, a reply, a reload keeps it', async () => {
  await page.getByRole('link', { name: 'Talk to Anna Lamp' }).last().click();
  await page.waitForSelector('.turn .text');
  assert.match((await texts())[0], /Anna Lamp says hello/);
  await page.getByRole('button', { name: 'What is in the box?' }).click();
  await settled();
  await say(`Hello ${probe}`);
  const before = await texts();
  assert.equal(before.length, 5);
  assert.equal(before[1], 'What is in the box?');
  assert.equal(before[3], `Hello ${probe}`);
  assert.ok(before[4].length > 0);
  assert.match(page.url(), /#\/chat\/./);
  await page.waitForFunction(() => /^Anna Lamp: /.test(document.getElementById('spoken').textContent));
  await unharmed(page);
  await accessible(page, 'a chat');
  await shot(page, 'chat-light');
  await again();
  assert.deepEqual(await texts(), before);
  assert.equal(await chatCount(), 1);
});

await test('takes: all are there at once; arrows and the list choose; a reload keeps the choice', async () => {
  const takes = async () => Number((await tool('takes').innerText()).split('/')[1]);
  for (let i = 0; i < 5 && await takes() < 2; i++) { // random weights may have said the same four times
    await tool('again').click();
    await settled();
  }
  while (await tool('left').isEnabled()) await tool('left').click();
  const n = await takes();
  assert.ok(n >= 2, `${n} takes`);
  const kept = page.waitForResponse(r => r.request().method() === 'PATCH');
  await tool('right').click();
  const second = (await texts()).at(-1);
  assert.equal(await tool('takes').innerText(), `2/${n}`);
  await kept;
  await again();
  assert.equal((await texts()).at(-1), second);
  await page.locator('#line').focus();
  await page.keyboard.press('ArrowLeft');
  assert.equal(await tool('takes').innerText(), `1/${n}`);
  await tool('takes').click();
  assert.equal(await page.locator('.take').count(), n);
  assert.equal(await page.locator('.take[aria-pressed=true]').count(), 1);
  await accessible(page, 'all takes');
  await page.locator('.take').nth(1).click();
  assert.equal(await tool('takes').innerText(), `2/${n}`);
  await tool('again').click();
  await settled();
  assert.ok(await takes() > n);
});

await test('edit, branch, delete and undo', async () => {
  await tool('edit').click();
  await page.keyboard.press('Control+A');
  await page.keyboard.type(`Changed ${probe}`);
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('.turn.last .note');
  assert.equal((await texts()).at(-1), `Changed ${probe}`);
  await unharmed(page);
  const whole = await texts(), url = page.url();
  const second = page.locator('.turn').nth(2);
  await second.hover();
  await pick(second.locator('[data-tool=more]'), 'Branch off from here');
  await page.waitForURL(u => u.href !== url);
  await page.waitForFunction(() => document.querySelectorAll('.turn').length === 3);
  assert.deepEqual(await texts(), whole.slice(0, 3));
  assert.equal(await chatCount(), 2);
  await pick(tool('more'), 'Delete');
  await page.waitForFunction(() => document.querySelectorAll('.turn').length === 2);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.turn').length === 3);
});

await test('chats: rename (as text), delete, undo; an address of a chat that is gone', async () => {
  const row = page.locator('.chat-row').first();
  await row.hover();
  await pick(row.locator('.icon-button'), 'Rename');
  await page.locator('dialog input').fill(probe);
  await page.keyboard.press('Enter');
  await page.waitForFunction(s => document.querySelector('.chat-title').textContent === s, probe);
  await unharmed(page);
  await row.hover();
  await pick(row.locator('.icon-button'), 'Delete');
  await page.waitForFunction(() => document.querySelectorAll('.chat-row').length === 1);
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.waitForFunction(() => document.querySelectorAll('.chat-row').length === 2);
  expected.push(/404/);
  await page.goto(`${base}/#/chat/nosuchchat`);
  await page.getByRole('alert').waitFor();
  await page.waitForSelector('.card');
  await page.getByRole('alert').getByRole('button').click();
});

await test('who you are: one of the cast, or any name', async () => {
  await page.locator('.chat-row a').first().click();
  await page.waitForSelector('.turn');
  await page.locator('.self').click();
  await accessible(page, 'who you are');
  await page.getByRole('button', { name: 'Clara Key' }).click();
  await say('It is me.');
  assert.equal(await page.locator('.turn.user .name').last().innerText(), 'Clara Key');
  await page.locator('.self').click();
  await page.locator('.popover input').fill(probe.slice(0, 50));
  await page.keyboard.press('Enter');
  await say('And now?');
  await unharmed(page);
  await page.locator('.self').click();
  await page.getByRole('button', { name: 'Yourself' }).click();
});

await test('direction: the strength is kept, one take streams', async () => {
  await tool('direction', '.stage-head').click();
  await accessible(page, 'direction');
  const [strength, takes] = await page.locator('.popover input[type=range]').all();
  await strength.focus();
  await page.keyboard.press('Home');
  await takes.focus();
  await page.keyboard.press('Home');
  await shot(page, 'direction-light');
  await page.keyboard.press('Escape');
  assert.match(await page.locator('.titles').innerText(), /strength 0\.00/);
  await say('Softly now.');
  assert.equal(await tool('takes').innerText(), '1/1');
  await again();
  assert.match(await page.locator('.titles').innerText(), /strength 0\.00/);
});

await test('side by side, and what the model saw', async () => {
  await tool('compare', '.stage-head').click();
  await page.waitForFunction(() => [...document.querySelectorAll('.column .text')].every(x => x.textContent && !x.hasAttribute('aria-busy')));
  assert.match(await page.locator('.columns').innerText(), /Bare model[^]*Anna, strength/);
  await accessible(page, 'side by side');
  await shot(page, 'compare-light');
  await page.keyboard.press('Escape');
  await pick(tool('more'), 'What the model saw');
  await page.waitForSelector('.prompt-text .special');
  const facts = await page.locator('dialog .facts').innerText();
  assert.ok(Number(facts.match(/Tokens\s+(\d+)/)[1]) > 20, facts);
  assert.match(await page.locator('.prompt-text').innerText(), /You are Anna Lamp/);
  await page.getByLabel('Show each token').check();
  assert.ok(await page.locator('.prompt-text span').count() > 40);
  await unharmed(page);
  await accessible(page, 'what the model saw');
  await shot(page, 'prompt-light');
  await page.keyboard.press('Escape');
});

await test('a scene: who speaks next is chosen, or automatic', async () => {
  await page.goto(`${base}/#/`);
  await page.getByRole('button', { name: /Set a scene/ }).click();
  for (let i = 0; i < 2; i++) await page.getByRole('button', { name: 'Add to the scene' }).first().click();
  await page.getByRole('button', { name: 'Raise the curtain' }).click();
  await page.waitForSelector('.cue');
  await page.locator('.cue', { hasText: 'Boris' }).click();
  await page.locator('.go.play').click();
  await page.waitForSelector('.turn.last [data-tool=takes]');
  await page.locator('.cue', { hasText: 'automatic' }).click();
  await page.locator('.go.play').click();
  await page.waitForFunction(() => document.querySelectorAll('.turn .tools').length === 2);
  await settled();
  assert.deepEqual(await page.locator('.turn .name').allInnerTexts(), ['Boris Bell', 'Anna Lamp']);
  assert.notEqual(...await page.locator('.turn').evaluateAll(list => list.map(x => getComputedStyle(x.querySelector('.text')).backgroundColor)));
  await say('And what do you both think?');
  await accessible(page, 'a scene');
  await shot(page, 'scene-light');
});

await test('stop: the reply ends, nothing is lost, the line can be used again', async () => {
  await page.route('**/say', () => {}); // never answered
  await page.fill('#line', 'Wait.');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.go.stop');
  await page.keyboard.press('Escape');
  await settled();
  assert.equal(await page.inputValue('#line'), 'Wait.');
  await page.unroute('**/say');
  assert.equal(await page.locator('.toast.error').count(), 0);
});

await test('a full server: the page waits its turn', async () => {
  expected.push(/429/);
  let n = 0;
  await page.route('**/say', route => n++ ? route.continue() : route.fulfill({ status: 429, headers: { 'Retry-After': '3', 'Content-Type': 'application/json' }, body: '{"error":{"message":"full"}}' })); // long enough to be seen
  await page.locator('#line').press('Enter');
  await page.getByText('everyone is busy').waitFor();
  await settled();
  await page.unroute('**/say');
  assert.equal(n, 2);
  assert.equal(await page.locator('.turn.user .text').last().innerText(), 'Wait.');
});

await test('a reply goes on while another chat is on stage', async () => {
  const url = page.url(), n = (await texts()).length;
  let release;
  const held = new Promise(r => { release = r; });
  await page.route('**/say', route => held.then(() => route.continue()));
  await page.fill('#line', 'Go on without me.');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.go.stop');
  await page.locator('.chat-row a').last().click();
  await page.waitForURL(u => u.href !== url);
  await page.waitForSelector('.go:not(.stop)');
  await page.getByText('is replying').waitFor();
  release();
  await page.getByText('is replying').waitFor({ state: 'detached' });
  await page.unroute('**/say');
  await page.goBack();
  await page.waitForFunction(k => document.querySelectorAll('.turn').length === k, n + 2);
});

await test('files: a card in, as JSON and PNG; a chat out and in', async () => {
  await page.goto(`${base}/#/`);
  const give = async (button, file) => { const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: button }).click()]); await chooser.setFiles(file); };
  const file = `${env.US_DIR}/dora.json`;
  fs.writeFileSync(file, JSON.stringify(card(`Dora ${probe}`, { first_mes: 'Hm?', mes_example: '' })));
  await give(/Bring a character/, file);
  await page.waitForFunction(() => document.querySelectorAll('.card h2').length === 3);
  await page.getByRole('button', { name: 'About Anna Lamp' }).click();
  const save = async (click, name) => { const [download] = await Promise.all([page.waitForEvent('download'), click()]); await download.saveAs(`${env.US_DIR}/${name}`); };
  await save(() => page.getByRole('button', { name: 'Card (PNG)' }).click(), 'anna.png');
  await page.keyboard.press('Escape');
  await give(/Bring a character/, `${env.US_DIR}/anna.png`);
  await page.waitForFunction(() => document.querySelectorAll('.card h2').length === 4);
  await unharmed(page);
  await page.locator('.chat-row a').first().click();
  await page.waitForSelector('.turn.last .tools');
  const before = await texts(), n = await chatCount();
  for (const [item, name] of [['Export as JSON', 'chat.json'], ['Export for SillyTavern', 'chat.jsonl']]) {
    await save(() => pick(tool('chat-menu', '.stage-head'), item), name);
    const url = page.url();
    await give('Import a card or a chat', `${env.US_DIR}/${name}`);
    await page.waitForURL(u => u.href !== url);
    await page.waitForSelector('.turn.last .tools');
    assert.deepEqual(await texts(), before, name);
  }
  assert.equal(await chatCount(), n + 2);
  await page.evaluate(text => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], 'edda.json', { type: 'application/json' }));
    for (const type of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, JSON.stringify(card('Edda')));
  await page.getByText('Edda has joined the cast').waitFor();
  fs.writeFileSync(file, '{"neither":1}');
  await give('Import a card or a chat', file);
  await page.getByText('It cannot be read as it is').waitFor(); // no card, no chat: a script perhaps, and what is wrong with it is told
  await page.goBack();
});

await test('keyboard only', async () => {
  await page.goto(`${base}/#/`);
  await page.reload();
  await page.waitForSelector('.card');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'skip');
  await page.keyboard.press('Enter');
  for (let i = 0; i < 3 && await page.evaluate(() => document.activeElement.getAttribute('href')) !== '#/new/anna'; i++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#line:focus');
  await page.keyboard.type('By hand.');
  await page.keyboard.press('Enter');
  await settled();
  await page.keyboard.press('ArrowUp');
  await page.waitForSelector('.edit:focus');
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.tool), 'edit');
  await page.keyboard.press('?');
  await page.waitForSelector('.keys');
  await page.keyboard.press('Escape');
  await page.keyboard.press('d');
  await page.waitForSelector('.popover .slider');
  await page.keyboard.press('Escape');
  await page.keyboard.press('t');
  await page.waitForSelector('.take');
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'line');
  await tool('more').focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=menuitem]:focus');
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.tool), 'more');
});

await test('Russian: by the switch, everywhere, kept', async () => {
  await page.getByRole('button', { name: 'Language: EN' }).click();
  await page.getByRole('menuitem', { name: 'Русский' }).click();
  await page.waitForSelector('html[lang=ru]');
  assert.match(await page.locator('#line').getAttribute('placeholder'), /Реплика/);
  await page.goto(`${base}/#/`);
  await page.waitForSelector('h1:text("Кто выйдет на сцену?")');
  assert.doesNotMatch(await page.locator('#main').innerText(), /\b(Talk|About|takes|trained)\b/);
  await shot(page, 'home-russian');
  await page.reload();
  await page.waitForSelector('h1:text("Кто выйдет на сцену?")');
});

await test('Russian: what went wrong, too; what the page does not know, in the words of the server', async () => {
  expected.push(/status of (400|404|409|502|507)/);
  await page.goto(`${base}/#/new/boris`);
  await page.waitForSelector('#line');
  const refused = (status, code, more) => ({ status, contentType: 'application/json', body: JSON.stringify({ error: { message: 'words of the server', type: 'x', param: null, code, ...more } }) });
  const broken = { status: 200, contentType: 'text/event-stream', body: 'event: error\ndata: {"message":"words of the server","code":502,"reason":"engine_failed"}\n\n' };
  for (const [answer, words] of [[refused(400, 'context_length_exceeded'), /слишком длинно/], [refused(400, null, { param: 'text' }), /слишком длинно/], [refused(404, 'not_found'), /Этого больше нет/], [refused(409, 'conflict'), /Сейчас нельзя/],
    [refused(409, 'adapter_mismatch'), /обучен на другой модели/], [refused(507, 'not_saved'), /Ничего не сохранено[^]*words of the server/], [refused(502, 'engine_failed'), /Движок[^]*words of the server/], [broken, /Движок[^]*words of the server/], [refused(400, null), /^words of the server$/]]) {
    await page.route('**/say', route => route.fulfill(answer));
    await page.fill('#line', 'Скажи что-нибудь.');
    await page.keyboard.press('Enter');
    await page.locator('.toast.error').waitFor();
    assert.match((await page.locator('.toast.error span').innerText()).trim(), words);
    if (answer.status === 507) await shot(page, 'error-russian');
    assert.equal(await page.inputValue('#line'), 'Скажи что-нибудь.'); // it can be sent again
    await page.locator('.toast.error button').click();
    await page.unroute('**/say');
  }
  await page.goto(`${base}/#/`);
});

await test('light and dark: by the switch, kept', async () => {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper(), theme = page.locator('.rail-foot button').first();
  await theme.click();
  assert.equal(await paper(), light);
  await theme.click();
  assert.notEqual(await paper(), light);
  await page.reload();
  await page.waitForSelector('.card');
  assert.notEqual(await paper(), light);
  await accessible(page, 'the first page, dark');
  await shot(page, 'home-dark');
  await page.locator('.chat-row a').first().click();
  await page.waitForSelector('.turn');
  await accessible(page, 'a chat, dark');
  await shot(page, 'chat-dark');
});

await test('a phone: nothing is wider than the screen', async () => {
  const desktop = page;
  page = await open(base, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2, locale: 'ru-RU', colorScheme: 'dark' });
  await page.waitForSelector('h1:text("Кто выйдет на сцену?")');
  const narrow = async () => assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'wider than the screen');
  await narrow();
  await shot(page, 'phone-home-dark');
  await page.locator('.home-head button').tap();
  await page.waitForSelector('.rail-open .chat-row');
  await shot(page, 'phone-rail-dark');
  await page.locator('.chat-row a').first().tap();
  await page.waitForSelector('.turn');
  await narrow();
  await accessible(page, 'a phone');
  await shot(page, 'phone-chat-dark');
  await tool('direction', '.stage-head').tap();
  await narrow();
  await shot(page, 'phone-direction-dark');
  await page.context().close();
  page = desktop;
});

await test('the server goes away and comes back', async () => {
  await end(server);
  expected.push(/ERR_CONNECTION_REFUSED|Failed to fetch|Failed to load/);
  await page.fill('#line', 'Anybody there?');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await settled();
  assert.equal(await page.inputValue('#line'), 'Anybody there?');
  server = await serve(port);
  await page.getByRole('alert').getByRole('button').click();
  await page.keyboard.press('Control+Enter');
  await page.locator('#line').press('Enter');
  await settled();
  assert.equal(await page.locator('.turn.user .text').last().innerText(), 'Anybody there?');
});

await test('every word is in the table, in both languages', async () => {
  const web = new URL('../../web/', import.meta.url), table = ['words.js', 'words-studio.js'].map(f => fs.readFileSync(new URL(f, web), 'utf8')).join('\n');
  for (const name of fs.readdirSync(web).filter(f => f.endsWith('.js')))
    for (const [, key] of fs.readFileSync(new URL(name, web), 'utf8').matchAll(/\bt\('([a-z_0-9]+)'/g)) assert.match(table, new RegExp(`^  ${key}: \\[.+', '.+'\\],$`, 'm'), `${name}: ${key}`);
  for (const name of fs.readdirSync(web).filter(f => /\.(js|html)$/.test(f)))
    assert.doesNotMatch(fs.readFileSync(new URL(name, web), 'utf8'), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/, name);
});

await test('a server that wants a key: asked once, a wrong one is told, pictures come too', async () => {
  fs.writeFileSync(`${env.US_DIR}/key`, 'sesame\n');
  const locked = await freePort(), other = await serve(locked, '--api-key-file', `${env.US_DIR}/key`), before = page;
  expected.push(/401/);
  page = await open(`http://127.0.0.1:${locked}`);
  await page.locator('input[type=password]').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('That key was not accepted').waitFor();
  await page.locator('input[type=password]').fill('sesame');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.poster.wide img');
  await page.reload();
  await page.waitForSelector('.card');
  assert.equal(await page.locator('dialog').count(), 0);
  await page.getByRole('link', { name: 'Talk to Anna Lamp' }).last().click();
  await say('Behind the door.');
  await page.context().close();
  page = before;
  await end(other);
});

await test('the report of explore: the lines behind a cell, a bar and a row, by keyboard', async () => {
  const rows = ['raw_character_text,spoken_words'];
  for (let i = 0; i < 4; i++) rows.push('Ann Baker,Jumping jellyfish!', `Carl,${'The lighthouse is on fire again. '.repeat(i + 1)}`, 'Ann Baker,"Jumping jellyfish, Carl! Fetch the buckets."', 'Carl,Which buckets?', ',');
  fs.writeFileSync(`${env.US_DIR}/play.csv`, rows.join('\n'));
  execFileSync(env.UNDERSTUDY, ['explore', `${env.US_DIR}/play.csv`, '-c', 'Ann Baker', '--out', `${env.US_DIR}/report`], { stdio: 'ignore' });
  const before = page, focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') || document.activeElement.textContent);
  page = await open(`file://${env.US_DIR}/report/index.html`);
  const opens = async (what, key = 'Enter') => {
    const from = await focused();
    await page.keyboard.press(key);
    assert.match(await page.locator('#found h3').innerText(), what);
    assert.equal(await focused(), 'Close');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('#found').isVisible(), false);
    assert.equal(await focused(), from); // and back
  };
  await page.locator('.cast tbody button').first().focus();
  await opens(/with Carl/);
  assert.equal(await page.locator('.heat [tabindex="0"]').count(), 1);
  await page.keyboard.press('Tab');
  assert.match(await focused(), /^\d+$/);
  await opens(/with Carl[^]*8 lines/, ' ');
  await page.keyboard.press('ArrowRight');
  await opens(/with Carl/);
  await page.keyboard.press('Tab');
  assert.match(await focused(), /^1 word: 0 lines/);
  await page.keyboard.press('ArrowRight');
  await opens(/2 words[^]*4 lines/);
  await page.keyboard.press('End');
  await opens(/more than 40 words/);
  await accessible(page, 'the report');
  await shot(page, 'report-keyboard');
  await page.context().close();
  page = before;
});

await browser.close();
await end(server);
console.log(`1..${count}`);
if (failures) { console.log(`${failures} of ${count} failed; pictures are in ${env.US_SHOTS}`); process.exit(1); }
