// The flows of the page in Chromium, each test on a chat and a page of its own. run.sh prepares what the environment names:
// US_DIR (model.gguf, characters/{anna,boris}/adapter.gguf), US_NPM, US_CHROMIUM, US_SHOTS, UNDERSTUDY.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import { execFileSync } from 'node:child_process';
import { Server, accessible, becomes, env, eventually, expect, finish, holds, open, shot, test, unharmed } from './browser.mjs';

const probe = '<img src=x onerror="window.hacked=1"><b>bold</b><script>window.hacked=1</script>';

/* ---- the stage: two characters, a server ---- */

const card = (name, more = {}) => ({ spec: 'chara_card_v2', spec_version: '2.0', data: { name, description: `You are ${name}.`, personality: '', scenario: '', first_mes: `${name} says hello. ${probe}`,
  mes_example: '<START>\n{{user}}: What is in the box?\n{{char}}: Only a lamp.', creator_notes: `Notes ${probe}`, system_prompt: '', post_history_instructions: '', alternate_greetings: [], tags: ['test', probe], creator: '', character_version: '1',
  extensions: { understudy: { cast: ['Anna Lamp', 'Boris Bell', 'Clara Key', 'User'], takes: 4, history: 10, sampler: { temperature: 1 } } }, ...more } });
const figures = { name: 'Anna Lamp', lines: 1200, words: 9000, share_lines: 0.2, share_words: 0.2, scenes: 300, mean_words: 7.5, episodes: null, top_lines: [{ text: probe, n: 9, others: 1 }], top_phrases: [{ text: 'in the box', n: 40, others: 2 }],
  catch_phrases: [{ text: 'lamp', n: 80, others: 4, z: 9.5 }, { text: probe, n: 5, others: 1, z: 2.5 }], keywords: [], talks_to: [{ name: 'Boris Bell', n: 200 }], cloud: 'cloud.svg' };
const training = { base: 'tiny', train_lines: 15972, epochs: 1.51, rank: 16, learning_rate: 0.001, training_seconds: 3146, written: '2026-01-02T03:04:05Z', base_validation_perplexity: 42.36, validation_perplexity: 24.49,
  curve: [[1, 4.4], [2, 3.9], [3, 3.5], [4, 3.1]], validation_curve: [[2, 3.9], [4, 3.25]] };
const cast = `${env.US_DIR}/characters`;
for (const [id, name] of [['anna', 'Anna Lamp'], ['boris', 'Boris Bell']]) fs.writeFileSync(`${cast}/${id}/card.json`, JSON.stringify(card(name)));
fs.writeFileSync(`${cast}/anna/about.json`, JSON.stringify(figures));
fs.writeFileSync(`${cast}/anna/train.json`, JSON.stringify(training));
fs.writeFileSync(`${cast}/anna/cloud.svg`, '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 200" width="300" height="200"><script>window.hacked=1</script><text x="40" y="110" font-size="60">lamp</text></svg>');
const server = await new Server('data', cast).start();

/* ---- a page, a chat, what is done there ---- */

let page;
// A new page; no chats but those that are given, of which the last is on stage unless another place is asked for.
async function begin({ chats = [], at, ...options } = {}) {
  await server.start();
  for (const c of (await server.ask('GET', '/api/chats')).chats) await server.ask('DELETE', `/api/chats/${c.id}`);
  let made = null;
  for (const data of chats) made = await server.ask('POST', '/api/chats/import', { format: 'json', data });
  page = await open(server.base, at ?? (made ? `/#/chat/${made.id}` : '/'), options);
  await page.waitForSelector(made && at === undefined ? '.turn.last .tools' : '.card, .turn, .log');
  return made;
}
const own = (speaker, text) => ({ role: 'user', speaker, character: null, text, chosen: 0, alternatives: [{ text, score: null, end: 'said' }] });
const reply = (id, ...takes) => ({ role: 'character', speaker: { anna: 'Anna Lamp', boris: 'Boris Bell' }[id], character: id, text: takes[0], chosen: 0, alternatives: takes.map((text, i) => ({ text, score: 1 - i / 4, end: 'self', scale: 1 })) });
const talk = (...more) => ({ understudy_chat: 2, title: 'About lamps', user: '', characters: ['anna'], scale: {}, turns: [reply('anna', 'Anna Lamp says hello.'), own('', `Hello ${probe}`), reply('anna', 'The lamp is on.', 'The lamp is off.', 'Which lamp?'), ...more] });
const scene = (...turns) => ({ understudy_chat: 2, title: 'Two of them', user: '', characters: ['anna', 'boris'], scale: {}, turns });

const texts = () => page.locator('.turn .text').allInnerTexts();
const turns = n => holds(() => page.evaluate(k => document.querySelectorAll('.turn').length === k && !document.querySelector('.pending'), n), `${n} turns`);
const tool = (name, where = '.turn.last') => page.locator(`${where} [data-tool=${name}]`);
const count = what => page.locator(what).count();
const pick = async (at, item) => { await at.click(); await page.getByRole('menuitem', { name: item, exact: true }).click(); };
const focused = what => page.waitForFunction(s => document.activeElement.matches(s), what);
const idle = () => page.waitForFunction(() => document.querySelector('.go:not(.stop)') && !document.querySelector('.pending'));
// What is asked for by f() has been answered to its end, and the page shows it.
async function answered(f, what = /\/(say|next|regenerate)$/) {
  await Promise.all([page.waitForResponse(r => r.status() === 200 && what.test(new URL(r.url()).pathname)), f()]);
  await idle(); // the reply under way is on the page since before it was asked for
}
const say = text => answered(async () => { await page.fill('#line', text); await page.keyboard.press('Enter'); });
const again = async () => { await page.reload(); await page.waitForSelector('.turn.last .tools'); };

/* ---- the tests ---- */

await test('the first page shows the cast, and a hint only once', async () => {
  await begin();
  await becomes(() => count('.card h2'), 2);
  await becomes(() => page.locator('.card').first().innerText(), /Anna Lamp[^]*says hello/);
  await page.waitForSelector('.poster.wide img');
  await accessible(page, 'the first page');
  await shot(page, 'home-light');
  await page.locator('.welcome button').click();
  await page.waitForSelector('.welcome', { state: 'detached' });
  await page.reload();
  await page.waitForSelector('.card');
  assert.equal(await count('.welcome'), 0); // drawn with the cards or not at all
});

