// Figures of the page, for a quiet machine; not a test: US_NPM=build/npm US_CHROMIUM=chromium node tests/page/measure.mjs URL CHARACTER
// against a server that has the character. Prints how long a visitor waits for the first readable word (30 lines, or as many as N says), and what a
// frame costs while words stream into a chat of 500 turns.
import path from 'node:path';
import { createRequire } from 'node:module';

const [base = 'http://127.0.0.1:5000', who = 'homer'] = process.argv.slice(2);
const { chromium } = createRequire(path.resolve(process.env.US_NPM || 'build/npm', 'package.json'))('playwright-core');
const browser = await chromium.launch({ executablePath: process.env.US_CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const ask = async (method, where, body) => {
  const text = await (await fetch(base + where, { method, body: body && JSON.stringify(body), headers: { 'Content-Type': 'application/json' } })).text();
  return text ? JSON.parse(text) : null;
};
const at = (list, p) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(p * list.length))];
const page = await (await browser.newContext({ viewport: { width: 1280, height: 860 } })).newPage();
page.setDefaultTimeout(120000);

/* ---- the first words ---- */

const lines = ['How was work today?', 'The car is on fire!', 'Who is your best friend?', 'What do you want for dinner?', 'Are you a computer?', 'I lost my keys again.', 'Tell me a secret.', 'What is that noise?', 'Do you like the rain?', 'Where are the children?'];
const waits = [];
for (let i = 0; i < Number(process.env.N || 30); i++) {
  if (i % 10 === 0) { await page.goto(`${base}/#/new/${who}`); await page.waitForSelector('#line'); }
  // From the key to the first words that stand there, drafts included, in the page's own time.
  await page.evaluate(() => {
    window.first = new Promise(done => {
      let from = 0;
      addEventListener('keydown', e => { if (e.key === 'Enter') from ||= performance.now(); }, { capture: true, once: true });
      const see = new MutationObserver(() => {
        const words = document.querySelector('.pending .sketch, .pending .text > span:not(.from)')?.textContent || '';
        if (from && /\p{L}{2}/u.test(words)) { see.disconnect(); requestAnimationFrame(() => done(performance.now() - from)); }
      });
      see.observe(document.body, { childList: true, subtree: true, characterData: true });
    });
  });
  await page.fill('#line', lines[i % lines.length]);
  await page.keyboard.press('Enter');
  const ms = await Promise.race([page.evaluate(() => window.first), new Promise(r => setTimeout(r, 60000, NaN))]);
  if (ms > 0) waits.push(ms);
  await page.waitForFunction(() => document.querySelector('.go:not(.stop)') && !document.querySelector('.pending'));
}
console.log(`first readable word, ms over ${waits.length} lines: median ${at(waits, 0.5).toFixed(0)}, 95th percentile ${at(waits, 0.95).toFixed(0)}, most ${Math.max(...waits).toFixed(0)}\n  each: ${waits.map(w => w.toFixed(0)).join(' ')}`);

/* ---- frames ---- */

const c = await ask('GET', `/api/characters/${who}`), turns = [];
for (let i = 0; i < 250; i++) {
  const text = `Line ${i} of a long evening, with some words that fill a row or two of the page, as replies do.`;
  turns.push({ role: 'user', speaker: '', character: null, text: `And ${i}?`, chosen: 0, alternatives: [{ text: `And ${i}?`, score: null, end: 'said' }] }, { role: 'character', speaker: c.name, character: who, text, chosen: 0, alternatives: [0, 1, 2, 3].map(k => ({ text: `${text} ${k}`, score: -k, end: 'self' })) });
}
const chat = await ask('POST', '/api/chats/import', { format: 'json', data: { understudy_chat: 2, title: 'Long', user: '', characters: [who], scale: {}, turns } });
await page.goto(`${base}/#/chat/${chat.id}`);
await page.waitForSelector('.turn.last .tools');
const cdp = await page.context().newCDPSession(page);
await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
const spent = async () => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map(m => [m.name, m.value]));
await page.evaluate(() => { // words as from a fast server: one each 10 ms, for 5 s
  const real = window.fetch;
  window.fetch = (url, o) => !/\/next$/.test(url) && !/\/say$/.test(url) ? real(url, o) : Promise.resolve(new Response(new ReadableStream({ async start(s) {
    const put = (e, d) => s.enqueue(new TextEncoder().encode(`event: ${e}\ndata: ${JSON.stringify(d)}\n\n`));
    for (let i = 0; i < 500; i++) { put('delta', { text: `word${i} ` }); await new Promise(r => setTimeout(r, 10)); }
    window.over = true;
    s.close();
  } })));
});
const before = await spent();
await page.evaluate(() => { window.frames = []; let last = 0; const tick = now => { if (last) window.frames.push(now - last); last = now; if (!window.over) requestAnimationFrame(tick); }; requestAnimationFrame(tick); });
await page.fill('#line', 'Go on.');
await page.keyboard.press('Enter');
await page.waitForFunction(() => window.over);
const after = await spent(), frames = await page.evaluate(() => window.frames), cost = k => (1000 * (after[k] - before[k]) / frames.length).toFixed(2);
console.log(`500 turns, ${frames.length} frames while words stream: ${(1000 / at(frames, 0.5)).toFixed(0)} a second at the median, 95th percentile of a frame ${at(frames, 0.95).toFixed(1)} ms; the page's own processor time a frame: ${cost('TaskDuration')} ms (layout ${cost('LayoutDuration')}, styles ${cost('RecalcStyleDuration')}, script ${cost('ScriptDuration')})`);
await ask('DELETE', `/api/chats/${chat.id}`);
await browser.close();
