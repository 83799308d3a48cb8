// Keeps the page live: follows the journal over server-sent events and fetches
// the parts of the page again that an event concerns. Without this script the
// page says the same, and reloads itself.
'use strict';

(() => {
  const lampWords = {
    live: 'live',
    lost: 'connection lost, trying again',
    still: 'connecting',
  };
  const link = document.getElementById('link');
  const announcement = document.getElementById('announce');
  const main = () => document.getElementById('main');

  let stream = null; // the EventSource, while there is one
  let lastBeat = 0; // when the appliance was last heard of, by our clock
  let offset = 0; // the appliance's clock minus ours, in ms
  let failures = 0; // in a row
  let retryTimer = 0;

  const dirty = new Set(); // hosts that events named since the last fetch
  let everything = false; // fetch all of the page, not just the rows of those hosts
  let fetching = false;
  let refreshTimer = 0;

  const sources = new Map(); // id of a part -> its HTML as the appliance sent it

  // ---- time ----

  const timeFormat = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'});
  const dayFormat = new Intl.DateTimeFormat(undefined, {year: 'numeric', month: 'short', day: '2-digit'});

  function localTimes(root) {
    for (const el of root.querySelectorAll('time[datetime]')) {
      const t = new Date(el.dateTime);
      if (Number.isNaN(t.getTime())) continue;
      const today = t.toDateString() === new Date(Date.now() + offset).toDateString();
      el.textContent = (today ? '' : dayFormat.format(t) + ' ') + timeFormat.format(t);
      el.title = el.dateTime;
    }
  }

  // The same forms as clockText and tookText of the appliance.
  function clockText(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    const two = (n) => String(n).padStart(2, '0');
    if (s >= 100 * 3600) return Math.floor(s / 86400) + ' days';
    if (s >= 3600) return Math.floor(s / 3600) + ':' + two(Math.floor(s / 60) % 60) + ':' + two(s % 60);
    return Math.floor(s / 60) + ':' + two(s % 60);
  }

  function tick() {
    const now = Date.now() + offset;
    for (const el of document.querySelectorAll('.run[data-since]')) {
      const seconds = (now - Date.parse(el.dataset.since)) / 1000;
      if (Number.isNaN(seconds)) continue;
      const took = el.dataset.form === 'took' && seconds < 100;
      const text = took ? Math.max(0, Math.floor(seconds)) + ' s' : clockText(seconds);
      if (el.textContent !== text) el.textContent = text;
      const budget = Number(el.dataset.budget);
      if (budget > 0) el.parentElement.classList.toggle('over', seconds > budget);
    }
    const silence = 3 * 1000 * Number(main().dataset.beat);
    if (stream && lastBeat && Date.now() - lastBeat > silence) lost();
    // What agents report without news is no event.
    const every = 1000 * Number(main().dataset.every || 0);
    if (stream && every && now - Date.parse(main().dataset.now) > every) {
      everything = true;
      scheduleRefresh();
    }
  }

  // ---- the parts of the page ----

  const parts = (root) => [...root.querySelectorAll('[data-part]')];

  function remember(root) {
    for (const el of parts(root)) sources.set(el.id, el.outerHTML);
  }

  // What the reader was at, to be given back after its part was replaced.
  function focusKey() {
    const el = document.activeElement;
    if (!el || !main().contains(el) || el === main()) return null;
    const part = el.closest('[data-part]');
    if (!part) return null;
    return {part: part.id, index: [...part.querySelectorAll('a, summary, pre')].indexOf(el)};
  }

  function giveFocus(key) {
    if (!key || key.index < 0) return;
    const part = document.getElementById(key.part);
    const el = part && part.querySelectorAll('a, summary, pre')[key.index];
    if (el) el.focus({preventScroll: true});
  }

  function replacePart(old, fresh) {
    const open = [...old.querySelectorAll('details')].map((d) => d.open);
    sources.set(fresh.id, fresh.outerHTML);
    const el = document.importNode(fresh, true);
    [...el.querySelectorAll('details')].forEach((d, i) => { d.open = Boolean(open[i]); });
    localTimes(el);
    old.replaceWith(el);
    if (el.matches('tr')) {
      el.classList.add('fresh');
      setTimeout(() => el.classList.remove('fresh'), 1500);
    }
  }

  // Puts what the appliance sent in place. False when the page has another shape
  // by now, and must be fetched whole.
  function patch(fresh, whole, asked) {
    const old = main();
    const key = focusKey();
    const ids = parts(fresh).map((el) => el.id);
    if (whole && ids.join('\n') !== parts(old).map((el) => el.id).join('\n')) {
      remember(fresh);
      const el = document.importNode(fresh, true);
      localTimes(el);
      old.replaceWith(el);
    } else {
      const rowOf = (host) => 'host-' + host;
      const gone = [...asked].some((host) => document.getElementById(rowOf(host)) && !ids.includes(rowOf(host)));
      if (gone || ids.some((id) => !document.getElementById(id))) return false;
      for (const el of parts(fresh)) {
        if (sources.get(el.id) !== el.outerHTML) replacePart(document.getElementById(el.id), el);
      }
      Object.assign(old.dataset, fresh.dataset);
    }
    giveFocus(key);
    document.title = fresh.dataset.title;
    setClock(fresh.dataset.now);
    return true;
  }

  async function fetchMain(whole, hosts) {
    const url = new URL(main().dataset.fragment, location.origin);
    if (!whole && !main().dataset.watching) {
      url.searchParams.set('partial', '');
      for (const host of hosts) url.searchParams.append('host', host);
    }
    const answer = await fetch(url, {cache: 'no-store', signal: AbortSignal.timeout(15000)});
    if (!answer.ok && answer.status !== 404) throw new Error('status ' + answer.status);
    if (answer.redirected) { // a box that was claimed has a new name
      location.replace(new URL(answer.url).pathname.replace(/^\/fragment/, ''));
      return null;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('main');
    if (!fresh) throw new Error('no page in the answer');
    if (fresh.dataset.version !== main().dataset.version) { // the appliance was upgraded
      location.reload();
      return null;
    }
    return fresh;
  }

  async function refresh() {
    refreshTimer = 0;
    if (fetching) return;
    fetching = true;
    const hosts = [...dirty];
    const whole = everything || Boolean(main().dataset.watching) || hosts.length > 40;
    dirty.clear();
    everything = false;
    try {
      const fresh = await fetchMain(whole, hosts);
      if (fresh && !patch(fresh, whole, hosts)) everything = true;
    } catch {
      lost();
    } finally {
      fetching = false;
      if (stream && (everything || dirty.size > 0)) scheduleRefresh();
    }
  }

  function scheduleRefresh() {
    if (!refreshTimer && !fetching) refreshTimer = setTimeout(refresh, 200);
  }

  // ---- the stream ----

  function setClock(iso) {
    const t = Date.parse(iso);
    if (Number.isNaN(t)) return;
    offset = t - Date.now();
    const shown = document.getElementById('shown');
    shown.dateTime = iso;
    localTimes(shown.parentElement);
  }

  function setState(state) {
    if (link.dataset.state === state) return;
    link.dataset.state = state;
    link.querySelector('.word').textContent = lampWords[state];
  }

  function onEvent(message) {
    lastBeat = Date.now();
    const e = JSON.parse(message.data);
    const watching = main().dataset.watching;
    if (watching && e.host !== watching && e.source !== 'inventory') return;
    if (e.host) dirty.add(e.host);
    if (!e.host || e.source === 'inventory') everything = true;
    if (e.host && e.stage) announcement.textContent = e.host + ': ' + e.stage;
    else if (e.level === 'error') announcement.textContent = (e.host || 'appliance') + ': ' + e.message;
    scheduleRefresh();
  }

  function connect() {
    lastBeat = Date.now();
    stream = new EventSource('/events?after=' + encodeURIComponent(main().dataset.seq));
    stream.onopen = () => {
      failures = 0;
      lastBeat = Date.now();
      setState('live');
    };
    stream.addEventListener('beat', (e) => {
      lastBeat = Date.now();
      setClock(e.data);
    });
    stream.onmessage = onEvent;
    // The browser would come back by itself after some errors and not after
    // others, and never look at what was missed while the appliance was away.
    stream.onerror = lost;
  }

  function disconnect() {
    if (stream) stream.close();
    stream = null;
    clearTimeout(retryTimer);
    retryTimer = 0;
  }

  function lost() {
    disconnect();
    setState('lost');
    const wait = Math.min(10000, 500 * 2 ** failures) * (0.75 + Math.random() / 2);
    failures++;
    retryTimer = setTimeout(resync, wait);
  }

  // Reads the whole page again and follows from there.
  async function resync() {
    retryTimer = 0;
    try {
      const fresh = await fetchMain(true, []);
      if (!fresh) return;
      patch(fresh, true, []);
      disconnect();
      connect();
    } catch {
      lost();
    }
  }

  // A page that nobody sees holds no connection: a browser has six for a server.
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      disconnect();
    } else if (!stream && !retryTimer) {
      resync();
    }
  });
  window.addEventListener('pageshow', (e) => {
    if (e.persisted) resync();
  });
  window.addEventListener('pagehide', disconnect);

  remember(document);
  setClock(main().dataset.now);
  localTimes(document);
  setState('still');
  link.querySelector('.word').textContent = lampWords.still;
  tick();
  setInterval(tick, 1000);
  if (!document.hidden) connect();
})();
