// The back end of a page that `fittingroom serve` gives: it asks the server under `v1/`.
import { Refusal } from "./refusal.js";

export async function connect() {
  const [{ models }, { samples }] = await Promise.all([ask("v1/models"), ask("v1/samples")]);
  return {
    models,
    samples,
    place:
      "Your pictures go to the server that this page came from, and nowhere else. It answers, and keeps none.",
    classify,
  };
}

async function classify(blob, name) {
  const form = new FormData();
  form.append("pictures", blob, name);
  let answers;
  try {
    ({ answers } = await ask("v1/classify?details=true", { method: "POST", body: form }));
  } catch (error) {
    // The page names the file itself.
    throw new Refusal(error.message.replace(`${name}: `, ""));
  }
  const refused = answers.find((answer) => answer.error);
  if (refused) throw new Refusal(refused.error);
  return answers;
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
    typeof detail === "string" ? detail : `The server refused this, with status ${response.status}.`,
  );
}
