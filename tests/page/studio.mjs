// The studio, walked as a visitor would: a script dropped, looked at, learned from (the server is killed in the middle), talked to; with two
// tabs, on a phone, by keyboard alone, in Russian. run.sh prepares the environment, as for page.mjs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { Server, accessible, becomes, env, eventually, expect, finish, holds, open, pictures, shot, test } from './browser.mjs';

pictures('studio-');
const things = ['the car', 'the dog', 'our dinner', 'the school', 'my work', 'that noise', 'the moon', 'a sandwich', 'the roof', 'your brother'];
const says = ['Woo, {}!', 'Mmm, {}.', 'No way, {} again?', 'I never liked {}.', 'Well, {} can wait.', 'Who cares about {}?'];
const play = ['name,line', ...Array.from({ length: 70 }, (_, i) => [`Anna Lamp,Is ${things[i % 10]} fine ${i}?`, `Boris Bell,"${says[i % 6].replace('{}', things[i % 10])}"`, `Clara Key,"Dad, ${things[(i * 7 + 3) % 10]}! <b>bold</b><img src=x onerror=window.hacked=1>"`, `Boris Bell,"${says[(i * 5 + 1) % 6].replace('{}', things[(i * 7 + 3) % 10])}"`, `Anna Lamp,"Then ${things[(i * 3 + 1) % 10]} must wait."`, ',']).flat()].join('\n');
fs.writeFileSync(`${env.US_DIR}/my show.csv`, play);
fs.mkdirSync(`${env.US_DIR}/nobody`, { recursive: true });
const server = await new Server('studio', `${env.US_DIR}/nobody`).start();

/* ---- what a test begins with: made by the API when no test before it has left it there ---- */

const endless = 1000000; // steps of a rehearsal that goes on until somebody ends it
async function script() {
  const { scripts } = await server.ask('GET', '/api/scripts');
  return scripts[0]?.id ?? (await server.ask('POST', '/api/scripts?name=my%20show.csv', play)).id;
}
const rehearse = async (who, max_steps) => server.ask('POST', '/api/jobs', { kind: 'train', script: await script(), character: who, mode: 'quick', options: { max_steps } });
const state = async id => (await server.ask('GET', `/api/jobs/${id}`)).state;
// Boris, who has learned.
async function boris() {
  const there = async () => (await server.ask('GET', '/api/characters')).characters.find(c => c.own && c.name === 'Boris Bell');
  if (!await there()) {
    const { id } = await rehearse('Boris Bell', 20);
    await becomes(() => state(id), 'done');
  }
  return eventually(async () => { const c = await there(); assert.ok(c); return c.id; });
}
// Nothing is under way any more.
async function quiet() {
  await server.start();
  for (const j of (await server.ask('GET', '/api/jobs')).jobs)
    if (!['done', 'failed', 'cancelled'].includes(j.state)) await server.ask('POST', `/api/jobs/${j.id}/cancel`);
  await eventually(async () => assert.deepEqual((await server.ask('GET', '/api/jobs')).jobs.map(j => j.state).filter(s => !['done', 'failed', 'cancelled'].includes(s)), []));
}
const begin = async (address, options) => { await quiet(); return open(server.base, address, options); };
const now = (page, what) => page.waitForSelector(`.status strong:has-text("${what}")`);

