/**
 * Asks a ZooKeeper server one of its four-letter words (`ruok`, `srvr`, `mntr`, `wchs`, `dump` …) and resolves with its
 * answer. Rejects when nobody listens, or when the answer is not there within `timeoutMs` (2,000 ms unless told).
 */
export function fourLetterWord(
  word: string,
  server: { host?: string; port: number; timeoutMs?: number },
): Promise<string>;
