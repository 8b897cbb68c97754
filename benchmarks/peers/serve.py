"""Answers the bench: JSON lines in, JSON lines out; see benchmarks/lib/side.mjs for the messages."""

import json
import os
import sys


def serve(side):
    """Gives each message `{ do, ... }` to the method of that name, until "quit" or the end of the input."""
    # Libraries print to the standard output now and then: replies get a stream of their own.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        message = json.loads(line)
        if message["do"] == "quit":
            return
        try:
            reply = getattr(side, message.pop("do"))(**message)
        except Exception as error:  # told to the bench, which decides what it means
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
