// The studio, walked as a visitor would: a script dropped, looked at, learned from (the server is killed in the middle), talked to; with two
// tabs, on a phone, by keyboard alone, in Russian. run.sh prepares the environment, as for page.mjs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';

const env = process.env, need = createRequire(path.resolve(env.US_NPM, 'package.json'));
const { chromium } = need('playwright-core'), axe = fs.readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');
fs.mkdirSync(env.US_SHOTS, { recursive: true });
const things = ['the car', 'the dog', 'our dinner', 'the school', 'my work', 'that noise', 'the moon', 'a sandwich', 'the roof', 'your brother'];
const says = ['Woo, {}!', 'Mmm, {}.', 'No way, {} again?', 'I never liked {}.', 'Well, {} can wait.', 'Who cares about {}?'];
const script = ['name,line', ...Array.from({ length: 70 }, (_, i) => [`Anna Lamp,Is ${things[i % 10]} fine ${i}?`, `Boris Bell,"${says[i % 6].replace('{}', things[i % 10])}"`, `Clara Key,"Dad, ${things[(i * 7 + 3) % 10]}! <b>bold</b><img src=x onerror=window.hacked=1>"`, `Boris Bell,"${says[(i * 5 + 1) % 6].replace('{}', things[(i * 7 + 3) % 10])}"`, ',']).flat()].join('\n');
fs.writeFileSync(`${env.US_DIR}/my show.csv`, script);
fs.mkdirSync(`${env.US_DIR}/nobody`, { recursive: true });

