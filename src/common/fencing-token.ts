/**
 * The number a grant returns: what `acquire()` resolves with. Every later hold of the same resource, by anybody, has a
 * strictly greater one; always a safe integer.
 */
export type FencingToken = number;