await test('about: the exploration, as text', async () => {
  await begin();
  await page.getByRole('button', { name: 'About Anna Lamp' }).click();
  await page.waitForSelector('.drawer .bars');
  await becomes(() => page.locator('.drawer').innerText(), /1,200[^]*lamp[^]*80×[^]*Boris Bell/);
  await accessible(page, 'about');
  await shot(page, 'about-light');
  await page.keyboard.press('Escape');
  await focused('[aria-label="About Anna Lamp"]');
});

await test('about: how it was trained, with the curve of the loss', async () => {
  await begin();
  await page.getByRole('button', { name: 'About Anna Lamp' }).click();
  const curve = page.getByRole('img', { name: 'Loss from 4.40 to 3.25' });
  await curve.scrollIntoViewIfNeeded();
  await becomes(() => page.locator('.drawer').innerText(), /15,972[^]*1\.5[^]*52 minutes[^]*42\.4[^]*24\.5[^]*The loss in nats a token over 4 steps/);
  await becomes(() => curve.locator('text').allTextContents(), ['3.5', '4.0']);
  for (const [line, n] of [['thin', 4], ['thick', 2]]) await becomes(async () => (await curve.locator(`.${line}`).getAttribute('points')).split(' ').length, n);
  await holds(() => curve.locator('.thin').evaluate(x => x.getBoundingClientRect().height > 60));
  await accessible(page, 'about, training');
  await shot(page, 'about-training');
});

