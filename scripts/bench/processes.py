"""Processes that live as long as a `with` block, and end by their id."""

import contextlib
import os
import signal
import subprocess
import sys

from bench.measurement import Unavailable

STOP_SECONDS = 60


def environment():
    """Without what would configure kv."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KV_")}


@contextlib.contextmanager
def running(command, log, before_exec=None):
    """The process; its output but stdout goes to `log`, which is shown when it fails."""
    with open(log, "w+", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment(),
                                   preexec_fn=before_exec)
        try:
            yield process
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended by itself with {process.returncode}")
        except Unavailable:
            raise
        except BaseException:
            errors.seek(0)
            sys.stderr.write(errors.read()[-2000:])
            raise
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def run(*command, **options):
    """Its stdout; a failure shows what the command said."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=environment(), **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout
