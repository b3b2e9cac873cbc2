# SPDX-License-Identifier: Apache-2.0
"""How late one runs on this machine who does nothing but be on time: what the machine, busy with
others, does to everybody. Prints the worst of it, in seconds, when it is told to end."""
import signal
import sys
import threading
import time

from processes import Process, wait_for

PERIOD = 0.01


class Metronome(Process):
    def __init__(self, name, directory):
        super().__init__(name, [sys.executable, "-B", __file__], directory, daemon=False)
        wait_for(self.stdout_text, self.stderr_text)

    def worst(self):
        """Ends it."""
        self.signal(signal.SIGTERM)
        self.wait()
        return float(self.stdout_text().split()[-1])


def main():
    told, worst, due = threading.Event(), 0.0, time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    print("begun", flush=True)
    while not told.is_set():
        due += PERIOD
        time.sleep(max(0, due - time.monotonic()))
        late = time.monotonic() - due
        worst, due = max(worst, late), due + max(0, late)
    print(worst, flush=True)


if __name__ == "__main__":
    main()