await test('a chat: openers, a line, a reply, a reload keeps it', async () => {
  await begin();
  await page.getByRole('link', { name: 'Talk to Anna Lamp' }).last().click();
  await becomes(async () => (await texts())[0], /Anna Lamp says hello/);
  await answered(() => page.getByRole('button', { name: 'What is in the box?' }).click());
  await say(`Hello ${probe}`);
  await becomes(async () => (await texts()).length, 5);
  const before = await texts();
  assert.equal(before[1], 'What is in the box?');
  assert.equal(before[3], `Hello ${probe}`);
  assert.ok(before[4].length > 0);
  await page.waitForURL(/#\/chat\/./);
  await page.waitForFunction(() => /^Anna Lamp: /.test(document.getElementById('spoken').textContent));
  await accessible(page, 'a chat');
  await shot(page, 'chat-light');
  await again();
  await becomes(texts, before);
  await becomes(() => count('.chat-row'), 1);
});

await test('takes: all are there at once; arrows and the list choose; a reload keeps the choice', async () => {
  await begin({ chats: [talk()] });
  const chosen = n => becomes(() => tool('takes').innerText(), n), last = words => becomes(async () => (await texts()).at(-1), words);
  const kept = page.waitForResponse(r => r.request().method() === 'PATCH');
  await chosen('1/3');
  await tool('right').click();
  await chosen('2/3');
  await last('The lamp is off.');
  await kept;
  await again();
  await last('The lamp is off.');
  await page.locator('#line').focus();
  await page.keyboard.press('ArrowLeft');
  await chosen('1/3');
  await tool('takes').click();
  await becomes(() => count('.take'), 3);
  await becomes(() => count('.take[aria-pressed=true]'), 1);
  await accessible(page, 'all takes');
  await page.waitForSelector('.judge:has-text("Chosen by likelihood")'); // after a reload, too
  await page.locator('.take').nth(1).click();
  await chosen('2/3');
  await answered(() => tool('again').click());
  await chosen(/^4\/([4-7])$/);
});

await test('edit, branch, delete and undo', async () => {
  const { id } = await begin({ chats: [talk()] });
  await tool('edit').click();
  await page.waitForSelector('.edit:focus');
  await server.ask('PATCH', `/api/chats/${id}`, { title: 'Renamed elsewhere' }); // what others do takes no words from who is typing
  await page.waitForSelector('.chat-title:text("Renamed elsewhere")');
  await page.keyboard.press('Control+A');
  await page.keyboard.type(`Changed ${probe}`);
  await page.keyboard.press('Control+Enter');
  await page.waitForSelector('.turn.last .note');
  await becomes(async () => (await texts()).at(-1), `Changed ${probe}`);
  await unharmed(page);
  const second = page.locator('.turn').nth(1), url = page.url();
  await second.hover();
  await pick(second.locator('[data-tool=more]'), 'Branch off from here');
  await page.waitForURL(u => u.href !== url);
  await turns(2);
  await becomes(texts, ['Anna Lamp says hello.', `Hello ${probe}`]);
  await becomes(() => count('.chat-row'), 2);
  await becomes(() => page.locator('.titles h1').innerText(), 'Branch of Renamed elsewhere');
  await pick(tool('more'), 'Delete');
  await turns(1);
  await page.getByRole('button', { name: 'Undo' }).click();
  await turns(2);
});

await test('chats: rename (as text), delete, undo; an address of a chat that is gone', async () => {
  await begin({ chats: [talk(), talk(own('', 'And again.'))] });
  const row = page.locator('.chat-row').first();
  await row.hover();
  await pick(row.locator('.icon-button'), 'Rename');
  await page.locator('dialog input').fill(probe);
  await page.keyboard.press('Enter');
  await page.waitForFunction(s => document.querySelector('.chat-title').textContent === s, probe);
  await unharmed(page);
  await row.hover();
  await pick(row.locator('.icon-button'), 'Delete the chat');
  await becomes(() => count('.chat-row'), 1);
  await page.getByRole('button', { name: 'Undo' }).click();
  await becomes(() => count('.chat-row'), 2);
  expect(/404/);
  await page.goto(`${server.base}/#/chat/nosuchchat`);
  await page.getByRole('alert').waitFor();
  await page.waitForSelector('.card');
  await page.getByRole('alert').getByRole('button').click();
});

await test('who you are: one of the cast, or any name', async () => {
  const { id } = await begin({ chats: [talk()] });
  const named = name => page.waitForFunction(s => document.querySelector('.self').getAttribute('aria-label').includes(s), name);
  await page.locator('.self').click();
  await accessible(page, 'who you are');
  await page.getByRole('button', { name: 'Clara Key' }).click();
  await named('Clara Key');
  await say('It is me.');
  await becomes(() => page.locator('.turn.user .name').last().innerText(), 'Clara Key');
  await page.locator('.self').click();
  await page.getByLabel('Any name').fill(probe.slice(0, 50));
  await page.keyboard.press('Enter');
  await named(probe.slice(0, 50));
  await say('And now?');
  await unharmed(page);
  // Another page changes the chat before the server knows the name: what it sends then has the old one.
  let known;
  const heard = new Promise(done => { known = done; });
  await page.route(`**/api/chats/${id}`, async route => {
    if (route.request().method() === 'PATCH') {
      const renamed = page.waitForResponse(r => r.request().method() === 'GET' && r.url().endsWith(`/api/chats/${id}`), { timeout: 2000 }).catch(() => {});
      await server.ask('PATCH', `/api/chats/${id}`, { title: 'Renamed elsewhere' });
      await renamed;
      known();
    }
    await route.continue();
  });
  await page.locator('.self').click();
  await page.locator('.popover').getByRole('button', { name: 'Boris Bell' }).click();
  await heard;
  await named('Boris Bell');
  await page.unroute(`**/api/chats/${id}`);
  // A name that is chosen while a reply is under way counts for the next line.
  let go;
  const asked = new Promise(done => { go = done; });
  await page.route('**/say', async route => { await asked; await route.continue(); });
  const over = say('One moment.');
  await page.waitForSelector('.go.stop');
  await page.locator('.self').click();
  await page.locator('.popover').getByRole('button', { name: 'Clara Key' }).click();
  await named('Clara Key');
  await becomes(async () => (await server.ask('GET', `/api/chats/${id}`)).user, 'Clara Key');
  go();
  await over;
  await named('Clara Key');
  await page.locator('.self').click();
  await page.getByRole('button', { name: 'Yourself' }).click();
  await named('Yourself');
});

await test('direction: the strength is kept, one take streams', async () => {
  await begin({ chats: [talk()] });
  const strength = wanted => becomes(() => page.locator('.titles').innerText(), wanted);
  await tool('direction', '.stage-head').click();
  await page.waitForSelector('.popover input[type=range]');
  await accessible(page, 'direction');
  const sliders = page.locator('.popover input[type=range]');
  const kept = page.waitForResponse(r => r.request().method() === 'PATCH');
  await sliders.nth(0).focus();
  await page.keyboard.press('Home');
  await sliders.nth(1).focus();
  await page.keyboard.press('Home');
  await kept;
  await shot(page, 'direction-light');
  await page.keyboard.press('Escape');
  await strength(/strength 0\.00/);
  await say('Softly now.');
  await becomes(() => tool('takes').innerText(), '1/1');
  await again();
  await strength(/strength 0\.00/);
});

await test('side by side, and what the model saw', async () => {
  await begin();
  await page.goto(`${server.base}/#/new/anna`);
  await say('What is in the box?');
  await tool('compare', '.stage-head').click();
  await page.waitForFunction(() => document.querySelector('.column') && [...document.querySelectorAll('.column .text')].every(x => x.textContent && !x.hasAttribute('aria-busy')));
  await becomes(() => page.locator('.columns').innerText(), /Bare model[^]*Anna, strength/);
  await accessible(page, 'side by side');
  await shot(page, 'compare-light');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await pick(tool('more'), 'What the model saw');
  await page.waitForSelector('.prompt-text .special');
  await eventually(async () => {
    const facts = await page.locator('dialog .facts').innerText();
    assert.ok(Number(facts.match(/Tokens\s+(\d+)/)[1]) > 20, facts);
  });
  await becomes(() => page.locator('.prompt-text').innerText(), /You are Anna Lamp/);
  await page.getByLabel('Show each token').check();
  await holds(async () => await count('.prompt-text span') > 40);
  await accessible(page, 'what the model saw');
  await shot(page, 'prompt-light');
});

await test('a scene: who speaks next is chosen, or automatic', async () => {
  await begin();
  await page.getByRole('button', { name: /Set a scene/ }).click();
  for (let i = 1; i <= 2; i++) {
    await page.getByRole('button', { name: 'Add to the scene' }).first().click();
    await becomes(() => count('.card.on'), i);
  }
  await page.getByRole('button', { name: 'Raise the curtain' }).click();
  await page.waitForSelector('.cue');
  await page.locator('.cue', { hasText: 'Boris' }).click();
  await answered(() => page.locator('.go.play').click());
  await turns(1);
  await page.locator('.cue', { hasText: 'automatic' }).click();
  await answered(() => page.locator('.go.play').click());
  await turns(2);
  await becomes(() => page.locator('.turn .name').allInnerTexts(), ['Boris Bell', 'Anna Lamp']);
  await eventually(async () => assert.notEqual(...await page.locator('.turn').evaluateAll(list => list.map(x => getComputedStyle(x.querySelector('.text')).backgroundColor))));
  await say('And what do you both think?');
  await accessible(page, 'a scene');
  await shot(page, 'scene-light');
});

await test('a scene has a place and a situation, goes on by itself, and pauses', async () => {
  await begin();
  await page.getByRole('button', { name: /Set a scene/ }).click();
  for (let i = 1; i <= 2; i++) {
    await page.getByRole('button', { name: 'Add to the scene' }).first().click();
    await becomes(() => count('.card.on'), i);
  }
  await page.getByLabel('Where they are and what is going on').fill('In the kitchen, late at night.');
  await accessible(page, 'setting a scene');
  await shot(page, 'scene-setting');
  await page.getByRole('button', { name: 'Raise the curtain' }).click();
  await becomes(() => page.locator('.situation .text').innerText(), 'In the kitchen, late at night.');
  await holds(async () => await count('.turn.character:not(.pending)') >= 2); // more than was asked for
  const pause = page.locator('.play-on');
  await becomes(() => pause.innerText(), /Pause/);
  await pause.click();
  await becomes(() => pause.innerText(), /Play on/);
  await idle();
  const n = await count('.turn');
  await answered(() => pause.click(), /\/next$/);
  await holds(async () => await count('.turn') > n);
  await accessible(page, 'a scene that goes on');
  await shot(page, 'scene-playing');
});

await test('a reply is continued in place', async () => {
  await begin({ chats: [talk()] });
  await answered(() => pick(tool('more'), 'Continue this reply'), /\/continue$/);
  await becomes(() => count('.turn'), 3);
  await becomes(async () => (await texts()).at(-1), /^The lamp is on\.[^]+/); // of random weights: any words, and a blank before most of them
  await becomes(() => tool('takes').innerText(), '4/4'); // as it was before is still there
});

await test('actions and weight are shown, and nothing else of what could be markup', async () => {
  await begin({ chats: [talk(own('', 'And **now**, *quickly*?'), reply('anna', `*she looks up* It is **on**, 2 * 3 * 4, <b>no</b> [x](javascript:hacked=1) **not\nover lines** ${probe}`))] });
  await becomes(() => page.locator('.turn.last .text em').allInnerTexts(), ['she looks up']);
  await becomes(() => page.locator('.turn.last .text strong').allInnerTexts(), ['on']);
  await becomes(() => page.locator('.turn.last .text').innerText(), /It is on, 2 \* 3 \* 4, <b>no<\/b> \[x\]\(javascript:hacked=1\)/);
  await becomes(() => page.locator('.turn .text').nth(3).locator('strong, em').allInnerTexts(), ['now', 'quickly']);
  assert.equal(await count('.turn .text a'), 0);
  await unharmed(page);
});

await test('search finds what was said in any chat, and goes there', async () => {
  const made = await begin({ chats: [talk(own('', 'Где мой СЫР?'), reply('anna', 'Gone.')), { ...talk(), title: 'Another' }] });
  await page.getByRole('searchbox').fill('мой сыр');
  await page.getByText('In what was said').waitFor();
  await becomes(() => page.locator('.chats mark').innerText(), 'мой СЫР');
  await accessible(page, 'a search');
  await page.locator('.chats a:has(mark)').click();
  await becomes(() => page.locator('.turn.found .text').innerText(), 'Где мой СЫР?');
  assert.doesNotMatch(page.url(), new RegExp(made.id));
});

await test('a passage is shared as text and as a picture', async () => {
  await begin({ chats: [talk()] });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.base });
  await pick(tool('more'), 'Share a passage');
  await becomes(() => page.locator('.passage p').count(), 3);
  await page.locator('dialog input[type=number]').fill('2');
  await becomes(() => page.locator('.passage').innerText(), /^You: Hello [^]*Anna Lamp: The lamp is on\.$/);
  await accessible(page, 'sharing');
  await shot(page, 'share');
  await page.getByRole('button', { name: 'Copy as text' }).click();
  await page.getByText('Copied').first().waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `You: Hello ${probe}\nAnna Lamp: The lamp is on.`);
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Save as a picture' }).click()]);
  await download.saveAs(`${env.US_SHOTS}/shared.png`);
  assert.equal(fs.readFileSync(`${env.US_SHOTS}/shared.png`).subarray(1, 4).toString(), 'PNG');
});