await test('the whole road: drop, explore, cast, rehearse, premiere, the first words; eight clicks at most', async () => {
  const page = await begin('/');
  let clicks = 0;
  const click = async what => { clicks++; await what.click(); };
  await click(page.getByRole('button', { name: /Make a character/ }));
  await page.waitForSelector('#drop-zone');
  await accessible(page, 'drop');
  await shot(page, 'drop');
  clicks++;
  await page.locator('#drop-zone input').setInputFiles(`${env.US_DIR}/my show.csv`);
  await page.waitForSelector('.person');
  await becomes(() => page.locator('#main').innerText(), /my show\.csv[^]*Boris Bell\s+140 lines/);
  await becomes(() => page.locator('.lines').innerText(), /Dad, [^]*<img src=x onerror/);
  await accessible(page, 'explore');
  await shot(page, 'explore');
  await page.reload(); // the address brings it back
  await click(page.locator('.person', { hasText: 'Boris Bell' }));
  await page.waitForFunction(() => document.querySelector('.cloud')?.naturalWidth > 0);
  await accessible(page, 'a person');
  await shot(page, 'person');
  await page.locator('.quote').first().click(); // a look, not a step
  await page.waitForSelector('dialog .lines div');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await click(page.getByRole('link', { name: 'Teach Boris' }));
  await page.waitForSelector('textarea[name=persona]');
  await becomes(() => page.locator('textarea[name=persona]').inputValue(), /You are Boris Bell/);
  await becomes(() => page.locator('#main').innerText(), /about [^]*Memory[^]*MB/);
  await page.locator('details summary').click();
  await page.fill('input[name=max_steps]', '20');
  await accessible(page, 'cast');
  await shot(page, 'cast');
  await click(page.getByRole('button', { name: 'Start the rehearsal' }));
  await page.waitForSelector('a:has-text("To the premiere")');
  await accessible(page, 'ready');
  await shot(page, 'ready');
  await click(page.getByRole('link', { name: 'To the premiere' }));
  await page.waitForSelector('.premiere h1');
  await accessible(page, 'premiere');
  await shot(page, 'premiere');
  await click(page.getByRole('link', { name: 'Talk to Boris', exact: true }));
  await page.fill('#line', 'Hello, Boris!');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.turn.user + .turn.character .tools');
  assert.ok(clicks <= 8, `${clicks} clicks`);
  console.log(`# ${clicks} clicks from the first page to the first reply`);
});

await test('a rehearsal draws itself, pauses, goes on; the server is killed: said, interrupted, gone on with, kept', async () => {
  await quiet();
  const { id } = await rehearse('Clara Key', endless), page = await open(server.base, `/#/job/${id}`), points = () => page.evaluate(() => (document.querySelector('.graph polyline.thin')?.getAttribute('points') || '').split(' ').length);
  await holds(async () => await points() > 3);
  await accessible(page, 'rehearse');
  await shot(page, 'rehearse');
  await page.getByRole('button', { name: 'Pause' }).click();
  await now(page, 'paused');
  await page.getByRole('button', { name: 'Go on' }).click();
  await now(page, 'running');
  expect(/net::ERR|Failed to fetch|Failed to load/);
  await server.end('SIGKILL');
  await page.waitForSelector('#offline');
  await shot(page, 'offline');
  await server.start();
  await page.waitForSelector('#offline', { state: 'detached' });
  await now(page, 'interrupted');
  await shot(page, 'interrupted');
  await page.getByRole('button', { name: 'Go on' }).click();
  await now(page, 'running');
  await holds(async () => await points() > 3);
  await page.getByRole('button', { name: 'Stop and keep' }).click();
  await page.waitForSelector('a:has-text("To the premiere")');
});

await test('a second browser hears of a rehearsal and of its end', async () => {
  const page = await begin('/'), { id } = await rehearse('Anna Lamp', endless);
  await page.waitForSelector('.rail-job:has-text("Anna Lamp")'); // by itself
  await becomes(() => state(id), 'running');
  await holds(async () => (await server.ask('GET', `/api/jobs/${id}`)).progress?.step > 2);
  await server.ask('POST', `/api/jobs/${id}/keep`);
  await page.waitForSelector('.card h2:has-text("Anna Lamp")');
  await page.waitForSelector('.rail-job', { state: 'detached' });
});

await test('two tabs on one chat agree', async () => {
  await quiet();
  const chat = await server.ask('POST', '/api/chats', { characters: [await boris()] }), tabs = [await open(server.base, `/#/chat/${chat.id}`), await open(server.base, `/#/chat/${chat.id}`)];
  const texts = p => p.locator('.turn .text').allInnerTexts(), own = n => async () => tabs[0].locator('.turn.user').count().then(k => k === n);
  for (const [i, line] of ['And what about the moon?', 'And the roof?'].entries()) {
    const from = tabs[i];
    await from.fill('#line', line);
    await from.keyboard.press('Enter');
    await holds(own(i + 1));
    for (const p of tabs) await p.waitForFunction(n => document.querySelectorAll('.turn.user').length === n && document.querySelector('.turn.last.character .tools') && !document.querySelector('.pending'), i + 1);
    await eventually(async () => assert.deepEqual(await texts(tabs[1]), await texts(tabs[0])));
  }
});

