// The README's pictures of the page: US_NPM=build/npm US_CHROMIUM=chromium node tests/page/pictures.mjs URL [DIR]
// against a server that has Homer. Afterwards: pngquant --ext .png --force DIR/*.png
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
await dark.locator('.card button').first().click();
await dark.waitForSelector('.drawer .bars');
await dark.waitForTimeout(400);
await save(dark, 'about');

const phone = await open({ colorScheme: 'dark', locale: 'ru-RU', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
await phone.goto(`${base}/#/new/homer`);
await say(phone, 'What do you want for dinner?', 'Are you a computer?');
await save(phone, 'phone');
await browser.close();