await test('a reply is read aloud, and a second time stops it', async () => {
  await begin({ chats: [talk(own('', 'Hm?'), reply('anna', '*sighs* Yes.'))] });
  await page.evaluate(() => { window.spoken = []; speechSynthesis.speak = u => window.spoken.push([u.text, u.lang]); });
  await pick(tool('more'), 'Read aloud');
  await becomes(() => page.evaluate(() => window.spoken), [['sighs Yes.', 'en']]);
});

await test('the character or the bare model: one switch, kept', async () => {
  await begin({ chats: [talk()] });
  const pressed = () => page.locator('.switch [aria-pressed=true]').innerText(), kept = page.waitForResponse(r => r.request().method() === 'PATCH');
  await becomes(pressed, 'The character');
  await page.getByRole('button', { name: 'The bare model' }).click();
  await becomes(pressed, 'The bare model');
  await kept;
  await again();
  await becomes(pressed, 'The bare model');
  await say('And you?');
  await becomes(() => page.locator('.turn.last .note').allInnerTexts().then(x => x.join()), /strength 0\.00/);
  await page.getByRole('button', { name: 'The character' }).click();
  await becomes(pressed, 'The character');
});

await test('who you are: aliases are one, and what is known of you can be written and struck out', async () => {
  fs.mkdirSync(`${cast}/carl`, { recursive: true });
  const c = card('Carl Fox');
  c.data.extensions.understudy.cast = ['Carl Fox', 'Carl', 'Marge', 'Marge Simpson', 'Ann', 'Ann Lee', 'Ann Day', 'User'];
  fs.writeFileSync(`${cast}/carl/card.json`, JSON.stringify(c));
  await eventually(async () => assert.ok((await server.ask('GET', '/api/characters')).characters.find(x => x.id === 'carl')));
  await begin({ chats: [{ ...talk(own('', 'My name is Petra.'), { ...reply('anna', 'Good.'), character: 'carl', speaker: 'Carl Fox' }), characters: ['carl'] }] });
  await page.locator('.self').click();
  await becomes(() => page.locator('.chips.tall .chip').allInnerTexts(), ['Yourself', 'Marge Simpson', 'Ann', 'Ann Lee', 'Ann Day']);
  await becomes(() => page.locator('.known li span').allInnerTexts(), ['My name is Petra.']);
  const kept = page.waitForResponse(r => r.request().method() === 'PATCH');
  await page.getByLabel('A line about yourself').fill('I am a baker from Riga.');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await kept;
  await accessible(page, 'what is known');
  await shot(page, 'known');
  await again();
  await page.locator('.self').click();
  await becomes(() => page.locator('.known li span').allInnerTexts(), ['My name is Petra.', 'I am a baker from Riga.']);
  await page.getByRole('button', { name: 'Forget: My name is Petra.' }).click();
  await becomes(() => page.locator('.known li span').allInnerTexts(), ['I am a baker from Riga.']);
  fs.rmSync(`${cast}/carl`, { recursive: true });
});

