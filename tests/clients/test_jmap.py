"""Mail over JMAP, by hand and by jmapc."""

import concurrent.futures
import datetime
import json
import mailbox
import urllib.request

import pytest

from mail import ANN, BOB, CORE, MAIL, Jmap, account, message, status_of, wait_for
from server import Server


@pytest.fixture(scope="module")
def running():
    with Server("--mail-route", "unreachable.example=127.0.0.1:1") as server:
        server.ann = account(server, "ann", ANN)
        server.bob = account(server, "bob", BOB)
        yield server


@pytest.fixture
def ann(running) -> Jmap:
    return Jmap(running.addresses["web"], "ann", running.ann)


@pytest.fixture
def bob(running) -> Jmap:
    return Jmap(running.addresses["web"], "bob", running.bob)


def test_who_does_not_sign_in_learns_nothing(running):
    address = running.addresses["web"]
    url = f"http://{address}/.well-known/jmap"
    assert status_of(lambda: urllib.request.urlopen(url)) == 401
    assert status_of(lambda: Jmap(address, "ann", "wrong")) == 401
    assert status_of(lambda: Jmap(address, "ann", running.bob)) == 401


def test_an_address_signs_in_as_the_account_that_has_it(running):
    address = running.addresses["web"]
    assert Jmap(address, "Ann@Example.org", running.ann).session["username"] == "ann"
    assert status_of(lambda: Jmap(address, BOB, running.ann)) == 401
    assert status_of(lambda: Jmap(address, "nobody@example.org", running.ann)) == 401


def test_a_message_comes_back_as_it_was(ann):
    body = message("Grüße", "Häuser\r\n.\r\nende", Message_ID="<one@example.org>")
    made = ann.put(body, keywords={"$seen": True})
    email = ann.email(made["id"])
    assert email["subject"] == "Grüße"
    assert email["from"] == [{"name": None, "email": BOB}]
    assert email["messageId"] == ["one@example.org"]
    assert email["keywords"] == {"$seen": True}
    assert email["size"] == len(body)
    assert ann.download(email["blobId"]) == body
    assert ann.download(email["blobId"], Range="bytes=0-3") == body[:4]
    texts = ann.call("Email/get", ids=[made["id"]], fetchTextBodyValues=True)["list"][0]
    (part,) = texts["textBody"]
    assert texts["bodyValues"][part["partId"]]["value"].startswith("Häuser")


def test_replies_are_in_one_thread_and_a_search_finds_them(ann):
    first = ann.put(message("Lamps", "Are the lamps in?", Message_ID="<lamps@example.org>"))
    second = ann.put(message("Re: Lamps", "They arrived.", In_Reply_To="<lamps@example.org>"))
    assert first["threadId"] == second["threadId"]
    (thread,) = ann.call("Thread/get", ids=[first["threadId"]])["list"]
    assert thread["emailIds"] == [first["id"], second["id"]]
    assert ann.find(text="arrived") == [second["id"]]
    assert set(ann.find(subject="lamps")) == {first["id"], second["id"]}


def test_changes_lead_from_any_state_to_the_present(ann):
    before = ann.call("Email/get", ids=[])["state"]
    one, two = ann.put(message("One")), ann.put(message("Two"))
    ann.call("Email/set", update={one["id"]: {"keywords/$flagged": True}}, destroy=[two["id"]])
    changes = ann.call("Email/changes", sinceState=before)
    assert changes["created"] == [one["id"]]
    assert changes["destroyed"] == [] and changes["updated"] == []
    assert changes["newState"] == ann.call("Email/get", ids=[])["state"]


def test_a_draft_is_sent_and_arrives_once(ann, bob):
    drafts, sent = ann.mailbox("drafts"), ann.mailbox("sent")
    (identity,) = ann.call("Identity/get", ids=None)["list"]
    draft = {
        "mailboxIds": {drafts: True},
        "keywords": {"$draft": True},
        "from": [{"name": "Ann", "email": ANN}],
        "to": [{"name": "Bob", "email": BOB}],
        "subject": "Zimmer für zwei",
        "textBody": [{"partId": "t", "type": "text/plain"}],
        "bodyValues": {"t": {"value": "Kommt ihr am Freitag?"}},
    }
    answers = ann.request(
        ["Email/set", {"accountId": ann.account, "create": {"d": draft}}],
        [
            "EmailSubmission/set",
            {
                "accountId": ann.account,
                "create": {"s": {"identityId": identity["id"], "emailId": "#d"}},
                "onSuccessUpdateEmail": {
                    "#s": {
                        f"mailboxIds/{drafts}": None,
                        f"mailboxIds/{sent}": True,
                        "keywords/$draft": None,
                    }
                },
            },
        ],
    )
    assert [name for name, *_ in answers] == ["Email/set", "EmailSubmission/set", "Email/set"], answers
    (arrived,) = wait_for(lambda: bob.find(subject="Zimmer"))
    email = bob.email(arrived, "subject", "from", "mailboxIds", "preview")
    assert email["subject"] == "Zimmer für zwei"
    assert email["mailboxIds"] == {bob.mailbox("inbox"): True}
    assert "Freitag" in email["preview"]
    kept = ann.email(answers[0][1]["created"]["d"]["id"], "mailboxIds", "keywords")
    assert kept["mailboxIds"] == {sent: True}
    assert "$draft" not in kept["keywords"]