await test('what another tab says while a page opens is there', async () => {
  await quiet();
  const chat = await server.ask('POST', '/api/chats', { characters: [await boris()] }), page = await open(server.base);
  let letGo, held = new Promise(resolve => { letGo = resolve; });
  await page.route('**/api/events', async route => { await held; await route.continue(); });
  await page.goto(`${server.base}/#/chat/${chat.id}`);
  await page.reload(); // the new address was a place on the page that was there
  await page.waitForSelector('#line');
  await server.ask('PATCH', `/api/chats/${chat.id}`, { title: 'Said meanwhile' });
  letGo();
  await page.waitForSelector('.stage-head h1:has-text("Said meanwhile")');
});

await test('the character is changed, deleted, taken back', async () => {
  const id = await boris(), page = await begin(`/#/premiere/${id}`);
  await page.getByRole('button', { name: 'Change' }).click();
  await page.locator('dialog input[type=text]').fill('Boris the Bell');
  await accessible(page, 'change');
  await page.locator('dialog').getByRole('button', { name: 'Save' }).click();
  await page.waitForSelector('.premiere h1:has-text("Boris the Bell")');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.waitForSelector('.premiere h1:has-text("Boris the Bell")');
  await server.ask('PATCH', `/api/characters/${id}`, { name: 'Boris Bell' });
});

await test('the audition: five plain verdicts with their intervals, flagged replies quoted, the rest folded', async () => {
  const id = 'heard', folder = `${env.US_DIR}/studio/characters/${id}`, m = (value, low, high) => ({ value, low, high, n: 58 }), who = v => ({ leaks_all: m(v, v, v + 0.1), other_speaker: m(0, 0, 0.06), loops: m(0.02, 0, 0.09), r10: m(0.41, 0.3, 0.54), style_single: m(0.5, 0.38, 0.62) });
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(`${folder}/card.json`, JSON.stringify({ spec: 'chara_card_v2', spec_version: '2.0', data: { name: 'Hera Heard', description: 'You are Hera.', first_mes: 'Hello.' } }));
  fs.writeFileSync(`${folder}/origin.json`, JSON.stringify({ script: await script(), character: 'Boris Bell', script_name: 'my show.csv' }));
  fs.writeFileSync(`${folder}/audition.some.json`, JSON.stringify({ understudy_audition: 1, character: 'Hera Heard', figures: { base: who(0.4), adapter: who(0.05), real: { loops: m(0, 0, 0.01), style_single: m(0.53, 0.5, 0.56) } }, flagged: [{ who: 'adapter', rule: 'loops', prompt: 'Is it <b>so</b>?', reply: 'So so so so.', saw: 'a loop' }, { who: 'base', rule: 'loops', prompt: 'x', reply: 'not this one', saw: '' }] }));
  await eventually(() => server.ask('GET', `/api/characters/${id}`));
  const page = await begin(`/#/premiere/${id}/audition`);
  await page.waitForSelector('.verdict:nth-child(5)');
  await becomes(() => page.locator('.verdict').first().innerText(), /Stays in character\s+95 %[^]*between 85 and 95 %[^]*60 %/);
  await becomes(() => page.locator('.verdict').nth(3).innerText(), /Answers what was said\s+41 %[^]*between 30 and 54 %/);
  await page.locator('summary:has-text("1 such reply")').click();
  await becomes(() => page.locator('.verdict details[open]').innerText(), /Is it <b>so<\/b>\?\s+So so so so\./);
  await page.getByRole('button', { name: 'Hold the full audition' }).waitFor();
  await accessible(page, 'verdicts');
  await shot(page, 'verdicts');
  await server.ask('DELETE', `/api/characters/${id}`);
});

await test('what is kept: reports go, all of it is downloaded', async () => {
  const id = await boris(), page = await begin(`/#/premiere/${id}`), kept = page.locator('details', { hasText: 'What is kept here' });
  for (const [name, file] of [['Adapter (PEFT)', 'peft.zip'], ['Whole model', 'merged.gguf']]) assert.equal(await page.getByRole('link', { name }).getAttribute('href'), `/api/characters/${id}/${file}`);
  await server.ask('GET', `/api/scripts/${await script()}`); // there is a report that can be made again
  await page.goto(`${server.base}/#/studio`);
  await kept.locator('summary').click();
  await accessible(page, 'what is kept');
  await shot(page, 'kept');
  const saved = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download a backup' }).click();
  assert.equal(fs.readFileSync(await (await saved).path()).subarray(0, 2).toString('hex'), '1f8b');
  await page.getByRole('button', { name: 'Delete the reports' }).click();
  await page.locator('dialog').getByRole('button', { name: 'Delete the reports' }).click();
  await eventually(async () => assert.equal((await server.ask('GET', '/api/storage')).kept.find(k => k.what === 'caches').n, 0));
});