await test('faces differ: their colour and their letters', async () => {
  fs.mkdirSync(`${cast}/alba`, { recursive: true });
  fs.writeFileSync(`${cast}/alba/card.json`, JSON.stringify(card('Alba Low')));
  for (const [name, text] of [['about.json', JSON.stringify(figures)], ['picture.svg', '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" width="90" height="90"><rect width="9" height="9"/></svg>']]) fs.writeFileSync(`${cast}/alba/${name}`, text); // a square cloud
  await eventually(async () => assert.ok((await server.ask('GET', '/api/characters')).characters.find(x => x.id === 'alba')));
  await begin();
  await eventually(async () => {
    const faces = await page.locator('#rail .face .avatar').evaluateAll(list => list.map(x => [x.dataset.initials, getComputedStyle(x).backgroundColor]));
    assert.ok(faces.length >= 3);
    assert.equal(await count('#rail .face .pictured'), 0); // a cloud is no face
    for (const i of [0, 1]) assert.equal(new Set(faces.map(f => f[i])).size, faces.length, JSON.stringify(faces));
  });
  fs.rmSync(`${cast}/alba`, { recursive: true });
});

await test('a first line that is refused leaves no chat; an address that is none is told as one', async () => {
  await begin({ at: '/#/new/anna' });
  expect(/status of 400/);
  await page.route('**/say', route => route.fulfill({ status: 400, contentType: 'application/json', body: '{"error":{"message":"no","type":"x","param":"text","code":null}}' }));
  await page.fill('#line', 'Too long.');
  await page.keyboard.press('Enter');
  await page.getByText('too long: the model cannot read it at once').waitFor();
  await becomes(() => page.inputValue('#line'), 'Too long.');
  await page.waitForURL(/#\/new\/anna$/);
  await becomes(async () => (await server.ask('GET', '/api/chats')).chats.length, 0);
  await page.unroute('**/say');
  await answered(() => page.locator('#line').press('Enter'));
  await turns(3);
  await page.goto(`${server.base}/#/new/%E0%A4%A`);
  await page.waitForSelector('.card');
  await page.goto(`${server.base}/#/chat/%`);
  expect(/404/);
  await page.getByText('That chat is not there any more.').waitFor();
  await eventually(async () => assert.doesNotMatch(await page.locator('body').innerText(), /URI malformed/));
});

await test('words that were heard stay when the stream breaks, and the chat goes on when the server is back', async () => {
  await begin({ chats: [talk(own('', 'Tell me.'))] });
  expect(/net::ERR|Failed to (fetch|load)/);
  const cut = [['speaker', { character: 'anna', speaker: 'Anna Lamp' }], ['delta', { text: 'Once there was' }], ['delta', { text: ' a lamp' }]];
  await page.route('**/next', route => route.fulfill({ status: 200, contentType: 'text/event-stream', body: cut.map(([e, d]) => `event: ${e}\ndata: ${JSON.stringify(d)}\n\n`).join('') }));
  await page.getByRole('button', { name: 'Ask for an answer' }).click();
  await becomes(() => page.locator('.ghost .text').innerText(), 'Once there was a lamp');
  await becomes(() => page.locator('.ghost .note').innerText(), 'interrupted');
  await shot(page, 'interrupted');
  await page.unroute('**/next');
  await answered(() => page.getByRole('button', { name: 'Ask again' }).click());
  await turns(5);
  await becomes(() => count('.ghost'), 0);
});

// For true: in the middle of a reply the server goes, politely or not. What was on the page stays there, and a tap goes on in the next server.
for (const signal of ['SIGTERM', 'SIGKILL']) await test(`${signal} while words come: they stay, and a tap goes on when the server is back`, async () => {
  let words = ['Once there was', ' a lamp'], over = false; // said by an engine that says no more until it may
  const engine = http.createServer((req, res) => {
    if (req.method === 'GET') { res.end(JSON.stringify({ data: [{ id: 'mock' }] })); return; }
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    for (const content of words) res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`);
    if (over) res.end(`data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}\n\ndata: [DONE]\n\n`);
  });
  await new Promise(done => engine.listen(0, '127.0.0.1', done));
  const ends = await new Server(`ends-${signal}`, cast, ['--engine', `http://127.0.0.1:${engine.address().port}`]).start();
  const { id } = await ends.ask('POST', '/api/chats/import', { format: 'json', data: talk() }), said = () => page.locator('.turn.user + .turn.character').last().locator('.text').innerText();
  page = await open(ends.base, `/#/chat/${id}`);
  await page.waitForSelector('.turn.last .tools');
  expect(/net::ERR|Failed to (fetch|load)/);
  await page.route('**/say', (route, r) => route.continue({ postData: JSON.stringify({ ...r.postDataJSON(), takes: 1 }) })); // one take streams
  await page.fill('#line', 'And then?');
  await page.keyboard.press('Enter');
  await becomes(said, /^Once there was a lamp/);
  await ends.end(signal);
  await page.waitForSelector('#offline');
  await becomes(said, /^Once there was a lamp/);
  await becomes(() => page.locator('.turn.character').last().locator('.note').innerText(), /^(stopped|interrupted)$/);
  await shot(page, `ended-${signal}`);
  [words, over] = [[' by the door.'], true];
  await ends.start();
  await page.waitForSelector('#offline', { state: 'detached' }); // by itself
  await becomes(said, /^Once there was a lamp/);
  if (signal === 'SIGTERM') { // the store has what was heard
    await page.reload();
    await answered(() => page.getByRole('button', { name: 'Continue this reply' }).click(), /\/continue$/);
    await becomes(said, 'Once there was a lamp by the door.');
  } else {
    await answered(() => page.getByRole('button', { name: 'Ask again' }).click(), /\/next$/);
    await becomes(said, 'by the door.');
  }
  await ends.end();
  engine.closeAllConnections();
  engine.close();
});

await test('on a phone nothing that is tapped is smaller than 44 pixels', async () => {
  const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
  const small = () => page.evaluate(() => [...document.querySelectorAll('button, a, input, select, textarea, summary, label')].filter(x => !x.matches('.unseen, #skip, .link, label :is(input), label:not(:has(input))') && x.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && (x.closest('dialog, [popover]') || !document.querySelector('dialog[open], :popover-open'))).map(x => [x, x.getBoundingClientRect()])
    .filter(([, r]) => r.width > 0 && r.right > 0 && (r.width < 43.5 || r.height < 43.5)).map(([x, r]) => `${x.tagName}.${x.className} ${x.getAttribute('aria-label') || x.textContent.slice(0, 20)}: ${r.width.toFixed(0)}x${r.height.toFixed(0)}`));
  await begin({ chats: [talk()], at: '/', ...phone });
  await becomes(small, []);
  await page.locator('.home-head button').tap();
  await page.waitForSelector('.rail-open .chat-row');
  await becomes(small, []);
  await page.locator('.chat-row a').first().tap();
  await turns(3);
  await becomes(small, []);
  for (const [open, there] of [[tool('direction', '.stage-head'), '.popover .slider'], [page.locator('.self'), '.popover .apart'], [tool('more'), '[role=menuitem]']]) {
    await open.tap();
    await page.waitForSelector(there);
    await becomes(small, []);
    await page.keyboard.press('Escape');
    await page.waitForSelector('.popover', { state: 'detached' });
  }
  await page.goto(`${server.base}/#/studio`);
  await page.waitForSelector('#drop-zone');
  await becomes(small, []);
});

await test('the page is ready within 60 KB', async () => {
  await server.start();
  page = await open(server.base);
  const cdp = await page.context().newCDPSession(page), urls = new Map(), files = new Map(); // request: address; address: bytes of its first whole answer
  await cdp.send('Network.enable');
  await cdp.send('Network.setCacheDisabled', { cacheDisabled: true });
  // What changes elsewhere while the page comes is asked for again, and an answer may be given up for it: each address counts once.
  cdp.on('Network.responseReceived', e => urls.set(e.requestId, e.response.url));
  cdp.on('Network.loadingFinished', e => { const url = urls.get(e.requestId); if (url && !files.has(url)) files.set(url, e.encodedDataLength); });
  await page.reload();
  await page.waitForSelector('.card');
  const early = [`${server.base}/`, ...await page.evaluate(() => [...document.querySelectorAll('link[rel=stylesheet], link[rel=modulepreload], script[src]')].map(x => x.href || x.src))];
  const needed = url => early.includes(url) || /\/api\/(state|characters|chats|jobs)$/.test(url);
  const size = () => [...files].filter(([url]) => needed(url)).reduce((n, [, bytes]) => n + bytes, 0);
  await holds(() => early.every(url => files.has(url)) && [...urls.values()].filter(needed).every(url => files.has(url)));
  console.log(`# ready after ${(size() / 1000).toFixed(1)} KB, headers included`);
  assert.ok(size() < 60000, `${size()} bytes: ${[...files].filter(([url]) => needed(url)).join(', ')}`);
});

await test('stop: the reply ends, nothing is lost, the line can be used again', async () => {
  await begin({ chats: [talk()] });
  await page.route('**/say', () => {}); // never answered
  await page.fill('#line', 'Wait.');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.go.stop');
  await page.keyboard.press('Escape');
  await idle();
  await becomes(() => page.inputValue('#line'), 'Wait.');
  assert.equal(await count('.toast.error'), 0);
});

await test('a full server: the page waits its turn', async () => {
  await begin({ chats: [talk()] });
  expect(/429/);
  let n = 0;
  await page.route('**/say', route => n++ ? route.continue() : route.fulfill({ status: 429, headers: { 'Retry-After': '3', 'Content-Type': 'application/json' }, body: '{"error":{"message":"full"}}' }));
  // Seen however short it is: the page is watched from before.
  await page.evaluate(() => new MutationObserver(() => { window.waited ||= document.body.textContent.includes('everyone is busy'); }).observe(document.body, { childList: true, subtree: true, characterData: true }));
  await page.fill('#line', 'Wait.');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => window.waited);
  await idle();
  await becomes(() => n, 2);
  await becomes(() => page.locator('.turn.user .text').last().innerText(), 'Wait.');
});

await test('a reply goes on while another chat is on stage', async () => {
  await begin({ chats: [talk(own('', 'And again.'), reply('anna', 'Again.')), talk()] });
  const url = page.url();
  let release;
  const held = new Promise(r => { release = r; });
  await page.route('**/say', route => held.then(() => route.continue()));
  await page.fill('#line', 'Go on without me.');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.go.stop');
  await page.locator('.chat-row a').last().click();
  await page.waitForURL(u => u.href !== url);
  await turns(5);
  await page.getByText('is replying').waitFor();
  release();
  await page.getByText('is replying').waitFor({ state: 'detached' });
  await page.goBack();
  await turns(5);
  await becomes(async () => (await texts())[3], 'Go on without me.');
});

await test('files: a card in, as JSON and PNG; a chat out and in', async () => {
  await begin({ chats: [talk()], at: '/' });
  const cards = n => becomes(() => count('.card h2'), n), there = (await server.ask('GET', '/api/characters')).characters.length;
  const give = async (button, file) => { const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.getByRole('button', { name: button }).click()]); await chooser.setFiles(file); };
  const save = async (click, name) => { const [download] = await Promise.all([page.waitForEvent('download'), click()]); await download.saveAs(`${env.US_DIR}/${name}`); };
  const file = `${env.US_DIR}/dora.json`;
  await cards(there);
  fs.writeFileSync(file, JSON.stringify(card(`Dora ${probe}`, { first_mes: 'Hm?', mes_example: '' })));
  await give(/Bring a character/, file);
  await cards(there + 1);
  await page.getByRole('button', { name: 'About Anna Lamp' }).click();
  await save(() => page.getByRole('button', { name: 'Card (PNG)' }).click(), 'anna.png');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await give(/Bring a character/, `${env.US_DIR}/anna.png`);
  await cards(there + 2);
  await unharmed(page);
  await page.locator('.chat-row a').first().click();
  await turns(3);
  const before = await texts();
  for (const [i, [item, name]] of [['Export as JSON', 'chat.json'], ['Export for SillyTavern', 'chat.jsonl']].entries()) {
    await save(() => pick(tool('chat-menu', '.stage-head'), item), name);
    const url = page.url();
    await give('Import a card or a chat', `${env.US_DIR}/${name}`);
    await page.waitForURL(u => u.href !== url);
    await turns(3);
    await becomes(texts, before);
    await becomes(() => count('.chat-row'), i + 2);
  }
  await page.evaluate(text => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([text], 'edda.json', { type: 'application/json' }));
    for (const type of ['dragenter', 'dragover', 'drop']) document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, JSON.stringify(card('Edda')));
  await page.waitForSelector('.rail .face[aria-label*="Edda"], #rail .face[aria-label*="Edda"]');
  fs.writeFileSync(file, '{"neither":1}');
  await give('Import a card or a chat', file);
  await page.getByText('It cannot be read as it is').waitFor(); // no card, no chat: a script perhaps, and what is wrong with it is told
  for (const c of (await server.ask('GET', '/api/characters')).characters) if (c.own) await server.ask('DELETE', `/api/characters/${c.id}`);
});

