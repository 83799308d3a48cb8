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
  const restanding = new Set(); // those of them that stand otherwise without an event
  let everything = false; // fetch all of the page, not just the rows of those hosts
  let fetching = false;
  let refreshTimer = 0;
  let lastRefresh = 0; // when the last fetch ended, by our clock

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

  function runClocks(root) {
    const now = Date.now() + offset;
    for (const el of root.querySelectorAll('.run[data-since]')) {
      const seconds = (now - Date.parse(el.dataset.since)) / 1000;
      if (Number.isNaN(seconds)) continue;
      const took = el.dataset.form === 'took' && seconds < 100;
      const text = took ? Math.max(0, Math.floor(seconds)) + ' s' : clockText(seconds);
      if (el.textContent !== text) el.textContent = text;
      const budget = Number(el.dataset.budget);
      if (budget > 0) el.parentElement.classList.toggle('over', seconds > budget);
    }
  }

  function tick() {
    runClocks(document);
    const silence = 3 * 1000 * Number(main().dataset.beat);
    if (stream && lastBeat && Date.now() - lastBeat > silence) lost();
    // What agents report without news is no event.
    const every = 1000 * Number(main().dataset.every || 0);
    if (stream && every && Date.now() + offset - Date.parse(main().dataset.now) > every) {
      everything = true;
      scheduleRefresh();
    }
  }

  // ---- the parts of the page ----

  const parts = (root) => [...root.querySelectorAll('[data-part]')];
  const byId = (id) => document.getElementById(id);

  // The HTML of a part as the appliance sent it, without what differs each time:
  // the times of running clocks, and the place of a row.
  function sourceOf(el) {
    for (const run of el.querySelectorAll('.run[data-since]')) run.textContent = '';
    el.removeAttribute('data-after');
    return el.outerHTML;
  }

  function remember(root) {
    for (const el of parts(root)) sources.set(el.id, sourceOf(el));
  }

  // Takes an element that the appliance sent into the page.
  function take(fresh) {
    const el = document.importNode(fresh, true);
    localTimes(el);
    runClocks(el);
    return el;
  }

  const focusable = 'a, button, summary, pre';

  // What the reader was at, to be given back after its part was replaced.
  function focusKey() {
    const el = document.activeElement;
    if (!el || !main().contains(el) || el === main()) return null;
    const part = el.closest('[data-part]');
    if (!part) return null;
    return {part: part.id, index: [...part.querySelectorAll(focusable)].indexOf(el)};
  }

  function giveFocus(key) {
    if (!key || key.index < 0) return;
    const part = document.getElementById(key.part);
    const el = part && part.querySelectorAll(focusable)[key.index];
    if (el) el.focus({preventScroll: true});
  }

  // Replaces a part if the appliance sent another one; returns the part of the page.
  function replacePart(fresh) {
    const old = byId(fresh.id);
    const source = sourceOf(fresh);
    if (sources.get(fresh.id) === source) return old;
    if (old.matches('form') && old.contains(document.activeElement)) return old; // the reader is at it
    const open = [...old.querySelectorAll('details')].map((d) => d.open);
    sources.set(fresh.id, source);
    const el = take(fresh);
    [...el.querySelectorAll('details')].forEach((d, i) => { d.open = Boolean(open[i]); });
    old.replaceWith(el);
    // A new stage is shown for a moment, a new progress is not: boxes that install
    // would keep the browser painting.
    const stage = (row) => row.matches('tbody') && row.className + row.querySelector('.badge').textContent;
    if (stage(el) !== stage(old)) {
      el.classList.add('fresh');
      setTimeout(() => el.classList.remove('fresh'), 1500);
    }
    return el;
  }

  // Puts what the appliance sent in place. False when the page has another shape
  // by now, and must be fetched whole.
  function patch(fresh, whole, asked) {
    const old = main();
    const key = focusKey();
    const outside = (root) => parts(root).filter((el) => !el.closest('[data-list]'));
    const ids = outside(fresh).map((el) => el.id);
    let complete = true;
    if (whole && ids.join('\n') !== outside(old).map((el) => el.id).join('\n')) {
      remember(fresh);
      old.replaceWith(take(fresh));
    } else {
      if (ids.some((id) => !byId(id))) return false;
      for (const el of outside(fresh)) replacePart(el);
      const groups = fresh.querySelector('[data-list]');
      if (groups) complete = whole ? placeAll(groups) : placeSome(groups, asked);
      Object.assign(old.dataset, fresh.dataset);
    }
    giveFocus(key);
    document.title = fresh.dataset.title;
    setClock(fresh.dataset.now);
    return complete;
  }

  // ---- the groups of rows ----

  const rowsOf = (group) => [...group.querySelectorAll('tbody')];
  const rowId = (host) => 'host-' + host;

  // Brings the groups in the order of the appliance. New ones come without rows.
  function placeGroups(fresh) {
    const list = byId(fresh.id);
    const wanted = new Set([...fresh.children].map((g) => g.id));
    for (const g of [...list.children]) {
      if (!wanted.has(g.id)) g.remove();
    }
    let at = list.firstElementChild;
    for (const g of fresh.children) {
      let old = byId(g.id);
      if (!old) {
        const shell = g.cloneNode(true);
        for (const row of rowsOf(shell)) row.remove();
        remember(shell);
        old = take(shell);
        fold(old);
      } else {
        replacePart(g.querySelector('[data-part]'));
        old.dataset.count = g.dataset.count;
      }
      if (old === at) at = at.nextElementSibling;
      else list.insertBefore(old, at);
    }
  }

  // Returns the row of the page, as the appliance sent it.
  function rowFor(fresh) {
    if (byId(fresh.id)) return replacePart(fresh);
    sources.set(fresh.id, sourceOf(fresh));
    return take(fresh);
  }

  // Every row that stays in its group is kept as it is, and moved only if it must.
  function placeAll(fresh) {
    const groupOf = new Map();
    for (const g of fresh.children) {
      for (const row of rowsOf(g)) groupOf.set(row.id, g.id);
    }
    for (const row of rowsOf(byId(fresh.id))) {
      if (row.closest('.group').id !== groupOf.get(row.id)) drop(row);
    }
    placeGroups(fresh);
    for (const g of fresh.children) {
      const table = byId(g.id).querySelector('table');
      let at = table.querySelector('tbody');
      for (const row of rowsOf(g)) {
        const old = byId(row.id);
        const el = rowFor(row);
        if (old && old === at) at = el.nextElementSibling;
        else table.insertBefore(el, at);
      }
    }
    return true;
  }

  // Only the asked rows are there: each goes behind the one that it names. False when
  // the page doesn't have the rows that it should.
  function placeSome(fresh, asked) {
    const sent = new Set(rowsOf(fresh).map((row) => row.id));
    for (const host of asked) {
      const row = byId(rowId(host));
      if (row && !sent.has(row.id)) drop(row); // gone, or the filter leaves it out now
    }
    placeGroups(fresh);
    let complete = true;
    for (const g of fresh.children) {
      const table = byId(g.id).querySelector('table');
      for (const row of rowsOf(g)) {
        const after = row.dataset.after;
        const el = rowFor(row);
        const before = after ? byId(after) : table.querySelector('thead');
        if (!before || before.parentElement !== table) {
          complete = false;
          table.append(el);
        } else if (before.nextElementSibling !== el) {
          before.after(el);
        }
      }
    }
    return complete && [...byId(fresh.id).children].every((g) => Number(g.dataset.count) === rowsOf(g).length);
  }

  function drop(row) {
    sources.delete(row.id);
    row.remove();
  }

  // ---- folding: kept by this browser, while no filter is set ----

  const foldKey = 'rackhand.folded';

  function folds() {
    try {
      return JSON.parse(localStorage.getItem(foldKey)) || {};
    } catch {
      return {};
    }
  }

  function fold(group) {
    const open = folds()[group.dataset.slug];
    if (typeof open === 'boolean' && !filterOf(location.href)) group.open = open;
  }

  function onToggle(e) {
    const group = e.target;
    if (!group.matches('.group') || filterOf(location.href)) return;
    try {
      localStorage.setItem(foldKey, JSON.stringify({...folds(), [group.dataset.slug]: group.open}));
    } catch { /* a browser may forbid it */ }
  }

  // ---- the filter: it stands in the address, and the appliance carries it out ----

  const filterKeys = ['q', 'rack', 'role', 'state', 'system'];

  // The query of a filter in a fixed order, with its question mark; '' without one.
  function filterOf(url) {
    const given = new URL(url, location.href).searchParams;
    const out = new URLSearchParams();
    for (const key of filterKeys) {
      const value = (given.get(key) || '').trim();
      if (value) out.set(key, value);
    }
    return out.size ? '?' + out : '';
  }

  let shownFilter = filterOf(location.href);
  let filtered = false; // the next whole page is that of another filter

  function showFilter(query) {
    shownFilter = query;
    main().dataset.fragment = '/fragment/hosts' + query;
    byId('filter').querySelector('.clear').hidden = !query;
    filtered = true;
    everything = true;
    clearTimeout(refreshTimer);
    refreshTimer = 0;
    refresh();
  }

  // What the form has goes into the address.
  function readForm(form) {
    const query = filterOf('/?' + new URLSearchParams(new FormData(form)));
    if (query === shownFilter) return;
    history.replaceState(null, '', '/' + query);
    showFilter(query);
  }

  // What the address has goes into the form.
  function writeForm() {
    const given = new URL(location.href).searchParams;
    for (const key of filterKeys) {
      const field = byId('filter').elements[key];
      field.value = given.get(key) || '';
    }
  }

  function onFilterShown(fresh) {
    filtered = false;
    for (const group of document.querySelectorAll('.group')) {
      const sent = fresh.querySelector('#' + CSS.escape(group.id));
      group.open = sent.open;
      fold(group);
    }
    const n = Number(fresh.dataset.shown);
    announcement.textContent = n === 1 ? '1 host is shown' : n + ' hosts are shown';
  }

  let typing = 0;
  document.addEventListener('input', (e) => {
    const form = e.target.form;
    if (!form || form.id !== 'filter') return;
    clearTimeout(typing);
    typing = setTimeout(() => readForm(form), e.target.matches('select') ? 0 : 150);
  });
  document.addEventListener('submit', (e) => {
    if (e.target.id !== 'filter') return;
    e.preventDefault();
    readForm(e.target);
  });
  document.addEventListener('click', (e) => {
    const a = e.target.closest('a[data-filter]');
    if (!a || e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    history.pushState(null, '', a.getAttribute('href'));
    writeForm();
    showFilter(filterOf(a.href));
  });
  window.addEventListener('popstate', () => {
    const query = filterOf(location.href);
    if (!byId('filter') || query === shownFilter) return; // a link within the page
    writeForm();
    showFilter(query);
  });
  document.addEventListener('toggle', onToggle, true); // it doesn't bubble

  // ---- fetching ----

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
    const whole = everything || Boolean(main().dataset.watching) || hosts.length > 100;
    const fragment = main().dataset.fragment;
    dirty.clear();
    everything = false;
    try {
      const fresh = await fetchMain(whole, hosts).catch(lost);
      if (fragment !== main().dataset.fragment) everything = true; // the filter has changed meanwhile
      else if (fresh) show(fresh, whole, hosts);
    } finally {
      fetching = false;
      lastRefresh = Date.now();
      if (stream && (everything || dirty.size > 0)) scheduleRefresh();
    }
  }

  function show(fresh, whole, hosts) {
    if (!patch(fresh, whole, hosts)) {
      everything = true;
      return;
    }
    if (filtered && whole) onFilterShown(fresh);
    announceStanding();
  }

  function announceStanding() {
    for (const host of restanding) {
      const badge = document.querySelector('#' + CSS.escape(rowId(host)) + ' .badge, .one .head .badge');
      if (badge) announcement.textContent = host + ': ' + badge.textContent;
    }
    restanding.clear();
  }

  // The first event is shown at once. While many boxes install, their events are
  // gathered for a second.
  function scheduleRefresh() {
    if (refreshTimer || fetching) return;
    const wait = filtered ? 0 : Math.max(100, lastRefresh + 1000 - Date.now());
    refreshTimer = setTimeout(refresh, wait);
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

  // Hosts that stand otherwise without an event: time has made them stuck.
  function onStanding(message) {
    const watching = main().dataset.watching;
    const hosts = JSON.parse(message.data).filter((host) => !watching || host === watching);
    for (const host of hosts) {
      dirty.add(host);
      restanding.add(host);
    }
    if (hosts.length > 0) scheduleRefresh();
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
    stream.addEventListener('standing', onStanding);
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
    const fresh = await fetchMain(true, []).catch(lost);
    if (!fresh) return;
    show(fresh, true, []);
    disconnect();
    connect();
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

  // ---- copying ----

  // Copies the text of the code beside a button. A page over plain HTTP has no
  // navigator.clipboard: there the text is selected and copied as by the reader.
  async function copyButton(button) {
    const code = button.parentElement.querySelector('code, pre');
    let done = false;
    try {
      await navigator.clipboard.writeText(code.textContent);
      done = true;
    } catch {
      getSelection().selectAllChildren(code);
      done = document.execCommand('copy');
      if (done) getSelection().removeAllRanges();
    }
    button.textContent = done ? 'Copied' : 'Press Ctrl+C';
    announcement.textContent = done ? 'Copied: ' + code.textContent : 'The command is selected: press Ctrl+C.';
    setTimeout(() => { button.textContent = 'Copy'; }, 2000);
  }

  document.addEventListener('click', (e) => {
    const button = e.target.closest('button.copy');
    if (button) copyButton(button);
  });
  document.documentElement.classList.add('scripted');

  for (const group of document.querySelectorAll('.group')) fold(group);
  remember(document);
  setClock(main().dataset.now);
  localTimes(document);
  setState('still');
  link.querySelector('.word').textContent = lampWords.still;
  tick();
  setInterval(tick, 1000);
  if (!document.hidden) connect();
})();
