import type { LookPort } from "../engine/queue-port.js";

/**
 * Writes a note on a ticket, besides what stands there, whoever else writes there at the same time. False: the ticket is gone. To be
 * called again after a lost reply: a note that stands already is not written twice.
 * @throws as LookPort
 */
export async function addNote(port: LookPort, ref: string, add: (data: Buffer) => Buffer): Promise<boolean> {
  for (;;) {
    const content = await port.read(ref);
    if (content === null) return false;
    const written = add(content.data);
    if (written.equals(content.data) || (await port.write(ref, written, content.version))) return true;
  }
}
