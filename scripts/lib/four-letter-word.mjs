import { connect } from "node:net";

/**
 * Asks a ZooKeeper server one of its four-letter words (`ruok`, `srvr`, `mntr`, `wchs`, `dump` …) and resolves with its
 * answer. Rejects when nobody listens, or when the answer is not there within `timeoutMs`.
 * @param {string} word
 * @param {{ host?: string | undefined; port: number; timeoutMs?: number | undefined }} server `timeoutMs`: 2,000 unless told
 * @returns {Promise<string>}
 */
export function fourLetterWord(word, { host = "127.0.0.1", port, timeoutMs = 2_000 }) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    const socket = connect({ host, port });
    const timer = setTimeout(() => {
      socket.destroy(new Error(`${host}:${port} did not answer "${word}" within ${timeoutMs} ms.`));
    }, timeoutMs);
    socket.once("connect", () => socket.write(word));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    socket.once("error", reject);
    socket.once("close", () => {
      clearTimeout(timer);
      reject(new Error(`${host}:${port} closed the connection before it had answered "${word}".`));
    });
  });
}
