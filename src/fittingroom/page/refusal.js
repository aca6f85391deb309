// A photo or a request was refused; the message is a sentence for people.
export class Refusal extends Error {}

// Any error in words for people; what nobody foresaw goes to the browser's console.
export function inWords(error) {
  if (error instanceof Refusal) return error.message;
  console.error(error);
  return "Something went wrong on this page. Reload it, and try again.";
}