def test_another_account_is_not_there_unless_it_is_shared(running, ann, bob):
    (name, error, _), = ann.request(["Mailbox/get", {"accountId": bob.account, "ids": None}])
    assert (name, error["type"]) == ("error", "accountNotFound")
    made = bob.put(message("Private"))
    blob = bob.email(made["id"], "blobId")["blobId"]
    assert status_of(lambda: ann.download(blob)) == 404
    running.run("mail", "share", "bob", "ann", "--read-only")
    shared = Jmap(running.addresses["web"], "ann", running.ann)
    assert shared.session["accounts"][bob.account]["isReadOnly"] is True
    found = shared.call("Email/get", accountId=bob.account, ids=[made["id"]])
    assert found["list"][0]["subject"] == "Private"
    (_, error, _), = shared.request(
        ["Email/set", {"accountId": bob.account, "destroy": [made["id"]]}]
    )
    assert error["type"] == "accountReadOnly"
    copied = shared.call(
        "Email/copy",
        fromAccountId=bob.account,
        create={"c": {"id": made["id"], "mailboxIds": {shared.mailbox("inbox"): True}}},
    )
    assert copied["created"]["c"]["size"] == len(bob.download(blob))
    running.run("mail", "share", "bob", "ann", "--stop")


def test_events_tell_of_what_comes(ann):
    url = ann.session["eventSourceUrl"]
    for name, value in {"types": "*", "closeafter": "state", "ping": "0"}.items():
        url = url.replace("{" + name + "}", value)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        stream = ann.http("GET", url)
        assert stream.headers["content-type"] == "text/event-stream"
        heard = pool.submit(stream.read)
        made = ann.put(message("Ping"))
        lines = heard.result(timeout=10).decode().splitlines()
    data = next(line.removeprefix("data: ") for line in lines if line.startswith("data: "))
    change = json.loads(data)
    assert change["@type"] == "StateChange"
    assert "Email" in change["changed"][ann.account]
    assert made["id"]


def test_imported_mailboxes_come_out_as_they_went_in(running, ann, tmp_path):
    messages = [message(f"Import {number}", f"Nummer {number}") for number in range(25)]
    source = mailbox.mbox(tmp_path / "in.mbox")
    for one in messages:
        source.add(one.replace(b"\r\n", b"\n"))
    source.close()
    said = running.run("mail", "import", "ann", str(tmp_path / "in.mbox"), "--mailbox", "Archive/2026")
    assert "imported 25 messages" in said.stdout
    archive = [
        one for one in ann.call("Mailbox/get", ids=None)["list"] if one["name"] == "2026"
    ]
    assert archive[0]["totalEmails"] == 25
    running.run("mail", "export", "ann", str(tmp_path / "out"), "--format", "eml")
    exported = {path.read_bytes() for path in (tmp_path / "out").rglob("*.eml")}
    assert set(messages) <= exported


def test_a_destroyed_message_can_be_brought_back(running, ann):
    made = ann.put(message("Regret"))
    ann.call("Email/set", destroy=[made["id"]])
    assert ann.find(subject="Regret") == []
    listed = json.loads(running.run("mail", "restore", "ann", "--json").stdout)
    (gone,) = [one["id"] for one in listed["messages"] if one["subject"] == "Regret"]
    running.run("mail", "restore", "ann", gone)
    (found,) = ann.find(subject="Regret")
    assert ann.email(found, "mailboxIds")["mailboxIds"] == {ann.mailbox("inbox"): True}


def test_mail_is_there_after_a_kill(tmp_path):
    data = tmp_path / "data"
    with Server(data=data) as server:
        password = account(server, "ann", ANN)
        client = Jmap(server.addresses["web"], "ann", password)
        made = client.put(message("Durable", "Findable"))
        state = client.call("Email/get", ids=[])["state"]
        server.process.kill()
        server.process.wait()
    with Server(data=data) as server:
        client = Jmap(server.addresses["web"], "ann", password)
        assert client.call("Email/get", ids=[])["state"] == state
        assert client.find(text="findable") == [made["id"]]


