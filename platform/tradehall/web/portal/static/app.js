// Islands of the portal. Every page works without this file; it adds a running clock, the live record, copying and the
// remembered type size. Words come from data attributes, so that no text lives here.
"use strict";
(function () {
  const body = document.body;
  const root = document.documentElement;

  // --- clock: server time plus a measured offset, ticking from the monotonic clock -----------------------------
  const SAMPLES = 5;
  // Server minus monotonic clock, in ms. The page's own stamp is a first guess until round trips have been measured.
  let serverMinusMonotonic = Date.parse(body.dataset.now) - performance.now();
  let measured = false;

  function serverNow() {
    return performance.now() + serverMinusMonotonic;
  }

  async function sampleOffset() {
    const sent = performance.now();
    const response = await fetch(body.dataset.timeUrl, { cache: "no-store", headers: { Accept: "application/json" } });
    const received = performance.now();
    if (!response.ok) throw new Error("no time");
    const answer = await response.json();
    return Date.parse(answer.now) - (sent + received) / 2;
  }

  async function synchronise() {
    const offsets = [];
    for (let i = 0; i < SAMPLES; i += 1) {
      try {
        const offset = await sampleOffset();
        if (Number.isFinite(offset)) offsets.push(offset);
      } catch {
        break;
      }
    }
    if (offsets.length === 0) return;
    offsets.sort((a, b) => a - b);
    serverMinusMonotonic = offsets[Math.floor(offsets.length / 2)];
    measured = true;
    tick();
  }

  const pad = (value) => String(value).padStart(2, "0");

  function centreClock(milliseconds) {
    const shifted = new Date(milliseconds + 8 * 3600 * 1000);
    return pad(shifted.getUTCHours()) + ":" + pad(shifted.getUTCMinutes()) + ":" + pad(shifted.getUTCSeconds());
  }

  function timeLeft(element, left) {
    const seconds = Math.ceil(left / 1000);
    const days = Math.floor(seconds / 86400);
    const rest = seconds % 86400;
    const time = pad(Math.floor(rest / 3600)) + ":" + pad(Math.floor(rest / 60) % 60) + ":" + pad(rest % 60);
    if (days === 0) return time;
    return days + " " + (days === 1 ? element.dataset.dayOne : element.dataset.dayMany) + " " + time;
  }

  const said = new WeakMap();

  function announce(element, left) {
    // Spoken at 10, 5 and 1 minutes only; nothing is said about marks that had passed when the page was opened.
    const marks = [10, 5, 1].filter((minutes) => left <= minutes * 60000);
    const mark = marks.length === 0 ? null : marks[marks.length - 1];
    if (!said.has(element)) {
      said.set(element, mark);
      return;
    }
    if (mark !== null && said.get(element) !== mark) {
      said.set(element, mark);
      element.querySelector("[data-countdown-say]").textContent = element.getAttribute("data-say-" + mark);
    }
  }

  function setText(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  }

  function tick() {
    const now = serverNow();
    for (const element of document.querySelectorAll("[data-countdown]")) {
      const left = Date.parse(element.dataset.countdown) - now;
      setText(element.querySelector("[data-countdown-time]"), left <= 0 ? element.dataset.over : timeLeft(element, left));
      announce(element, left);
    }
    const offset = (Date.now() - now) / 1000;
    for (const element of document.querySelectorAll("[data-clock]")) {
      let text = element.dataset.wordClock + " " + centreClock(now);
      if (measured && Math.abs(offset) < 86400) { // a sandbox lives on another day
        const sign = offset < 0 ? "−" : "+";
        text += " · " + element.dataset.wordOffset + " " + sign + Math.abs(offset).toFixed(1) + " " + element.dataset.wordSecond;
      }
      setText(element, text);
    }
  }

  if (document.querySelector("[data-countdown], [data-clock]")) {
    tick();
    setInterval(tick, 250);
    synchronise();
    setInterval(synchronise, 300000);
    window.addEventListener("focus", synchronise);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) synchronise();
    });
  }

  // --- live record -------------------------------------------------------------------------------------------
  const panel = document.querySelector("[data-feed]");

  function startFeed() {
    const HEARTBEAT_MS = 40000; // the server sends one at least every 15 s
    const list = panel.querySelector("[data-feed-list]");
    const state = panel.querySelector("[data-connection]");
    let sequence = Number(panel.dataset.sequence);
    let source = null;
    let lastSign = performance.now();
    let wait = 1000;
    let refetching = null;

    function show(name) {
      const symbol = name === "connected" ? "connected" : "disconnected";
      const tone = name === "connected" ? "done" : name === "disconnected" ? "attention" : "waiting";
      state.className = "chip chip-" + tone;
      setText(state.querySelector("span"), panel.getAttribute("data-word-" + name));
      const use = state.querySelector("use");
      use.setAttribute("href", use.getAttribute("href").replace(/#.*$/, "#" + symbol));
    }

    function append(entry) {
      if (list.querySelector('[data-sequence="' + entry.sequence + '"]')) return;
      for (const none of list.querySelectorAll(".feed-none")) none.remove();
      const item = document.createElement("li");
      item.className = "feed-" + (entry.tone || "done") + " feed-new";
      item.dataset.sequence = String(entry.sequence);
      const time = document.createElement("time");
      time.dateTime = entry.at;
      time.textContent = centreClock(Date.parse(entry.at));
      const text = document.createElement("span");
      text.textContent = root.lang === "en" ? entry.en : entry.zh;
      item.append(time, text);
      list.prepend(item);
      setTimeout(() => item.classList.remove("feed-new"), 4000);
    }

    // The page itself is the only source of the table: it is fetched again and only what differs is exchanged.
    function refetch() {
      if (refetching !== null) return;
      refetching = setTimeout(async () => {
        refetching = null;
        try {
          const response = await fetch(location.href, { cache: "no-store", headers: { Accept: "text/html" } });
          if (!response.ok) return;
          const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
          for (const part of document.querySelectorAll("[data-live]")) {
            exchange(part, fresh.querySelector('[data-live="' + part.dataset.live + '"]'));
          }
          enhance(document);
          tick();
          const freshPanel = fresh.getElementById("hall-feed");
          if (!freshPanel) return;
          catchUp(freshPanel.querySelector("[data-feed-list]"));
          if (freshPanel.dataset.feed) {
            sequence = Math.max(sequence, Number(freshPanel.dataset.sequence));
          } else {
            source.close(); // the hall has closed: nothing more will come
            state.hidden = true;
          }
        } catch {
          // The next event or reconnection fetches again.
        }
      }, 200 + Math.random() * 800); // spread, so that all watchers do not ask in the same instant
    }

    // Entries that came while the stream was broken: only what is missing is added, so that nothing is read out twice.
    function catchUp(freshList) {
      for (const item of Array.from(freshList.querySelectorAll("li[data-sequence]")).reverse()) {
        if (list.querySelector('[data-sequence="' + item.dataset.sequence + '"]')) continue;
        for (const none of list.querySelectorAll(".feed-none")) none.remove();
        list.prepend(document.importNode(item, true));
      }
    }

    function exchange(part, fresh) {
      if (!fresh) {
        part.replaceChildren(); // a part that is gone, such as an act that is no longer due
        return;
      }
      if (part.innerHTML === fresh.innerHTML) return;
      const clock = part.querySelector("[data-countdown]");
      const freshClock = fresh.querySelector("[data-countdown]");
      if (clock && freshClock && clock.dataset.countdown === freshClock.dataset.countdown) return; // it runs by itself
      if (part.contains(document.activeElement) || part.matches(":hover")) {
        exchangeRows(part, fresh);
        return;
      }
      part.replaceChildren(...fresh.childNodes);
    }

    // Under the pointer or the focus nothing may move: only rows that are neither are exchanged, in place.
    function exchangeRows(part, fresh) {
      for (const row of part.querySelectorAll("[data-row]")) {
        const next = fresh.querySelector('[data-row="' + row.dataset.row + '"]');
        if (next && !row.contains(document.activeElement) && !row.matches(":hover") && row.innerHTML !== next.innerHTML) {
          row.className = next.className;
          row.replaceChildren(...next.childNodes);
        }
      }
      const again = () => {
        part.removeEventListener("pointerleave", again);
        part.removeEventListener("focusout", again);
        refetch();
      };
      part.addEventListener("pointerleave", again);
      part.addEventListener("focusout", again);
    }

    function onEntry(event) {
      lastSign = performance.now();
      const entry = JSON.parse(event.data);
      if (entry.sequence <= sequence) return;
      sequence = entry.sequence;
      append(entry);
      refetch();
    }

    function connect() {
      show("connecting");
      source = new EventSource(panel.dataset.feed + "?after=" + sequence);
      source.addEventListener("open", () => {
        lastSign = performance.now();
        wait = 1000;
        show("connected");
        refetch();
        synchronise();
      });
      source.addEventListener("entry", onEntry);
      source.addEventListener("heartbeat", () => {
        lastSign = performance.now();
      });
      source.addEventListener("error", () => {
        show("disconnected");
        // A browser that still tries sends Last-Event-ID itself; one that gave up is helped.
        if (source.readyState === EventSource.CLOSED) later();
      });
    }

    function later() {
      source.close();
      setTimeout(connect, wait + Math.random() * 1000);
      wait = Math.min(wait * 2, 30000);
    }

    setInterval(() => {
      if (source.readyState === EventSource.OPEN && performance.now() - lastSign > HEARTBEAT_MS) {
        show("disconnected");
        lastSign = performance.now();
        later();
      }
    }, 5000);
    window.addEventListener("offline", () => show("disconnected"));
    connect();
  }

  // --- copying and type size -----------------------------------------------------------------------------------
  function enhance(scope) {
    if (!navigator.clipboard) return;
    for (const button of scope.querySelectorAll("[data-copy][hidden]")) button.hidden = false;
  }

  async function copy(button) {
    await navigator.clipboard.writeText(button.dataset.copy);
    const before = button.innerHTML;
    button.dataset.done = "";
    button.textContent = body.dataset.wordCopied;
    setTimeout(() => {
      delete button.dataset.done;
      button.innerHTML = before;
    }, 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button && !("done" in button.dataset)) copy(button).catch(() => {});
    const toggle = event.target.closest("[data-size-toggle]");
    if (toggle) {
      event.preventDefault();
      const size = root.dataset.size === "large" ? "normal" : "large";
      root.dataset.size = size;
      const safe = location.protocol === "https:"; // over HTTPS the name keeps neighbouring hosts from planting it
      document.cookie = (safe ? "__Host-size=" : "size=") + size + "; path=/; max-age=31536000; samesite=lax" + (safe ? "; secure" : "");
      setText(toggle.querySelector("span"), size === "large" ? toggle.dataset.wordNormal : toggle.dataset.wordLarge);
    }
  });

  enhance(document);
  const focus = document.querySelector("[data-focus]");
  if (focus) focus.focus();
  if (panel) startFeed();
})();
