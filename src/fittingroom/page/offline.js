// A service worker: it keeps all files of an exported page, so that the page works without a network, too.
const SITE = { version: "", files: [] }; // written by the export

/** @type {any} */
const worker = self;
const OURS = `fittingroom ${worker.registration.scope} `; // a host may have several of these pages
const KEPT = OURS + SITE.version;

worker.addEventListener("install", (event) => {
  const files = SITE.files.map((name) => new Request(name, { cache: "no-cache" }));
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(files)).then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  const isOld = (name) => name.startsWith(OURS) && name !== KEPT;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(isOld).map((name) => caches.delete(name)))));
});

// From the network first: a page that was exported again is seen at once.
worker.addEventListener("fetch", (event) => {
  const kept = () => caches.open(KEPT).then((cache) => cache.match(event.request, { ignoreSearch: true }));
  event.respondWith(fetch(event.request).catch(async (error) => (await kept()) ?? Promise.reject(error)));
});
