// A photo or a request was refused; the message is a sentence for people.
export class Refusal extends Error {}
