"""A process that cannot be killed: a debugger holds on to it, and does not take note of its end, so that nobody else can.

Prints the debugger's process number, and then waits for ever. End the debugger, and the process is gone.
"""

import ctypes
import os
import signal

PTRACE_SEIZE = 0x4206
PR_SET_PTRACER = 0x59616D61
ANYBODY = ctypes.c_ulong(-1)

libc = ctypes.CDLL(None, use_errno=True)
# Where only ancestors may debug; elsewhere it is refused, and not needed.
libc.prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
told, tell = os.pipe()
debugger = os.fork()
if debugger == 0:
    os.setsid()
    refused = libc.ptrace(PTRACE_SEIZE, os.getppid(), None, None)
    os.write(tell, b"%d" % (ctypes.get_errno() if refused else 0))
    for stream in range(3):
        os.close(stream)
    while not refused:
        signal.pause()
    os._exit(0)
errno = os.read(told, 9).decode()
print("debugger", debugger if errno == "0" else "refused", flush=True)
while True:
    signal.pause()
