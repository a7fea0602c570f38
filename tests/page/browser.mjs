// What page.mjs and studio.mjs share: a server of their own, Chromium, one page a test, and words for what must become so.
// Nothing here or there depends on time. Whatever follows an action is waited for: by Playwright's own waiting, or by
// eventually(), which tries an expectation until it holds. US_SLOW=6 makes Chromium's processor that many times slower.
// run.sh prepares the environment: US_DIR, US_NPM, US_CHROMIUM, US_SHOTS, UNDERSTUDY.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';

export const env = process.env;
const need = createRequire(path.resolve(env.US_NPM, 'package.json'));
const { chromium } = need('playwright-core'), axe = fs.readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');
fs.mkdirSync(env.US_SHOTS, { recursive: true });
const patience = 90000; // a busy machine is slow, not wrong; what is never so fails after this
const rest = ms => new Promise(r => setTimeout(r, ms));

// Tries until f no longer throws; gives what f gives.
export async function eventually(f, until = Date.now() + patience) {
  for (;;) {
    try { return await f(); } catch (e) { if (Date.now() > until) throw e; }
    await rest(40);
  }
}
// What read() gives becomes this: a value, or a text that an expression finds.
export const becomes = (read, wanted) => eventually(async () => {
  const got = await read();
  if (wanted instanceof RegExp) assert.match(got, wanted); else assert.deepEqual(got, wanted);
});
export const holds = (read, what = '') => eventually(async () => assert.ok(await read(), what || read.toString()));

/* ---- a server ---- */

// Ports below those that the system gives to connections, so that the same one can be had again after a kill.
let ports = 12000 + process.pid * 7 % 18000;
async function started(p, base, log) {
  for (const until = Date.now() + patience; Date.now() < until; await rest(50)) {
    if (p.exitCode !== null || p.signalCode !== null) return false;
    // Another one may listen there: ours has said that it does.
    if (fs.readFileSync(log, 'utf8').includes(`${base} (`) && await fetch(`${base}/health`).then(r => r.ok, () => false)) return true;
  }
  throw new Error(`the server did not answer: ${fs.readFileSync(log, 'utf8')}`);
}
export class Server {
  constructor(name, characters, more = []) { Object.assign(this, { name, characters, more, port: 0, runs: 0 }); }
  get base() { return `http://127.0.0.1:${this.port}`; }
  get running() { return Boolean(this.p) && this.p.exitCode === null && this.p.signalCode === null; }
  // On the port that it had before; the first time on one that is free.
  async start() {
    if (this.running) return this;
    const first = !this.port;
    for (const until = Date.now() + patience; ; await rest(200)) {
      if (first) this.port = ports++;
      const name = `${env.US_DIR}/${this.name}-${++this.runs}.log`, log = fs.openSync(name, 'w');
      this.log = name;
      this.p = spawn(env.UNDERSTUDY, ['serve', '-m', `${env.US_DIR}/model.gguf`, '--port', this.port, '--characters', this.characters, '--data-dir', `${env.US_DIR}/${this.name}`, '-t', 2, ...this.more], { stdio: ['ignore', log, log] });
      fs.closeSync(log);
      if (await started(this.p, this.base, name)) return this;
      const said = fs.readFileSync(name, 'utf8');
      if (!/cannot listen on/.test(said) || Date.now() > until) throw new Error(`the server did not start: ${said}`);
    }
  }
  end(signal = 'SIGTERM') {
    return new Promise(resolve => { if (!this.running) { resolve(); return; } this.p.once('exit', resolve); this.p.kill(signal); });
  }
  async ask(method, where, body) {
    const raw = typeof body === 'string' || body === undefined;
    const r = await fetch(this.base + where, { method, body: raw ? body : JSON.stringify(body), headers: { 'Content-Type': raw ? 'application/octet-stream' : 'application/json' } });
    const text = await r.text();
    assert.ok(r.ok, `${method} ${where}: ${r.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }
}

/* ---- pages, watched ---- */

export const browser = await chromium.launch({ executablePath: env.US_CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
let problems = [], expected = [], contexts = []; // of the test that runs
// Problems of this kind are to come: console errors, policy violations, requests to elsewhere.
export const expect = kind => expected.push(kind);
export async function open(base, address = '/', options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en-US', reducedMotion: 'reduce', acceptDownloads: true, ...options }), mine = problems;
  contexts.push(context);
  context.setDefaultTimeout(patience);
  context.setDefaultNavigationTimeout(patience);
  await context.addInitScript(() => document.addEventListener('securitypolicyviolation', e => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`)));
  const page = await context.newPage();
  if (env.US_SLOW) await (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate: Number(env.US_SLOW) });
  page.on('console', m => { if (m.type() === 'error' || m.type() === 'warning') mine.push(m.text()); });
  page.on('pageerror', e => mine.push(e.stack));
  page.on('request', r => { if (!r.url().startsWith(base) && !/^(blob|data):/.test(r.url())) mine.push(`a request to ${r.url()}`); });
  await page.goto(base + address);
  return page;
}
let shots = '';
export const shot = (page, name) => page.screenshot({ path: `${env.US_SHOTS}/${shots}${name}.png` });
export async function accessible(page, where) {
  await page.evaluate(axe); // the policy forbids foreign scripts; evaluate() is the browser's own door
  await eventually(async () => { // what fades in has not its colours yet
    const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
    assert.deepEqual(violations.map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => `${n.target} ${n.failureSummary}`).join(' | ')}`), [], where);
  }, Date.now() + 15000);
  await becomes(() => page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
  await unharmed(page);
}
// No markup of a model, a card or a script became an element; no script of theirs ran.
export async function unharmed(page) {
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator('img[src=x], .log b, .card b, dialog b, #rail b, .log script').count(), 0);
}

/* ---- tests ---- */

let count = 0, failures = 0;
const only = process.argv[2] && new RegExp(process.argv[2]); // node page.mjs REGEX: those tests alone
export const pictures = prefix => { shots = prefix; };
// Every test begins with no page open: it opens its own, on a state that it makes itself.
export async function test(name, f) {
  if (only && !only.test(name)) return;
  const t0 = Date.now();
  problems = [];
  expected = [];
  contexts = [];
  count++;
  let why = null;
  try {
    let timer; // a wait that has no limit of its own
    await Promise.race([f(), new Promise((_, no) => { timer = setTimeout(no, 5 * patience, new Error('the test does not come to its end')); })]).finally(() => clearTimeout(timer));
    for (const c of contexts) for (const p of c.pages()) await p.evaluate(() => 0); // what the page has said by now has arrived
  } catch (e) {
    why = e;
    for (const [i, p] of contexts.flatMap(c => c.pages()).entries()) await shot(p, `failed-${count}${i ? `-${i}` : ''}`).catch(() => {});
  }
  for (const c of contexts) await c.close().catch(() => {});
  const odd = problems.filter(p => !expected.some(x => x.test(p)));
  if (!why && odd.length) why = new Error(`the page said: ${odd.join('\n')}`);
  if (why) failures++;
  console.log(why ? `not ok ${count} - ${name}\n${why.stack}` : `ok ${count} - ${name} (${Date.now() - t0} ms)`);
}
export async function finish(...servers) {
  await browser.close();
  for (const s of servers) await s.end();
  console.log(`1..${count}`);
  if (failures) { console.log(`${failures} of ${count} failed; pictures are in ${env.US_SHOTS}`); process.exit(1); }
  process.exit(0);
}
