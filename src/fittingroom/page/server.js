// The back end of the page of `fittingroom serve`: it asks the server under `v1/`.
import { greyLevels, shrunk } from "./pixels.js";
import { Refusal, inWords } from "./refusal.js";

export async function connect(_report) {
  const [{ models }, { samples }] = await Promise.all([ask("v1/models"), ask("v1/samples")]);
  return {
    models,
    samples,
    loaded: Promise.resolve(),
    place:
      "Your photos go to the server that this page came from, and nowhere else. It does not keep them.",
    classify,
  };
}

async function classify(blob, name, own) {
  const form = new FormData();
  form.append("images", await shrunk(blob), name);
  const pixels = { "Content-Type": "application/octet-stream" };
  const request = own ? { headers: pixels, body: await greyLevels(blob) } : { body: form };
  try {
    return (await ask("v1/classify?details=true", { method: "POST", ...request })).answers;
  } catch (error) {
    throw new Refusal(inWords(error).replace(`${name}: `, "")); // the page shows the name itself
  }
}

async function ask(route, options) {
  let response;
  try {
    response = await fetch(route, options);
  } catch {
    throw new Refusal("The server does not answer. Is it still running?");
  }
  if (response.ok) return response.json();
  if (response.status === 429 || response.status === 503) {
    const seconds = Number(response.headers.get("Retry-After")) || 1;
    throw new Refusal(`The server is busy. Try again in ${seconds} s.`);
  }
  const { detail } = await response.json().catch(() => ({}));
  throw new Refusal(
    typeof detail === "string" ? detail : `The server answered with status ${response.status}.`,
  );
}
