// Where answers come from. This copy asks the server that the page came from; an exported folder has
// the same file with `local.js` in its place. Either gives `connect()`, which resolves to
//
//   models:   [{name, classes: [str], accuracy: 0–1 or null, parameters: int or null}]
//   samples:  [{class, label, image}], garments to try; `image` is base64 of a PNG as in the data set
//   place:    where pictures go, in a sentence
//   classify: async (blob, name) → [answer], one for each model, in their order; an answer is what
//             `POST /v1/classify?details=true` gives
//
// and throws Refusal, whose message is for people.
export { connect } from "./server.js";
