// The pictures of the page in README and docs/: US_NPM=build/npm US_CHROMIUM=chromium node tests/page/pictures.mjs URL [DIR]
// against a server that has Homer, over an empty --data-dir. Afterwards: pngquant --ext .png --force DIR/*.png
import path from 'node:path';
import { createRequire } from 'node:module';

const [base = 'http://127.0.0.1:5000', dir = 'docs/img'] = process.argv.slice(2);
const { chromium } = createRequire(path.resolve(process.env.US_NPM || 'build/npm', 'package.json'))('playwright-core');
const browser = await chromium.launch({ executablePath: process.env.US_CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'] });

async function open(options) {
  const page = await (await browser.newContext({ viewport: { width: 1180, height: 760 }, locale: 'en-US', reducedMotion: 'reduce', ...options })).newPage();
  await page.goto(base);
  await page.evaluate(() => { localStorage.setItem('welcomed', 'true'); localStorage.setItem('seen_takes', 'true'); });
  await page.reload();
  await page.waitForSelector('.card');
  return page;
}
async function say(page, ...lines) {
  for (const line of lines) {
    await page.fill('#line', line);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.go.stop');
    await page.waitForSelector('.go:not(.stop)', { timeout: 120000 });
  }
  await page.waitForTimeout(400);
}
const save = (page, name) => page.screenshot({ path: path.join(dir, `${name}.png`) });

const light = await open({ colorScheme: 'light' });
await light.goto(`${base}/#/new/homer`);
await say(light, 'How was work today?', 'Homer, the car is on fire!', 'Who is your best friend?');
await save(light, 'chat');
await light.click('.last [data-tool=takes]');
await light.waitForTimeout(300);
await save(light, 'takes');

const dark = await open({ colorScheme: 'dark' });
await dark.waitForTimeout(400);
await dark.locator('.card', { hasText: 'Homer Simpson' }).locator('button').click();
await dark.waitForSelector('.drawer .bars');
await dark.waitForTimeout(400);
await save(dark, 'about');

const phone = await open({ colorScheme: 'dark', locale: 'ru-RU', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
await phone.goto(`${base}/#/new/homer`);
await say(phone, 'What do you want for dinner?', 'Are you a computer?');
await save(phone, 'phone');

const studio = await open({ colorScheme: 'light', viewport: { width: 1000, height: 760 } });
await studio.goto(`${base}/#/studio`);
await studio.getByRole('button', { name: /sample/i }).click();
await studio.waitForSelector('.person');
await studio.waitForTimeout(400);
await save(studio, 'explore');
await studio.locator('.person').first().click();
await studio.getByRole('link', { name: 'Teach Marta' }).click();
await studio.locator('details summary').click();
await studio.fill('input[name=max_steps]', '12');
await studio.getByRole('button', { name: 'Start the rehearsal' }).click();
await studio.waitForSelector('a:has-text("To the premiere")', { timeout: 900000 });
await studio.waitForTimeout(400);
await save(studio, 'rehearse');
await studio.getByRole('link', { name: 'To the premiere' }).click();
await studio.waitForSelector('.premiere h1');
await studio.waitForTimeout(600);
await save(studio, 'premiere');
await browser.close();
