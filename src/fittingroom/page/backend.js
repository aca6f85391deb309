// The source of answers. This file asks the server that gave the page; in an exported folder it names
// `local.js` instead. Both export `connect()`, which resolves to
//
//   models:   [{name, classes: [str], accuracy: 0–1 or null, measured_on: str or null,
//             parameters: int or null}]
//   samples:  [{class, label, image}], garments to try; `image` is a PNG in base64
//   place:    where photos go, in a sentence
//   classify: async (blob, name, own) → [answer], one for each model, in their order; an answer is one
//             of `POST /v1/classify?details=true`; an image is used as it is if it is the data set's own
//   features: async (blob) → Float32Array, the inputs of the first model's last layer; `local.js` alone, as
//             is what follows
//   teaching: how the first model is taught other classes (jobs/site.py), or null
//   teach:    (layer) → nothing; the layer answers in place of the first model's own, null gives it back
//
// and throws Refusal, whose message is for people.
export { connect } from "./server.js";
