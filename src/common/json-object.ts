/** What a text that anybody may have written holds, where that is a JSON object; undefined for all else. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const written: unknown = JSON.parse(text);
    const isObject = typeof written === "object" && written !== null && !Array.isArray(written);
    return isObject ? (written as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