const port = await new Promise(resolve => { const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => resolve(port)); }); }), base = `http://127.0.0.1:${port}`;
async function serve() {
  const log = fs.openSync(`${env.US_DIR}/studio.log`, 'a');
  const p = spawn(env.UNDERSTUDY, ['serve', '-m', `${env.US_DIR}/model.gguf`, '--port', port, '--characters', `${env.US_DIR}/nobody`, '--data-dir', `${env.US_DIR}/studio-data`, '-t', 2], { stdio: ['ignore', log, log] });
  for (let i = 0; i < 600 && p.exitCode === null; i++) {
    if (await fetch(`${base}/health`).then(r => r.ok, () => false)) return p;
    await new Promise(r => setTimeout(r, 50));
  }
  throw new Error(fs.readFileSync(`${env.US_DIR}/studio.log`, 'utf8'));
}
const browser = await chromium.launch({ executablePath: env.US_CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
let problems = [], expected = [];
async function open(address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en-US', reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(120000);
  await context.addInitScript(() => document.addEventListener('securitypolicyviolation', e => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`)));
  const page = await context.newPage();
  page.on('console', m => { if (m.type() === 'error' || m.type() === 'warning') problems.push(m.text()); });
  page.on('pageerror', e => problems.push(e.stack));
  page.on('request', r => { if (!r.url().startsWith(base) && !/^(blob|data):/.test(r.url())) problems.push(`a request to ${r.url()}`); });
  await page.goto(base + address);
  return page;
}
const shot = (page, name) => page.screenshot({ path: `${env.US_SHOTS}/studio-${name}.png` });
async function accessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => `${n.target} ${n.failureSummary}`).join(' | ')}`), [], where);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, `${where}: wider than the window`);
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
let server = await serve(), page = await open('/'), clicks = 0;
const click = async what => { clicks++; await what.click(); };
const steps = { max_steps: '20' };

await test('drop: the script is on the disk and what is in it is shown', async () => {
  await click(page.getByRole('button', { name: /Make a character/ }));
  await page.waitForSelector('#drop-zone');
  await accessible(page, 'drop');
  await shot(page, 'drop');
  clicks++;
  await page.locator('#drop-zone input').setInputFiles(`${env.US_DIR}/my show.csv`);
  await page.waitForSelector('.person');
  assert.match(await page.locator('#main').innerText(), /my show\.csv[^]*Boris Bell\s+140 lines/);
  assert.match(await page.locator('.lines').innerText(), /Dad, [^]*<img src=x onerror/);
  await accessible(page, 'explore');
  await shot(page, 'explore');
  await page.reload(); // the address brings it back
  await page.waitForSelector('.person');
});

await test('explore: repairs as switches, one of them in words and lines', async () => {
  await click(page.locator('.person', { hasText: 'Boris Bell' }));
  await page.waitForFunction(() => document.querySelector('.cloud')?.naturalWidth > 0);
  await accessible(page, 'a person');
  await shot(page, 'person');
  await page.locator('.quote').first().click();
  await page.waitForSelector('dialog .lines div');
  await page.keyboard.press('Escape');
});

await test('cast: what it costs is said before; rehearse: it draws itself, pauses and goes on', async () => {
  await click(page.getByRole('link', { name: 'Teach Boris' }));
  await page.waitForSelector('textarea[name=persona]');
  assert.match(await page.locator('textarea[name=persona]').inputValue(), /You are Boris Bell/);
  assert.match(await page.locator('#main').innerText(), /about [^]*Memory[^]*MB/);
  await page.locator('details summary').click();
  await page.fill('input[name=max_steps]', steps.max_steps);
  await accessible(page, 'cast');
  await shot(page, 'cast');
  await click(page.getByRole('button', { name: 'Start the rehearsal' }));
  await page.waitForFunction(() => document.querySelector('.graph polyline.thin')?.getAttribute('points').split(' ').length > 3);
  await accessible(page, 'rehearse');
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.waitForSelector('.status strong:has-text("paused")');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.waitForSelector('.status strong:has-text("running")');
});

await test('the server is killed in the middle: said, interrupted, gone on with', async () => {
  expected.push(/net::ERR|Failed to fetch|Failed to load/);
  const before = Number((await page.locator('.status').innerText()).match(/Step (\d+)/)?.[1] || 0);
  server.kill('SIGKILL');
  await page.waitForSelector('#offline');
  await shot(page, 'offline');
  server = await serve();
  await page.waitForSelector('#offline', { state: 'detached' });
  await page.waitForSelector('.status strong:has-text("interrupted")');
  assert.ok(before >= 0);
  await shot(page, 'interrupted');
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.waitForSelector('.status strong:has-text("running"), a:has-text("To the premiere")');
});

let other;
await test('a second browser finds it as it is, and hears of the end', async () => {
  other = await open('/');
  await other.waitForSelector('.rail-job, .card');
  await page.waitForSelector('a:has-text("To the premiere")', { timeout: 600000 });
  await other.waitForSelector('.card h2:has-text("Boris Bell")'); // by itself
  await shot(page, 'ready');
  await accessible(page, 'ready');
});

await test('premiere, and the first words: eight clicks at most', async () => {
  await click(page.getByRole('link', { name: 'To the premiere' }));
  await page.waitForSelector('.premiere h1');
  await accessible(page, 'premiere');
  await shot(page, 'premiere');
  await click(page.getByRole('link', { name: 'Talk to Boris', exact: true }));
  await page.fill('#line', 'Hello, Boris!');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.turn.character .tools');
  assert.ok(clicks <= 8, `${clicks} clicks`);
  console.log(`# ${clicks} clicks from the first page to the first reply`);
});

await test('two tabs on one chat agree', async () => {
  await other.goto(page.url());
  await other.waitForSelector('.turn.character .tools');
  await page.fill('#line', 'And what about the moon?');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.pending', { state: 'detached' });
  await page.waitForFunction(() => document.querySelectorAll('.turn.user').length === 2);
  const n = await page.locator('.turn').count();
  await other.waitForFunction(k => document.querySelectorAll('.turn').length === k && !document.querySelector('.pending'), n);
  assert.deepEqual(await other.locator('.turn .text').allInnerTexts(), await page.locator('.turn .text').allInnerTexts());
});

await test('the character is changed, deleted, taken back', async () => {
  await page.goto(`${base}/#/premiere/boris-bell`);
  await page.getByRole('button', { name: 'Change' }).click();
  await page.locator('dialog input[type=text]').fill('Boris the Bell');
  await accessible(page, 'change');
  await page.locator('dialog').getByRole('button', { name: 'Save' }).click();
  await page.waitForSelector('.premiere h1:has-text("Boris the Bell")');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Undo' }).click();
  await page.waitForSelector('.premiere h1:has-text("Boris the Bell")');
});

await test('on a phone, in Russian, in the dark', async () => {
  const phone = await open('/#/studio', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, locale: 'ru-RU', colorScheme: 'dark' });
  await phone.waitForSelector('.list a');
  await accessible(phone, 'studio, phone');
  await shot(phone, 'phone');
  assert.match(await phone.locator('#main').innerText(), /Студия[^]*Ваши сценарии/);
  const words = await phone.locator('#main').innerText();
  assert.ok(!/\b(undefined|\{\w+\})\b/.test(words), words);
  await phone.locator('.list a').first().tap();
  await phone.waitForSelector('.person');
  await accessible(phone, 'explore, phone');
  await shot(phone, 'phone-explore');
  await phone.locator('.person').first().tap();
  await phone.waitForSelector('.quote');
  await accessible(phone, 'a person, phone');
  await phone.context().close();
});

await test('by keyboard alone', async () => {
  await page.goto(`${base}/#/studio`);
  await page.waitForSelector('.list a');
  const tabTo = async (test, what) => {
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(test)) return;
    }
    assert.fail(`${what} is not reached by Tab`);
  };
  await tabTo(() => document.activeElement.matches('.list a[href^="#/script/"]'), 'the script');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.person');
  await tabTo(() => document.activeElement.matches('.person'), 'a person');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.cloud');
  await tabTo(() => /Teach/.test(document.activeElement.textContent), 'Teach');
  await page.keyboard.press('Enter');
  await page.waitForSelector('textarea[name=persona]');
  await tabTo(() => document.activeElement.matches('button.primary.big'), 'the start');
});

await browser.close();
server.kill();
process.exit(failures ? 1 : 0);
