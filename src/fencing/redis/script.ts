import { createHash } from "node:crypto";
import type { Script } from "./client.js";

/**
 * Check, raise, execute, as one step of the server. ARGV is the token, and then for each command the number of its
 * words and the words. Tokens are compared as doubles, which are exact up to 2^53 - 1, where tokens end. What is kept
 * must have the very form in which it was written, for Lua takes "0x7", "1e20" and " 7 " for numbers too.
 *
 * Redis undoes nothing. So the script stops at the first command that fails and says how far it came. Where it was the
 * very first one, nothing has been written and the fence goes back too; later, the fence stays up, as the token did
 * write.
 */
const text = `
local token = ARGV[1]
local before = redis.pcall('GET', KEYS[1])
if type(before) == 'table' then
  return {'foreign', before.err}
end
if before and not (string.match(before, '^%d+$') and (before == '0' or string.sub(before, 1, 1) ~= '0')
    and tonumber(before) <= 9007199254740991) then
  return {'foreign', before}
end
if before and tonumber(before) > tonumber(token) then
  return {'stale', before}
end
redis.call('SET', KEYS[1], token)
local replies = {}
local at = 2
while ARGV[at] do
  local last = at + tonumber(ARGV[at])
  local reply = redis.pcall(unpack(ARGV, at + 1, last))
  if type(reply) == 'table' and reply.err then
    if #replies == 0 then
      if before then redis.call('SET', KEYS[1], before) else redis.call('DEL', KEYS[1]) end
    end
    return {'failed', reply.err, replies}
  end
  replies[#replies + 1] = reply
  at = last + 1
end
return {'done', replies}
`.trim();

export const script: Script = { text, sha1: createHash("sha1").update(text).digest("hex") };
