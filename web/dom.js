// Elements, icons, menus, dialogs, toasts. Text is only ever set as text: what a model wrote can't become markup.
import { t } from './words.js';

export const $ = id => document.getElementById(id);

// A part of an address as it was meant; what is no such thing stays as it is.
export const decoded = s => { try { return decodeURIComponent(s); } catch { return s; } };
// Makes `list` the children of e. Those that stay are not moved: they keep the focus and the scroll.
export function arrange(e, list) {
  const stay = new Set(list);
  for (const c of [...e.children]) if (!stay.has(c)) c.remove();
  let at = e.firstChild;
  for (const c of list) if (c === at) at = at.nextSibling; else e.insertBefore(c, at);
}
const shown = c => c !== undefined && c !== null && c !== false;
export const fill = (e, ...children) => e.replaceChildren(...children.flat().filter(shown));
// el('button', { class: 'x', onclick: f, 'aria-label': s, vars: { hue: 40 } }, children...); null and false are left out.
export function el(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else if (name === 'vars') for (const [k, v] of Object.entries(value)) e.style.setProperty(`--${k}`, v);
    else if (name in e && typeof value !== 'string') e[name] = value;
    else e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.flat().filter(shown));
  return e;
}

// Drawn on a grid of 24 with a stroke; a path that begins with "!" is filled.
const paths = {
  plus: 'M12 5v14M5 12h14', close: 'M6 6l12 12M18 6L6 18', menu: 'M4 7h16M4 12h16M4 17h10', check: 'M5 12.5l4.5 4.5L19 7.5',
  send: 'M12 19V5.5M6 11l6-6 6 6', stop: '!M7 7h10v10H7z', again: 'M19.5 12a7.5 7.5 0 1 1-2.300-5.400M19.5 3.5v4.200h-4.200', pencil: 'M4.5 19.5l1-4L16 5l3 3L8.5 18.5zM14 7l3 3',
  copy: 'M9 9h10.5v10.5H9zM15 5.5V4.5H4.5V15h1', branch: 'M6.5 4v16M6.5 14c0-4 10-2 10-7M14 9l2.5-2.5L19 9', eye: 'M3 12s3.300-6 9-6 9 6 9 6-3.300 6-9 6-9-6-9-6zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z',
  trash: 'M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.400L17 7M10.5 10.5v5.5M13.5 10.5v5.5', left: 'M14.5 6l-6 6 6 6', right: 'M9.5 6l6 6-6 6', down: 'M6 9.5l6 6 6-6',
  sliders: 'M5 4v7M5 15v5M12 4v3M12 11v9M19 4v9M19 17v3M3 13h4M10 9h4M17 15h4', columns: 'M4 5h16v14H4zM12 5v14', info: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 11v5.5M12 7.600v.1',
  more: '!M5.5 10.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2zM12 10.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2zM18.5 10.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2z', save: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 19.5h14', open: 'M12 15.5V4.5M7.5 9L12 4.5 16.5 9M5 19.5h14', sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M18.700 5.300l-1.400 1.400M6.700 17.300l-1.400 1.400',
  moon: 'M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z', half: 'M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 3.5v17M12 8l5.5-1M12 12h8.400M12 16l5.5 1', people: 'M9 4.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM2.5 19.5c.5-4 3-5.5 6.5-5.5s6 1.5 6.5 5.5M15.5 5a3.5 3.5 0 0 1 0 6.300M17.5 14.300c2.5.7 3.700 2.400 4 5.200',
  person: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20c.5-4.200 3.5-6 7.5-6s7 1.800 7.5 6', play: '!M8 5.5l11 6.5-11 6.5z', pause: '!M7 6h3.500v12H7zM13.500 6H17v12h-3.500z', keys: 'M3 7h18v10.5H3zM6.5 10.5h.1M10 10.5h.1M13.5 10.5h.1M17 10.5h.1M8 14h8', list: 'M8 6.5h12M8 12h12M8 17.5h12M4 6.5h.1M4 12h.1M4 17.5h.1',
};
export function svg(tag, attributes, ...children) {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  e.append(...children);
  return e;
}
export function icon(name) {
  const filled = paths[name][0] === '!';
  return svg('svg', { viewBox: '0 0 24 24', class: filled ? 'icon filled' : 'icon', 'aria-hidden': 'true' }, svg('path', { d: filled ? paths[name].slice(1) : paths[name] }));
}
// A button with only an icon: its label is its name and its hint.
export function iconButton(name, label, onclick, props = {}) {
  return el('button', { type: 'button', class: 'icon-button', 'aria-label': label, title: label, onclick, ...props }, icon(name));
}
export function button(name, label, onclick, props = {}) {
  return el('button', { type: 'button', class: 'button', onclick, ...props }, name && icon(name), el('span', {}, label));
}

/* ---- what appears above the page ---- */