await test('keyboard only', async () => {
  await begin();
  const key = k => page.keyboard.press(k), gone = what => page.waitForSelector(what, { state: 'detached' });
  await key('Tab');
  await focused('#skip');
  await key('Enter');
  await focused('#main');
  const talkTo = '#main a[href="#/new/anna"]';
  for (let i = 0; i < 4 && !await page.evaluate(s => document.activeElement.matches(s), talkTo); i++) {
    await page.evaluate(() => { window.was = document.activeElement; });
    await key('Tab');
    await page.waitForFunction(() => document.activeElement !== window.was);
  }
  await focused(talkTo);
  await key('Enter');
  await page.waitForSelector('#line:focus');
  await answered(async () => { await page.keyboard.type('By hand.'); await key('Enter'); });
  await focused('#line');
  await key('ArrowUp');
  await page.waitForSelector('.edit:focus');
  await key('Escape');
  await focused('[data-tool=edit]');
  await key('?');
  await page.waitForSelector('.keys');
  await key('Escape');
  await gone('dialog');
  await key('d');
  await page.waitForSelector('.popover .slider');
  await key('Escape');
  await gone('.popover');
  await key('t');
  await page.waitForSelector('.take');
  await key('Escape');
  await gone('dialog');
  await key('/');
  await focused('#line');
  await tool('more').focus();
  await key('Enter');
  await page.waitForSelector('[role=menuitem]:focus');
  await key('Escape');
  await focused('[data-tool=more]');
});

