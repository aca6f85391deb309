// A picture or a request that was turned down; the message is a sentence for people.
export class Refusal extends Error {}
