"use strict";

// A page that is live asks for itself now and then, and takes over what has changed. Nothing is lost if this does not run.
const PAUSE = 5000;

// What somebody has opened stays open, by its name.
function keepOpen(from, to) {
  for (const open of from.querySelectorAll("details[open][data-key]")) {
    const same = to.querySelector(`details[data-key="${CSS.escape(open.dataset.key)}"]`);
    if (same) same.open = true;
  }
}

// Whoever is about to press something inside keeps it.
const isUsed = (part) => part.contains(document.activeElement);

// What it says, apart from how long ago.
function gist(part) {
  const copy = part.cloneNode(true);
  for (const distance of copy.querySelectorAll(".distance")) distance.remove();
  for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
  return copy.textContent;
}

function say(words) {
  const freshness = document.getElementById("freshness");
  if (freshness && freshness.textContent !== words) freshness.textContent = words;
}

async function load(path) {
  const answer = await fetch(path, { headers: { Accept: "text/html" }, credentials: "same-origin" });
  if (answer.redirected || answer.status === 401) {
    location.reload(); // the session is over
    return null;
  }
  if (!answer.ok) throw new Error(`${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

async function refresh() {
  if (document.hidden) return;
  // What was just done is not said again.
  const url = new URL(location.href);
  url.searchParams.delete("said");
  try {
    const fresh = await load(url.href);
    if (!fresh) return;
    let changed = false;
    for (const part of document.querySelectorAll(".live[id]")) {
      const news = fresh.getElementById(part.id);
      if (!news || isUsed(part)) continue;
      changed = changed || gist(news) !== gist(part);
      keepOpen(part, news);
      part.replaceWith(document.adoptNode(news));
    }
    if (changed) say(`The page has changed at ${new Date().toISOString().slice(11, 19)}.`);
  } catch {
    say("The service does not answer; this page may be out of date.");
  }
}

async function fetchInto(section) {
  const link = section.querySelector("p");
  try {
    const fresh = await load(section.dataset.fetch);
    const part = fresh && fresh.getElementById("fetched");
    if (part) link.replaceWith(document.adoptNode(part));
  } catch {
    // The link stays.
  }
}

for (const section of document.querySelectorAll("[data-fetch]")) fetchInto(section);
if ("live" in document.body.dataset) setInterval(refresh, PAUSE);