await test('Russian: by the switch, everywhere, kept', async () => {
  await begin({ chats: [talk()] });
  await page.getByRole('button', { name: 'Language: EN' }).click();
  await page.getByRole('menuitem', { name: 'Русский' }).click();
  await page.waitForSelector('html[lang=ru]');
  await becomes(() => page.locator('#line').getAttribute('placeholder'), /Реплика/);
  await page.goto(`${server.base}/#/`);
  await page.waitForSelector('h1:text("Кто выйдет на сцену?")');
  await eventually(async () => assert.doesNotMatch(await page.locator('#main').innerText(), /\b(Talk|About|takes|trained)\b/));
  await shot(page, 'home-russian');
  await page.reload();
  await page.waitForSelector('h1:text("Кто выйдет на сцену?")');
});

await test('Russian: what went wrong, too; what the page does not know, in the words of the server', async () => {
  await begin({ locale: 'ru-RU', at: '/#/new/boris' });
  expect(/status of (400|404|409|502|507)/);
  await page.waitForSelector('#line');
  const refused = (status, code, more) => ({ status, contentType: 'application/json', body: JSON.stringify({ error: { message: 'words of the server', type: 'x', param: null, code, ...more } }) });
  const broken = { status: 200, contentType: 'text/event-stream', body: 'event: error\ndata: {"message":"words of the server","code":502,"reason":"engine_failed"}\n\n' };
  for (const [answer, words] of [[refused(400, 'context_length_exceeded'), /слишком длинно/], [refused(400, null, { param: 'text' }), /слишком длинно/], [refused(404, 'not_found'), /Этого больше нет/], [refused(409, 'conflict'), /Сейчас нельзя/],
    [refused(409, 'adapter_mismatch'), /обучен на другой модели/], [refused(507, 'not_saved'), /Ничего не сохранено[^]*words of the server/], [refused(502, 'engine_failed'), /Движок[^]*words of the server/], [broken, /Движок[^]*words of the server/], [refused(400, null), /^words of the server$/]]) {
    await page.route('**/say', route => route.fulfill(answer));
    await page.fill('#line', 'Скажи что-нибудь.');
    await page.keyboard.press('Enter');
    await becomes(() => page.locator('.toast.error span').allInnerTexts().then(x => x.join('|').trim()), words);
    if (answer.status === 507) await shot(page, 'error-russian');
    await becomes(() => page.inputValue('#line'), 'Скажи что-нибудь.'); // it can be sent again
    await page.locator('.toast.error button').click();
    await page.waitForSelector('.toast.error', { state: 'detached' });
    await page.unroute('**/say');
  }
});

await test('light and dark: by the switch, kept', async () => {
  await begin({ chats: [talk()], at: '/' });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor), dark = async () => assert.notEqual(await paper(), light);
  const light = await paper(), theme = () => page.locator('.rail-foot button').first();
  await page.getByRole('button', { name: 'Theme: as the system has it' }).click();
  await page.getByRole('button', { name: 'Theme: light' }).waitFor();
  await becomes(paper, light);
  await theme().click();
  await page.getByRole('button', { name: 'Theme: dark' }).waitFor();
  await eventually(dark);
  await page.reload();
  await page.waitForSelector('.card');
  await eventually(dark);
  await accessible(page, 'the first page, dark');
  await shot(page, 'home-dark');
  await page.locator('.chat-row a').first().click();
  await turns(3);
  await accessible(page, 'a chat, dark');
  await shot(page, 'chat-dark');
});

await test('a phone: nothing is wider than the screen', async () => {
  await begin({ chats: [talk()], at: '/', viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2, locale: 'ru-RU', colorScheme: 'dark' });
  await page.waitForSelector('h1:text("Кто выйдет на сцену?")');
  await accessible(page, 'the first page, a phone'); // looks at the width, too
  await shot(page, 'phone-home-dark');
  await page.locator('.home-head button').tap();
  await page.waitForSelector('.rail-open .chat-row');
  await shot(page, 'phone-rail-dark');
  await page.locator('.chat-row a').first().tap();
  await turns(3);
  await accessible(page, 'a chat, a phone');
  await shot(page, 'phone-chat-dark');
  await tool('direction', '.stage-head').tap();
  await page.waitForSelector('.popover .slider');
  await accessible(page, 'direction, a phone');
  await shot(page, 'phone-direction-dark');
});

