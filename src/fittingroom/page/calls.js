// Calls between a page and its worker.
import { Refusal } from "./refusal.js";

// Lets the other side of `port` call `functions` by their names, and gives `ask(name, ...given)`, which calls one
// of its. Refusals arrive as refusals.
export function join(port, functions) {
  const asked = new Map();
  let count = 0;
  port.onmessage = async ({ data: { id, name, given, value, error, refused } }) => {
    if (name) {
      try {
        const made = await functions[name](...given);
        const moved = Array.isArray(made) ? made.filter((each) => each instanceof ArrayBuffer) : [];
        port.postMessage({ id, value: made }, moved);
      } catch (error) {
        port.postMessage({ id, error, refused: error instanceof Refusal });
      }
      return;
    }
    const { resolve, reject } = asked.get(id);
    asked.delete(id);
    if (error) reject(refused ? new Refusal(error.message) : error);
    else resolve(value);
  };
  return (name, ...given) =>
    new Promise((resolve, reject) => {
      asked.set(++count, { resolve, reject });
      port.postMessage({ id: count, name, given });
    });
}