await test('a file that no character can come of: what it lacks is said, and nothing is asked that does not help', async () => {
  const page = await begin('/#/studio'), bring = (name, text) => page.locator('#drop-zone input').setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text, 'latin1') });
  await page.waitForSelector('#drop-zone');
  await bring('nothing.csv', '');
  await page.getByText('nothing.csv is empty.').waitFor();
  await bring('film.srt', '1\n00:00:01,000 --> 00:00:02,000\nHello there.\n\n2\n00:00:03,000 --> 00:00:04,000\nWho is it?\n');
  await page.getByText('No line says who speaks').waitFor();
  await becomes(() => page.getByText('Who shall come to life?').count(), 0);
  await page.goto(`${server.base}/#/studio`);
  await page.waitForSelector('#drop-zone');
  await bring('columns.png', '\x89PNG\r\n\x1a\n' + 'x'.repeat(99)); // whatever it is called
  await page.getByText('columns.png is a picture').waitFor();
  await becomes(() => page.getByText('Which column is which?').count(), 0);
  await page.goto(`${server.base}/#/studio`);
  await page.waitForSelector('#drop-zone');
  await bring('picture.csv', '\x89PNG\r\n\x1a\n' + 'x'.repeat(99));
  await page.getByText('picture.csv is a picture').waitFor();
  await page.getByText('It cannot be read as it is').waitFor();
  await becomes(() => page.getByText('Which column is which?').count(), 0);
  await page.goto(`${server.base}/#/studio`);
  await page.waitForSelector('#drop-zone');
  await bring('table.csv', 'foo,bar\n1,2\n3,4\n');
  await page.getByText('Which column is which?').waitFor();
  await page.goto(`${server.base}/#/studio`);
  await page.waitForSelector('#drop-zone');
  await bring('doctors.csv', 'name,line\n' + 'Dr. Hibbert,Where does the elbow hurt?\nDr. Nick,"Hi, everybody! The elbow hurts."\n'.repeat(30));
  await page.locator('.person', { hasText: 'Dr. Nick' }).click();
  await page.getByRole('link', { name: 'Teach Dr. Nick' }).waitFor(); // a title is no first name
  for (const { id, name } of (await server.ask('GET', '/api/scripts')).scripts) if (name !== 'my show.csv') await server.ask('DELETE', `/api/scripts/${id}`); // the others open the first
});

await test('what cannot be read is told of, and can be removed', async () => {
  await quiet();
  const put = (folder, file, text) => { fs.mkdirSync(`${env.US_DIR}/studio/${folder}`, { recursive: true }); fs.writeFileSync(`${env.US_DIR}/studio/${folder}/${file}`, text); };
  put('jobs/0180000000000001', 'job.json', '{');
  put('scripts/brknaaaaaaaa', 'meta.json', '[]');
  put('characters/broken', 'card.json', '{"data": {"name": 5}}');
  await eventually(async () => assert.ok((await server.ask('GET', '/api/characters')).left_out.some(x => x.folder === 'broken')));
  const page = await begin('/#/studio');
  for (const words of ['its job.json cannot be read', 'delete it, and bring the script again', 'These folders should be characters', 'card.json']) await page.getByText(words).first().waitFor();
  await accessible(page, 'what cannot be read');
  await page.getByRole('button', { name: 'Delete brknaaaaaaaa' }).click();
  await page.getByText('delete it, and bring the script again').waitFor({ state: 'detached' });
  await page.locator('li', { hasText: 'its job.json cannot be read' }).getByRole('button', { name: 'Remove from the list' }).click();
  await page.getByText('its job.json cannot be read').waitFor({ state: 'detached' });
  fs.rmSync(`${env.US_DIR}/studio/characters/broken`, { recursive: true });
  await eventually(async () => assert.deepEqual((await server.ask('GET', '/api/characters')).left_out, []));
});

