// The back end of an exported folder: models run in the browser, in a worker, so that the page stays free. It loads
// files beside this one only, and sends nothing.
import { join } from "./calls.js";
import { Refusal } from "./refusal.js";

const here = (name) => new URL(name, import.meta.url).href;

export async function connect(report) {
  const site = JSON.parse(new TextDecoder().decode(await bytesOf("site.json")));
  const load = async (words, names) => {
    const all = names.reduce((sum, name) => sum + site.bytes[name], 0);
    let received = 0;
    if (all) report(words, 0, all);
    return Promise.all(names.map((name) => bytesOf(name, (count) => report(words, (received += count), all))));
  };

  // Made from a blob, a worker has the page's Content-Security-Policy.
  const program = new Blob([`import "${here("worker.js")}";`], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(program), { type: "module" });
  const call = join(worker, { load });
  const broken = new Promise((_, reject) => {
    worker.onerror = () => reject(new Refusal("This page doesn't run here. Reload it, or try another browser."));
  });
  const drawn = shown();
  const loaded = drawn.then(() => Promise.race([call("start", site), broken])); // before anything else is asked
  const ask = (...given) => drawn.then(() => Promise.race([call(...given), broken]));
  const backend = {
    models: site.models,
    samples: site.samples,
    loaded: loaded.then(() => {
      navigator.serviceWorker?.register(here("offline.js")).catch(() => {}); // not over plain HTTP
    }),
    place: "Your photos stay on this device: the model runs in your browser, and the page sends nothing.",
    classify: async (blob, name, own) => {
      const answers = await ask("classify", blob, own);
      return answers.map(({ explains, ...answer }, i) =>
        explains ? { ...answer, explanation: ask("explain", i, explains, answer.label) } : answer,
      );
    },
    features: (blob) => ask("features", blob),
    teaching: site.models[0].teaching,
    learn: (...given) => ask("learn", ...given),
    teach: async (taught) => (backend.models = await ask("teach", taught)),
  };
  return backend;
}

// The page is drawn before anything large is asked for; one that nobody sees yet is not drawn.
async function shown() {
  if (document.readyState !== "complete") await new Promise((resolve) => addEventListener("load", resolve));
  if (document.hidden) return;
  await new Promise((resolve) => new PerformanceObserver(resolve).observe({ type: "paint", buffered: true }));
}

// A file beside this one; `came` is told of each part's bytes.
async function bytesOf(name, came = (count) => count) {
  try {
    const response = await fetch(here(name));
    if (!response.ok) throw new Error(`${name}: status ${response.status}`);
    const counted = (part, to) => {
      came(part.length);
      to.enqueue(part);
    };
    const stream = response.body.pipeThrough(new TransformStream({ transform: counted }));
    return await new Response(stream).arrayBuffer();
  } catch (error) {
    console.error(error);
    throw new Refusal("The model could not be loaded. Check your connection, and reload the page.");
  }
}
