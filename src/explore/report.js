// Search, and the lines behind a word, a bar or a cell. The page is whole without this.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const lines = data.lines, say = data.say, me = data.speakers.indexOf(data.name), page = 60;
  const word = /[\p{L}\p{M}\p{N}]+(?:'[\p{L}\p{M}\p{N}]+)*/gu;
  const fold = s => " " + (s.toLowerCase().replace(/\u2019/g, "'").match(word) || []).join(" ") + " ";
  const text = l => l[l.length - 1];
  let folded = null; // made once, at the first question
  const own = () => folded || (folded = lines.flatMap((l, i) => l && l[0] === me ? [[i, fold(text(l))]] : []));

  const el = (tag, props, ...children) => {
    const e = Object.assign(document.createElement(tag), props);
    e.append(...children);
    return e;
  };

  const title = el("h3"), list = el("ol"), close = el("button", {type: "button", textContent: say.close});
  const found = el("aside", {id: "found", hidden: true}, el("div", {}, title, close), list);
  document.body.append(found);
  let opener = null;
  const hide = () => { found.hidden = true; if (opener) opener.focus({preventScroll: true}); };
  close.onclick = hide;
  addEventListener("keydown", e => { if (e.key === "Escape" && !found.hidden) hide(); });

  const escape = s => s.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/'/g, "['\u2019]");
  // A line's text with the sought words marked; `forms` are folded. `begun`: they may go on, as in a search.
  const marked = (s, forms, begun) => {
    if (!forms.length) return [s];
    const sought = forms.map(f => f.trim().split(" ").map(escape).join("[^\\p{L}\\p{M}\\p{N}]+")).join("|");
    const re = new RegExp("(?<![\\p{L}\\p{M}\\p{N}])(?:" + sought + ")" + (begun ? "" : "(?![\\p{L}\\p{M}\\p{N}])"), "giu"), out = [];
    let at = 0;
    for (const m of s.matchAll(re)) {
      out.push(s.slice(at, m.index), el("mark", {textContent: m[0]}));
      at = m.index + m[0].length;
    }
    return [...out, s.slice(at)];
  };
  const near = l => l ? [el("p", {className: "near"}, el("b", {textContent: (data.speakers[l[0]] || say.nobody) + ": "}), text(l))] : [];
  const item = (i, forms, begun) => {
    const l = lines[i], file = l.length > 3 ? data.files[l[2]] + ", " : "";
    return el("li", {}, ...near(lines[i - 1]), el("p", {}, el("b", {textContent: data.name + ": "}), ...marked(text(l), forms, begun)), ...near(lines[i + 1]),
      el("small", {textContent: file + say.line + " " + l[1]}));
  };

  // Shows the lines with the numbers `hits`, a page at a time.
  const show = (what, hits, forms, begun) => {
    const count = say.lines + ": " + hits.length.toLocaleString(document.documentElement.lang) + (data.every > 1 ? "; " + say.every + " " + data.every : "");
    title.replaceChildren(what, el("small", {textContent: count}));
    list.replaceChildren();
    let at = 0;
    const more = () => {
      list.append(...hits.slice(at, at + page).map(i => item(i, forms, begun)));
      at += page;
      if (at < hits.length) list.append(el("li", {}, el("button", {type: "button", textContent: say.more, onclick: e => { e.target.parentNode.remove(); more(); }})));
    };
    more();
    list.scrollTop = 0;
    found.hidden = false;
  };

  const answers = {
    f: v => {
      const forms = v.split("|").map(f => " " + f + " ");
      return [own().filter(o => forms.some(f => o[1].includes(f))).map(o => o[0]), forms];
    },
    line: v => [own().filter(o => text(lines[o[0]]) === v).map(o => o[0]), []],
    with: v => [own().filter(o => [-1, 1].some(d => lines[o[0] + d] && data.speakers[lines[o[0] + d][0]] === v)).map(o => o[0]), []],
    len: v => [own().filter(o => { const n = text(lines[o[0]]).split(/\s+/).length; return v > 40 ? n > 40 : n === +v; }).map(o => o[0]), []],
  };
  // What takes the focus and is read out as a button: words and rows of words themselves, the bar, in a table what stands in the cell.
  const handle = (e, kind) => {
    const cell = kind === "with" && (e.matches("tr") ? e.firstElementChild : e);
    if (cell && !cell.textContent) return e; // no lines there
    if (cell) {
      const button = el("button", {type: "button"}, ...cell.childNodes);
      button.title = say.lines + ": " + say.with + " " + e.dataset.with;
      cell.append(button);
      return button;
    }
    e.tabIndex = 0;
    if (kind === "len") e.setAttribute("role", "button"), e.setAttribute("aria-label", e.title);
    return e;
  };
  const names = {f: v => "\u201c" + v + "\u201d", line: v => "\u201c" + v + "\u201d", with: v => say.with + " " + v, len: v => say.words + ": " + v + (v > 40 ? say.or_more : "")};
  for (const kind of Object.keys(answers)) for (const e of document.querySelectorAll("[data-" + kind + "]")) {
    const value = e.dataset[kind];
    if (!value) continue;
    const label = kind === "f" ? (e.querySelector("td span") || e.querySelector("title")).textContent.split(": ")[0] : value;
    const stop = handle(e, kind);
    const open = () => { opener = stop; show(names[kind](label), ...answers[kind](value)); };
    e.classList.add("live");
    e.addEventListener("click", open);
    e.addEventListener("keydown", k => { if (k.key === "Enter" || k.key === " ") { k.preventDefault(); open(); close.focus(); } });
  }
  // In the matrix and in the histogram Tab stops once, and the arrows go on from there.
  for (const box of document.querySelectorAll(".heat, .histogram")) {
    const stops = [...box.querySelectorAll("[tabindex], button")];
    stops.forEach((e, i) => { e.tabIndex = i ? -1 : 0; });
    box.addEventListener("keydown", k => {
      const at = stops.indexOf(document.activeElement), to = {ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: stops.length - 1}[k.key];
      if (at < 0 || !stops[to]) return;
      k.preventDefault();
      stops[at].tabIndex = -1;
      stops[to].tabIndex = 0;
      stops[to].focus();
    });
  }

  const input = el("input", {type: "search", placeholder: say.search + ": " + data.name, ariaLabel: say.search + ": " + data.name});
  let timer;
  input.oninput = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const q = fold(input.value).trim();
      if (!q) return void (found.hidden = true);
      opener = input;
      show("\u201c" + input.value.trim() + "\u201d", own().filter(o => o[1].includes(" " + q)).map(o => o[0]), [q], true);
    }, 120);
  };
  document.getElementById("search").append(input);
})();