def test_requests_that_are_wrong_are_told_so(ann):
    def post(body: bytes, kind="application/json"):
        return ann.http("POST", "/jmap/api", body, Content_Type=kind)

    for body in (b"", b"{", b"[]", b'{"using":[],"methodCalls":7}', b"[" * 100_000):
        assert status_of(lambda body=body: post(body)) == 400
    assert status_of(lambda: post(b"{}", "text/plain")) == 400
    calls = [["Core/echo", {}, str(number)] for number in range(1_000)]
    body = json.dumps({"using": [CORE], "methodCalls": calls}).encode()
    assert status_of(lambda: post(body)) == 400
    deep = b'{"using":[],"methodCalls":[["Email/query",{"filter":'
    deep += b'{"operator":"NOT","conditions":[' * 1_000 + b"{}" + b"]}" * 1_000 + b'},"0"]]}'
    assert status_of(lambda: post(deep)) == 400
    (name, error, _), = ann.request(
        ["Email/query", {"accountId": ann.account, "filter": {"operator": "XOR", "conditions": []}}],
        using=[CORE, MAIL],
    )
    assert name == "error" and error["type"] in ("unsupportedFilter", "invalidArguments")


def test_the_index_is_made_anew_by_command(running, ann):
    made = ann.put(message("Index", "Marmalade."))
    said = json.loads(running.run("mail", "reindex", "--json").stdout)
    assert said["running"] is False and said["fed"] >= said["total"] >= 1
    assert ann.find(text="marmalade") == [made["id"]]


def test_confirmations_of_bookings_leave_through_mail():
    """They leave from the address that is set, and answers go to the hotel."""
    with Server("--booking-mail-from", "stay@example.org") as server:
        account(server, "desk", "stay@example.org")
        ann = Jmap(server.addresses["web"], "ann", account(server, "ann", ANN))
        server.run("booking", "demo")
        hotel = f"http://{server.addresses['web']}/booking/v1/hotels/harbour-house"

        def post(path: str, body: dict, **headers: str) -> dict:
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            fields |= {"Content-Type": "application/json"}
            request = urllib.request.Request(hotel + path, json.dumps(body).encode(), fields)
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)

        arrival = datetime.date.today() + datetime.timedelta(days=30)
        stay = {
            "arrival": str(arrival),
            "departure": str(arrival + datetime.timedelta(days=2)),
            "rooms": [{"room_type": "single", "rate_plan": "flexible", "adults": 1}],
            "guest": {"name": "Ann", "email": ANN},
        }
        reserved = post("/reservations", stay, Idempotency_Key="one")
        post(
            f"/reservations/{reserved['id']}/payments",
            {"method": "sandbox:approve"},
            Idempotency_Key="two",
            Authorization=f"Bearer {reserved['guest_token']}",
        )
        (arrived,) = wait_for(lambda: ann.find(**{"from": "stay@example.org"}))
        mail = ann.email(arrived, "replyTo", "subject", "attachments", "preview")
        assert mail["replyTo"][0]["email"] != "stay@example.org"
        assert reserved["code"] in mail["subject"] + mail["preview"]
        assert [part["name"] for part in mail["attachments"]] == ["invite.ics"]


def test_operators_see_and_change_what_waits_to_be_sent(running, ann):
    """What is for a server that is not there waits."""
    (identity,) = ann.call("Identity/get", ids=None)["list"]
    made = ann.put(message("Elsewhere", sender=ANN, to="carol@unreachable.example"), role="drafts")
    envelope = {
        "mailFrom": {"email": ANN, "parameters": None},
        "rcptTo": [{"email": f"{name}@unreachable.example", "parameters": None} for name in ("carol", "dan")],
    }
    submission = {"identityId": identity["id"], "emailId": made["id"], "envelope": envelope}
    id = ann.call("EmailSubmission/set", create={"s": submission})["created"]["s"]["id"]

    def queue(*command: str):
        entries = json.loads(running.run("mail", "queue", *command, "--json").stdout)
        return entries["entries"] if isinstance(entries, dict) else entries

    def told():
        """The entries, once each was tried."""
        entries = queue("show", "ann", id)
        return entries if all(entry["smtp_reply"].startswith("4") for entry in entries) else None

    tried = wait_for(told)
    assert sorted(entry["recipient"] for entry in tried) == ["carol@unreachable.example", "dan@unreachable.example"]
    assert {entry["state"] for entry in tried} == {"waiting"}
    assert [entry for entry in queue("list", "--account", "ann") if entry["id"] == id] == tried
    assert not queue("list", "--failed")
    assert "carol@unreachable.example" in running.run("mail", "queue", "show", "ann", id).stdout

    before = {entry["recipient"]: entry["tries"] for entry in tried}
    said = running.run("mail", "queue", "retry", "ann", id, "carol@unreachable.example").stdout
    assert said == "to be tried now, for 1 recipient\n"
    wait_for(lambda: [entry for entry in queue("show", "ann", id) if entry["tries"] > before[entry["recipient"]]])
    assert json.loads(running.run("mail", "queue", "drop", "ann", id, "--json").stdout) == {"changed": 2}
    gone = running.run("mail", "queue", "show", "ann", id, check=False)
    assert gone.returncode != 0 and "no such message" in gone.stderr
