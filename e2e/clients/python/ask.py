"""A client behind a line: each line of standard input is one call, each line of standard output
what came of it. Tokens come in on that line, and never as an argument."""

import json
import sys


def answer(calls):
    """Answers calls: `calls` has a function by each name, which takes what the line says."""
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            told = {"gave": calls[asked.pop("call")](**asked)}
        except Exception as error:  # whatever a program would have to catch
            told = {"refused": seen(error)}
        print(json.dumps(told, default=plain), flush=True)


def seen(error):
    """What a program can tell an error by."""
    response = getattr(error, "response", None)
    return {
        "class": type(error).__name__,
        "code": getattr(error, "error_code", None),
        "status": getattr(error, "status_code", None) or getattr(response, "status_code", None),
        "message": str(error),
    }


def plain(thing):
    """What a client made of an answer, as JSON."""
    if hasattr(thing, "to_dict"):
        return thing.to_dict()
    return {name: value for name, value in vars(thing).items() if not name.startswith("_")}
