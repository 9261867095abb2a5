import { RELEASE_REQUESTED_AT } from "../../engine/ticket.js";

/** What Apache Curator writes on a ticket to ask for its release. */
const CURATOR_REVOKE = Buffer.from("__REVOKE__");

/** What is written on a node; Curator's wish for its release, written at `writtenAt`, becomes ours. */
export function inOurWords(data: Buffer, writtenAt: Date): Buffer {
  if (!data.equals(CURATOR_REVOKE)) return data;
  return Buffer.from(JSON.stringify({ [RELEASE_REQUESTED_AT]: writtenAt.getTime() }));
}
