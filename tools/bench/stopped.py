"""A helper process that is stopped (SIGSTOP) unless it is asked something."""

import json
import signal
import subprocess
import sys


class Stopped:
    """Speaks lines: a request of two words, an answer in JSON. Its first line, once it is ready, is
    `about`. Threads that wait busily for more work wait for nobody's expense while it is stopped.
    """

    def __init__(self, command: list[str]):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.about = self.answer()
        self.process.send_signal(signal.SIGSTOP)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{' '.join(self.process.args)} ended with status {self.process.wait()}")
        return json.loads(line)

    def ask(self, verb: str, value):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(f"{verb} {value}\n")
        self.process.stdin.flush()
        found = self.answer()
        self.process.send_signal(signal.SIGSTOP)
        return found

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        if self.process.wait() != 0:
            sys.exit(f"{' '.join(self.process.args)} ended with status {self.process.returncode}")
