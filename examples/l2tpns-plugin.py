#!/usr/bin/env python3
"""A plugin of l2tpns: what it can see and do, in one program (see l2tpns-plugin(7)).

Install it as /usr/lib/l2tpns/hello and say `load plugin hello` in startup-config.

* Users may log in as "name%rate"; the rate, in kbit/s, becomes their limit.
* Nobody gets in with the name "root".
* `nsctl hello [USER]` greets, and tells how many sessions there are.
"""

import json
import sys

HELP = ["  hello [USER]                                Say hello, count sessions"]

sessions = {}
rates = {}


def init(event):
    return {
        "events": ["pre_auth", "post_auth", "new_session", "kill_session", "control"],
        "help": HELP,
        "log": "hello from %s" % event["name"],
    }


def pre_auth(event):
    """Before RADIUS is asked: another name, or no login at all."""
    name, _, rate = event["username"].partition("%")
    if rate.isdigit():
        rates[event["session"]] = int(rate)
        return {"username": name}
    return {}


def post_auth(event):
    """RADIUS has decided; this may decide otherwise."""
    return {"auth_allowed": event["auth_allowed"] and event["username"] != "root"}


def new_session(event):
    session = event["session"]
    sessions[session] = event["username"]
    rate = rates.pop(session, None)
    if rate is None:
        return {}
    return {"actions": [{"do": "throttle", "session": session, "in": rate, "out": rate}]}


def kill_session(event):
    sessions.pop(event["session"], None)
    rates.pop(event["session"], None)
    return {}


def control(event):
    command, *arguments = event["arguments"]
    if command != "hello":
        return {}
    if len(arguments) > 1:
        return {"response": "error", "additional": ["requires at most one user"]}
    who = arguments[0] if arguments else "world"
    return {
        "response": "ok",
        "additional": ["Hello, %s." % who, "%d sessions" % len(sessions)],
    }


HANDLERS = {
    "init": init,
    "pre_auth": pre_auth,
    "post_auth": post_auth,
    "new_session": new_session,
    "kill_session": kill_session,
    "control": control,
}


def main():
    for line in sys.stdin:
        event = json.loads(line)
        answer = HANDLERS.get(event["event"], lambda event: {})(event)
        answer["id"] = event["id"]
        # A line an answer, at once: the login waits for it.
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
