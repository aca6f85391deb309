// The source of answers. This file asks the server that gave the page; in an exported folder it names
// `local.js` instead. Both export `connect(report)`, which resolves to
//
//   models:   [{name, classes: [str], accuracy: 0–1 or null, measured_on: str or null,
//             parameters: int or null}]
//   samples:  [{class, label, image}], garments to try; `image` is a PNG in base64
//   loaded:   a promise; until then answers may take longer, and lack what is shown beside them. Meanwhile
//             `report(what, bytes, all)` says what is being loaded, and how much of it is there
//   place:    where photos go, in a sentence
//   classify: async (blob, name, own) → [answer], one for each model, in their order; an answer is one
//             of `POST /v1/classify?details=true`, its explanation maybe a promise; an image is used as it is if it is the data set's own
//   features: async (blob) → Float32Array, the inputs of the first model's last layer; `local.js` alone, as
//             is what follows
//   teaching: how the first model is taught other classes (jobs/site.py), or null
//   learn:    async ([features], [class number], [class]) → {right, answered}, how many photos were so when each was
//             judged without having been learned from
//   teach:    async (taught) → nothing; whether what was learned answers in place of the first model's own layer
//
// and throws Refusal, whose message is for people.
export { connect } from "./server.js";
