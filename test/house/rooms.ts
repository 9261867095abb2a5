/** A room of src/: which files are in it, and which other rooms they may look into. */
export interface Room {
  readonly name: string;
  readonly is: string | readonly string[];
  readonly may: readonly string[];
}

/** Everybody may import these. */
export const OPEN_TO_ALL = ["errors", "common"];

/** As the lint configuration has them: from the top down. */
export async function readRooms(): Promise<Room[]> {
  const { ROOMS } = (await import(new URL("../../eslint.config.js", import.meta.url).href)) as {
    ROOMS: Record<string, Omit<Room, "name">>;
  };
  return Object.entries(ROOMS).map(([name, { is, may }]) => ({ name, is, may }));
}

export function isIn(room: Room, path: string): boolean {
  return [room.is].flat().some((pattern) => expression(pattern).test(path));
}

/** `**` is anything below a folder, `*` a name in it. */
function expression(pattern: string): RegExp {
  const parts = pattern.split(/(\*\*|\*)/).map((part) => {
    if (part === "**") return ".*";
    return part === "*" ? "[^/]*" : part.replaceAll(".", "\\.");
  });
  return new RegExp(`^${parts.join("")}$`);
}
