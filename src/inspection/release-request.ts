import { fewAtATime } from "../common/few-at-a-time.js";
import { addNote, writeReleaseRequest } from "../queue/ticket-note.js";
import { lookAtQueue } from "./queue-look.js";
import type { LookPort } from "../engine/queue-port.js";

/** Writes on the tickets of all holders that somebody asks for the resource; the number of them. (Curator's revocation.) */
export async function requestRelease(port: LookPort, directory: string): Promise<number> {
  const { holders } = await lookAtQueue(port, directory, "telling");
  const at = new Date();
  const asked = await fewAtATime(holders, ({ ref }) => addNote(port, ref, (data) => writeReleaseRequest(data, at)));
  return asked.filter(Boolean).length;
}