// Puts a popover next to what opened it, inside the window.
function place(box, at) {
  const a = at.getBoundingClientRect(), b = box.getBoundingClientRect(), gap = 6;
  const below = a.bottom + gap + b.height <= innerHeight || a.top < b.height + gap;
  const end = a.left + b.width > innerWidth - gap;
  box.style.left = `${Math.max(gap, end ? a.right - b.width : a.left)}px`;
  box.style.top = `${Math.max(gap, Math.min(innerHeight - b.height - gap, below ? a.bottom + gap : a.top - b.height - gap))}px`;
}
export function popover(at, label, ...content) {
  const box = el('div', { class: 'popover', popover: 'auto', role: 'dialog', 'aria-label': label }, ...content);
  at.after(box); // next in the order of focus
  at.setAttribute('aria-expanded', 'true');
  box.addEventListener('toggle', e => {
    if (e.newState !== 'closed') return;
    at.removeAttribute('aria-expanded');
    if (box.contains(document.activeElement) || document.activeElement === document.body) at.focus();
    box.remove();
  });
  box.showPopover();
  place(box, at);
  box.close = () => box.isConnected && box.hidePopover();
  return box;
}
// items: [icon, label, action, class?]; null draws a line.
export function menu(at, label, items) {
  const entries = items.filter(Boolean).map(([name, text, action, cls]) =>
    el('button', { type: 'button', role: 'menuitem', class: `menu-item ${cls || ''}`, tabindex: '-1', onclick: () => { box.close(); action(); } }, icon(name), el('span', {}, text)));
  let i = 0;
  const box = popover(at, label, items.map(x => x ? entries[i++] : el('hr')));
  box.setAttribute('role', 'menu');
  box.classList.add('menu');
  box.addEventListener('keydown', e => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key], at = entries.indexOf(document.activeElement);
    if (step) entries[(at + step + entries.length) % entries.length].focus();
    else if (e.key === 'Home') entries[0].focus();
    else if (e.key === 'End') entries.at(-1).focus();
    else if (e.key === 'Tab') box.close();
    else return;
    e.preventDefault();
  });
  entries[0].focus();
  return box;
}
// A modal dialog; options: side (a drawer), onclose. It is gone from the page when closed.
export function dialog(title, content, { side = false, wide = false, onclose } = {}) {
  const id = `d${Math.random().toString(36).slice(2)}`;
  const box = el('dialog', { class: `${side ? 'drawer' : 'sheet'}${wide ? ' wide' : ''}`, 'aria-labelledby': id },
    el('header', { class: 'dialog-head' }, el('h2', { id }, title), iconButton('close', t('close'), () => box.close())),
    el('div', { class: 'dialog-body', tabindex: '-1' }, content));
  box.addEventListener('click', e => { if (e.target === box) box.close(); });
  box.addEventListener('close', () => { if (box.contains($('toasts'))) document.body.append($('toasts')); box.remove(); onclose?.(); });
  document.body.append(box);
  box.showModal();
  return box;
}
// A message for a while; with an action ("Undo") a longer while. Errors are read out at once.
export function toast(text, { action, onaction, error = false, seconds = error ? 15 : action ? 10 : 4 } = {}) {
  const close = () => { clearTimeout(timer); box.remove(); };
  const box = el('div', { class: `toast${error ? ' error' : ''}`, role: error ? 'alert' : 'status' }, el('span', {}, text),
    action && el('button', { type: 'button', class: 'link', onclick: () => { close(); onaction(); } }, action),
    iconButton('close', t('close'), close));
  const timer = setTimeout(close, seconds * 1000);
  const stack = $('toasts');
  // Only what lies in an open modal dialog can be reached.
  ([...document.querySelectorAll('dialog[open]')].at(-1) || document.body).append(stack);
  while (stack.children.length > 2) stack.firstChild.remove();
  stack.append(box);
  return close;
}
export const failed = e => { if (e?.name !== 'AbortError') toast(e.message, { error: true }); };
export const announce = text => { $('spoken').textContent = ''; setTimeout(() => { $('spoken').textContent = text; }, 60); };

// A long list, drawn as far as somebody looks: the next part comes when its end comes into view, or by the button there.
export function gradually(box, items, draw, label, first = 0) {
  let n = 0, part = Math.max(60, first);
  const end = el('li', { class: 'more' }, button('down', label, () => more(true)));
  const watch = new IntersectionObserver(seen => seen.some(s => s.isIntersecting) && more(false), { rootMargin: '600px' });
  function more(focus) {
    const next = items.slice(n, n += part).map(draw);
    part = 60;
    end.remove();
    box.append(...next);
    if (n < items.length) { box.append(end); watch.disconnect(); watch.observe(end); } else watch.disconnect();
    if (focus) next[0]?.querySelector('a, button')?.focus();
  }
  more(false);
  return box;
}