await test('the server goes away and comes back', async () => {
  await begin({ chats: [talk()] });
  expect(/net::ERR|Failed to fetch|Failed to load/);
  await server.end();
  await page.fill('#line', 'Anybody there?');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').waitFor();
  await idle();
  await becomes(() => page.inputValue('#line'), 'Anybody there?');
  await server.start();
  await page.getByRole('alert').getByRole('button').click();
  await answered(() => page.locator('#line').press('Enter'));
  await becomes(() => page.locator('.turn.user .text').last().innerText(), 'Anybody there?');
});

await test('every word is in the table, in both languages', async () => {
  const web = new URL('../../web/', import.meta.url), table = ['words.js', 'words-more.js', 'words-studio.js'].map(f => fs.readFileSync(new URL(f, web), 'utf8')).join('\n');
  for (const name of fs.readdirSync(web).filter(f => f.endsWith('.js')))
    for (const [, key] of fs.readFileSync(new URL(name, web), 'utf8').matchAll(/\bt\('([a-z_0-9]+)'/g)) assert.match(table, new RegExp(`^  ${key}: \\[.+', '.+'\\],$`, 'm'), `${name}: ${key}`);
  for (const name of fs.readdirSync(web).filter(f => /\.(js|html)$/.test(f)))
    assert.doesNotMatch(fs.readFileSync(new URL(name, web), 'utf8'), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/, name);
});

await test('whatever the server says by a code, the page says in both languages', async () => {
  const root = new URL('../../', import.meta.url), sources = fs.readdirSync(new URL('src/', root), { recursive: true }).filter(f => f.endsWith('.c')).map(f => fs.readFileSync(new URL(`src/${f}`, root), 'utf8'));
  const codes = new Set();
  for (const text of sources) {
    for (const [, call] of text.matchAll(/us_because\(((?:[^;"]|"(?:[^"\\]|\\.)*")*);/g)) for (const [, code] of call.matchAll(/"([a-z]+(?:_[a-z]+)+)"/g)) codes.add(code);
    for (const [, body] of text.matchAll(/const char \*reason_of\(int code\) \{([^]*?)\n\}/g)) for (const [, code] of body.matchAll(/return "([a-z_]+)"/g)) codes.add(code);
  }
  assert.ok(codes.size > 10, [...codes].join());
  const http = fs.readFileSync(new URL('web/http.js', root), 'utf8'), words = fs.readFileSync(new URL('web/words.js', root), 'utf8');
  for (const code of codes) {
    const [, key] = http.match(new RegExp(`\\b${code}: '(error_[a-z_]+)'`)) || assert.fail(`web/http.js has no words for ${code}`);
    assert.match(words, new RegExp(`^  ${key}: \\[.+', '.*[а-я].*'\\],$`, 'm'), key);
  }
});

await test('a server that wants a key: asked once, a wrong one is told, pictures come too', async () => {
  fs.writeFileSync(`${env.US_DIR}/key`, 'sesame\n');
  const locked = await new Server('locked', cast, ['--api-key-file', `${env.US_DIR}/key`]).start();
  expect(/401/);
  page = await open(locked.base);
  await page.locator('input[type=password]').fill('wrong');
  let late; // one answer to the wrong key comes when the right one is there: it asks for nothing
  const heard = new Promise(r => { late = r; }), right = new Promise(r => page.on('request', q => q.headers().authorization === 'Bearer sesame' && r()));
  await page.route('**/api/chats*', async r => { if (r.request().headers().authorization !== 'Bearer wrong') return r.continue(); await right; await r.continue(); late(); });
  await page.keyboard.press('Enter');
  await page.getByText('That key was not accepted').waitFor();
  await page.locator('input[type=password]').fill('sesame');
  await page.keyboard.press('Enter');
  await heard;
  await page.waitForSelector('.poster.wide img');
  await becomes(() => count('dialog'), 0);
  await page.reload();
  await page.waitForSelector('.card'); // the cards come with the key
  await becomes(() => count('dialog'), 0);
  await page.getByRole('link', { name: 'Talk to Anna Lamp' }).last().click();
  await say('Behind the door.');
  await locked.end();
  expect(/net::ERR/);
});

await test('the report of explore: the lines behind a cell, a bar and a row, by keyboard', async () => {
  const rows = ['raw_character_text,spoken_words'];
  for (let i = 0; i < 4; i++) rows.push('Ann Baker,Jumping jellyfish!', `Carl,${'The lighthouse is on fire again. '.repeat(i + 1)}`, 'Ann Baker,"Jumping jellyfish, Carl! Fetch the buckets."', 'Carl,Which buckets?', ',');
  fs.writeFileSync(`${env.US_DIR}/play.csv`, rows.join('\n'));
  execFileSync(env.UNDERSTUDY, ['explore', `${env.US_DIR}/play.csv`, '-c', 'Ann Baker', '--out', `${env.US_DIR}/report`], { stdio: 'ignore' });
  page = await open(`file://${env.US_DIR}/report/index.html`, '');
  const here = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') || document.activeElement.textContent);
  const opens = async (what, key = 'Enter') => {
    const from = await here();
    await page.keyboard.press(key);
    await becomes(() => page.locator('#found h3').innerText(), what);
    await becomes(here, 'Close');
    await page.keyboard.press('Escape');
    await page.waitForSelector('#found', { state: 'hidden' });
    await becomes(here, from); // and back
  };
  const to = async (key, what) => { await page.keyboard.press(key); await becomes(here, what); };
  await page.locator('.cast tbody button').first().focus();
  await opens(/with Carl/);
  await becomes(() => count('.heat [tabindex="0"]'), 1);
  await to('Tab', /^\d+$/);
  await opens(/with Carl[^]*\b8\b/, ' ');
  await page.keyboard.press('ArrowRight');
  await opens(/with Carl/);
  await to('Tab', /^words: 1;/);
  await to('ArrowRight', /^words: 2;/);
  await opens(/\b2\b[^]*\b4\b/);
  await to('End', /^words: 41/);
  await opens(/\b4[01]\b/);
  await accessible(page, 'the report');
  await shot(page, 'report-keyboard');
});

await finish(server);