await test('several of one script at once; who is there goes on to learn', async () => {
  await boris();
  const page = await begin(`/#/cast/${await script()}/Boris%20Bell`), clara = page.getByRole('button', { name: 'Clara Key', exact: true });
  await clara.click();
  await page.waitForSelector('h1:has-text("Boris Bell, Clara Key get the parts")');
  await page.waitForSelector('textarea[name=persona]', { state: 'detached' });
  await accessible(page, 'a cast of two');
  await shot(page, 'cast-of-two');
  await clara.click();
  await page.waitForSelector('textarea[name=persona]');
  await page.getByLabel('Begin with').selectOption({ label: 'what Boris Bell knows already' });
  await page.waitForSelector('.soft:has-text("the old version goes to the trash")');
  await accessible(page, 'going on to learn');
});

await test('the rail shows three rehearsals, those that run first', async () => {
  await quiet();
  const made = (state, i) => ({ id: `00${i}`, kind: 'train', title: `Rehearsal ${i}`, state, progress: {} });
  const page = await open(server.base);
  await page.route('**/api/jobs', r => r.fulfill({ json: { jobs: ['interrupted', 'interrupted', 'queued', 'interrupted', 'running'].map(made) } }));
  await page.reload();
  await becomes(() => page.locator('.rail-job').allInnerTexts().then(x => x.map(s => s.split(' ·')[0])), ['Rehearsal 4', 'Rehearsal 2', 'Rehearsal 0', '2 more in the studio']);
  await page.getByRole('link', { name: '2 more in the studio' }).click();
  await page.waitForURL(/#\/studio$/);
});

await test('a long list is drawn as far as somebody looks', async () => {
  const id = await boris();
  const clear = async () => { for (const c of (await server.ask('GET', '/api/chats')).chats) await server.ask('DELETE', `/api/chats/${c.id}`); };
  try {
    await clear();
    for (let i = 0; i < 80; i++) await server.ask('POST', '/api/chats', { characters: [id], title: `Number ${i}` });
    const { total } = await server.ask('GET', '/api/chats?limit=1'), page = await begin('/'), rows = () => page.locator('.chat-row').count();
    await page.waitForSelector('.chat-row');
    assert.ok(total >= 80 && await rows() < total);
    await page.waitForFunction(n => { // whoever scrolls sees the rest
      const all = document.querySelectorAll('.chat-row');
      all[all.length - 1].scrollIntoView();
      return all.length === n;
    }, total);
    await page.locator('.filter').fill('Number 3');
    await page.waitForFunction(() => document.querySelectorAll('.chat-row').length === 11); // 3, and 30 to 39
  } finally { await clear(); }
});

await test('on a phone, in Russian, in the dark', async () => {
  await script();
  const phone = await begin('/#/studio', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: 'ru-RU', colorScheme: 'dark' });
  await phone.waitForSelector('.list a');
  await accessible(phone, 'studio, phone');
  await shot(phone, 'phone');
  await becomes(() => phone.locator('#main').innerText(), /Студия[^]*Ваши сценарии/);
  const words = await phone.locator('#main').innerText();
  assert.ok(!/\b(undefined|\{\w+\})\b/.test(words), words);
  await phone.locator('.list a').first().tap();
  await phone.waitForSelector('.person');
  await accessible(phone, 'explore, phone');
  await shot(phone, 'phone-explore');
  await phone.locator('.person').first().tap();
  await phone.waitForSelector('.quote');
  await accessible(phone, 'a person, phone');
});

await test('by keyboard alone', async () => {
  await script();
  const page = await begin('/#/studio');
  await page.waitForSelector('.list a[href^="#/script/"]');
  const tabTo = async what => {
    const here = () => page.evaluate(s => document.activeElement.matches(s), what);
    for (let i = 0; i < 80 && !await here(); i++) {
      await page.evaluate(() => { window.was = document.activeElement; });
      await page.keyboard.press('Tab');
      await page.waitForFunction(() => document.activeElement !== window.was);
    }
    assert.ok(await here(), `${what} is not reached by Tab`);
  };
  await tabTo('.list a[href^="#/script/"]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.person');
  await tabTo('.person');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.cloud');
  await tabTo('a.primary.big');
  await page.keyboard.press('Enter');
  await page.waitForSelector('textarea[name=persona]');
  await tabTo('button.primary.big');
});

await finish(server);
