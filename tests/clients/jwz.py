"""Threads of a folder of messages, found without the program: an oracle for its own.

The definition (after https://www.jwz.org/doc/threading.html, and RFC 5256 for ids and subjects):

- Two messages are connected when one's Message-ID is among the other's References or In-Reply-To, or both refer to the same
  message, present or not.
- A reply (RFC 5256 §2.1: its subject has a mark of a reply or forward) that refers to nothing is connected with all
  messages that have its base subject.
- A thread is a connected component. The order of the messages does not matter.

    $ python3 jwz.py DIRECTORY

prints a thread a line: the paths of its messages below DIRECTORY, sorted, parted by blanks.
"""

import email.header
import email.parser
import email.policy
import re
import sys
from collections import defaultdict
from pathlib import Path

MARK = re.compile(r"(?:\[[^\[\]]*\] *)*(?:re|fwd?) *(?:\[[^\[\]]*\] *)?:", re.IGNORECASE)
BLOB = re.compile(r"\[[^\[\]]*\] *")
TRAILER = re.compile(r"(?:\(fwd\)| )$", re.IGNORECASE)
FORWARD = re.compile(r"\[fwd:(.*)\]$", re.IGNORECASE | re.DOTALL)
IN_BRACKETS = re.compile(r"<([^<>]*)>")


def read_header(data):
    """The fields of a header, names in lower case; of several the last."""
    parser = email.parser.BytesHeaderParser(policy=email.policy.compat32)
    return {name.lower(): str(value) for name, value in parser.parsebytes(data).items()}


def ids_in(value):
    """The ids in brackets, without the blanks that folding left in them."""
    ids = (re.sub(r"\s", "", found) for found in IN_BRACKETS.findall(value))
    return [found for found in ids if found]


def own_id(value):
    """The message's own id: in brackets, or all of the field."""
    found = ids_in(value)
    if found:
        return found[0]
    word = value.strip()
    return word if word and not re.search(r"[\s<>]", word) else None


def answered_ids(value):
    """The ids in In-Reply-To. Among other words an address may stand in brackets: then only what begins or ends the field is
    an id."""
    value = value.strip()
    if not re.sub(r"[\s,]", "", IN_BRACKETS.sub("", value)):
        return ids_in(value)
    for pattern in (r"^<[^<>]*>", r"<[^<>]*>$"):
        found = re.search(pattern, value)
        if found and ids_in(found[0]):
            return ids_in(found[0])
    return []


def decoded(value):
    """A subject without its encoded words."""
    try:
        return str(email.header.make_header(email.header.decode_header(value)))
    except (LookupError, ValueError):
        return value


def base_subject(value):
    """The base of a subject, and whether it has a mark of a reply or forward (RFC 5256 §2.1)."""
    text = re.sub(r"[ \t\r\n]+", " ", value)
    is_reply = False
    while True:
        while found := TRAILER.search(text):
            is_reply |= found[0] != " "
            text = text[: found.start()]
        while True:
            text = text.lstrip(" ")
            if found := MARK.match(text):
                is_reply = True
                text = text[found.end() :]
                continue
            found = BLOB.match(text)
            if not found or found.end() == len(text):
                break
            text = text[found.end() :]
        forward = FORWARD.match(text)
        if not forward:
            return text, is_reply
        is_reply = True
        text = forward[1]


def threads(messages):
    """The threads of messages, given as name and bytes: a set of sets of names."""
    edges = defaultdict(set)
    subjects = defaultdict(list)
    orphans = []
    for name, data in messages:
        header = read_header(data)
        own = own_id(header.get("message-id", ""))
        referred = set(ids_in(header.get("references", ""))) | set(answered_ids(header.get("in-reply-to", "")))
        referred.discard(own)
        message = ("message", name)
        edges[message] = set()
        for found in referred | ({own} - {None}):
            edges[message].add(("id", found))
        subject, is_reply = base_subject(decoded(header.get("subject", "")))
        subjects[subject.lower()].append(message)
        if is_reply and subject and not referred:
            orphans.append((message, subject.lower()))
    for message, subject in orphans:
        edges[message].update(subjects[subject])
    return components(edges)


def components(edges):
    """The connected components of a graph, of each the names of its messages."""
    both_ways = defaultdict(set)
    for node, others in edges.items():
        both_ways[node] |= others
        for other in others:
            both_ways[other].add(node)
    seen = set()
    found = set()
    for start in edges:
        if start in seen:
            continue
        pending, component = [start], set()
        seen.add(start)
        while pending:
            node = pending.pop()
            if node[0] == "message":
                component.add(node[1])
            fresh = both_ways[node] - seen
            seen |= fresh
            pending.extend(fresh)
        found.add(frozenset(component))
    return found


def read_directory(directory):
    """The `.eml` files in a directory and below: name and bytes."""
    for path in sorted(Path(directory).rglob("*.eml")):
        yield str(path.relative_to(directory)), path.read_bytes()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = threads(read_directory(sys.argv[1]))
    for line in sorted(" ".join(sorted(thread)) for thread in found):
        print(line)


if __name__ == "__main__":
    main()
