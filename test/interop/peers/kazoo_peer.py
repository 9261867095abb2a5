"""A process that locks with kazoo.

It takes a line for each thing to do, "id acquire kind path waitMs" or "id release", and answers with a line, "id answer".
Each id has a thread of its own.
"""

import logging
import sys
import threading

from kazoo.client import KazooClient
from kazoo.exceptions import LockTimeout

logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
speaking = threading.Lock()
releases = {}


def answer(owner, text):
    with speaking:
        print(owner, text, flush=True)


def own(client, owner, kind, path, wait_ms):
    try:
        if kind != "mutex":
            # Its ReadLock waits for the last writer in the queue, also for one that came later and waits for it.
            raise ValueError(kind)
        # Without the extra pattern, kazoo would not see those who queue with names such as ours and Curator's.
        lock = client.Lock(path, extra_lock_patterns=("-lock-",))
        try:
            lock.acquire(timeout=int(wait_ms) / 1000)
        except LockTimeout:
            answer(owner, "refused")
            return
        answer(owner, "acquired")
        releases[owner].wait()
        lock.release()
        answer(owner, "released")
    except Exception as error:
        answer(owner, "failed %r" % error)


def main():
    client = KazooClient(hosts=sys.argv[1], timeout=10)
    client.start()
    answer("0", "ready")
    for line in sys.stdin:
        owner, verb, *rest = line.split()
        if verb == "release":
            releases[owner].set()
        else:
            releases[owner] = threading.Event()
            threading.Thread(target=own, args=(client, owner, *rest), daemon=True).start()
    client.stop()


main()
