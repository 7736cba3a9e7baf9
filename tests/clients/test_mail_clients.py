"""Clients of JMAP that others wrote: jmapc (Python), jmap-client (Rust), jmap-jam (JavaScript)."""

import os
import pathlib
import subprocess
import threading

import pytest

from mail import ANN, BOB, account, message, wait_for
from programs import existing, need
from server import ROOT, Server

CERTIFICATE = ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
LIMIT_S = 120


@pytest.fixture(scope="module")
def running():
    with Server() as server:
        server.ann = account(server, "ann", ANN)
        yield server


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A server with TLS, and its certificate: jmapc knows no other."""
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "cert.pem", directory / "key.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    files = ["-keyout", key, "-out", certificate]
    subprocess.run([need("openssl"), "req", "-x509", *curve, *CERTIFICATE, *files], check=True, capture_output=True)
    with Server("--tls-cert", str(certificate), "--tls-key", str(key)) as server:
        server.ann = account(server, "ann", ANN)
        server.bob = account(server, "bob", BOB)
        server.certificate = certificate
        yield server


@pytest.fixture
def jmapc_of(secure, monkeypatch):
    """Makes a client of jmapc; its library has no other way to be told of a certificate."""
    jmapc = pytest.importorskip("jmapc") if not os.environ.get("CI") else __import__("jmapc")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(secure.certificate))
    address = secure.addresses["web"]
    return lambda name: jmapc.Client.create_with_password(address, name, getattr(secure, name))


def test_jmapc_reads_finds_and_is_told(jmapc_of, tmp_path):
    import jmapc
    from jmapc import methods

    client = jmapc_of("ann")
    assert client.request(methods.CoreEcho(data={"hello": "there"})).data == {"hello": "there"}
    mailboxes = client.request(methods.MailboxGet(ids=None)).data
    assert {mailbox.role for mailbox in mailboxes} >= {"inbox", "drafts", "sent", "trash"}
    (tmp_path / "lamps.eml").write_bytes(message("Lamps", "Four for the lobby."))
    blob = client.upload_blob(tmp_path / "lamps.eml")
    inbox = next(mailbox.id for mailbox in mailboxes if mailbox.role == "inbox")
    told = threading.Event()

    def listen():
        events = jmapc_of("ann").events
        next(events)
        told.set()

    threading.Thread(target=listen, daemon=True).start()
    # The listener may come later than the first change: changes are made until it heard of one.
    made = import_(client, blob.id, inbox)
    for number in range(100):
        if told.wait(0.2):
            break
        client.request(methods.EmailSet(update={made: {f"keywords/k{number}": True}}))
    assert told.is_set()
    found = client.request(
        methods.EmailQuery(
            filter=jmapc.EmailQueryFilterCondition(in_mailbox=inbox, text="lobby"),
            sort=[jmapc.Comparator(property="receivedAt", is_ascending=False)],
        )
    )
    assert found.ids == [made]
    (email,) = client.request(methods.EmailGet(ids=[made], fetch_text_body_values=True)).data
    assert email.subject == "Lamps"
    assert email.mail_from[0].email == BOB
    (thread,) = client.request(methods.ThreadGet(ids=[email.thread_id])).data
    assert thread.email_ids == [made]


def import_(client, blob: str, mailbox: str) -> str:
    """Email/import, for which jmapc has no class."""
    from jmapc.methods import CustomMethod

    method = CustomMethod(data={"emails": {"e": {"blobId": blob, "mailboxIds": {mailbox: True}}}})
    method.jmap_method = "Email/import"
    method.using = {"urn:ietf:params:jmap:mail"}
    method.data["accountId"] = client.account_id
    return client.request(method).data["created"]["e"]["id"]


def test_jmapc_sends(jmapc_of):
    import jmapc
    from jmapc import methods

    ann, bob = jmapc_of("ann"), jmapc_of("bob")
    mailboxes = {one.role: one.id for one in ann.request(methods.MailboxGet(ids=None)).data}
    (identity,) = ann.request(methods.IdentityGet()).data
    draft = jmapc.Email(
        mail_from=[jmapc.EmailAddress(name="Ann", email=ANN)],
        to=[jmapc.EmailAddress(email=BOB)],
        subject="From jmapc",
        keywords={"$draft": True},
        mailbox_ids={mailboxes["drafts"]: True},
        body_values={"b": jmapc.EmailBodyValue(value="Beds are made.")},
        text_body=[jmapc.EmailBodyPart(part_id="b", type="text/plain")],
    )
    results = ann.request(
        [
            methods.EmailSet(create={"draft": draft}),
            methods.EmailSubmissionSet(
                on_success_destroy_email=["#send"],
                create={
                    "send": jmapc.EmailSubmission(
                        email_id="#draft",
                        identity_id=identity.id,
                        envelope=jmapc.Envelope(
                            mail_from=jmapc.Address(email=ANN), rcpt_to=[jmapc.Address(email=BOB)]
                        ),
                    )
                },
            ),
        ],
        raise_errors=True,
    )
    assert results[1].response.created["send"].id
    condition = jmapc.EmailQueryFilterCondition(text="jmapc")
    (arrived,) = wait_for(lambda: bob.request(methods.EmailQuery(filter=condition)).ids)
    (email,) = bob.request(methods.EmailGet(ids=[arrived])).data
    assert email.preview == "Beds are made."
    assert not ann.request(methods.EmailQuery(filter=condition)).ids, "the draft is destroyed"


def test_jmap_client_of_rust(running):
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    named = os.environ.get("CONCIERGE_JMAP_CLIENT")
    program = existing(pathlib.Path(named) if named else target / "debug" / "jmap-client-session")
    url = "http://" + running.addresses["web"]
    done = subprocess.run([program, url, "ann", running.ann, ANN], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "jmap-client: all done\n"


def test_jmap_jam_of_javascript(running):
    named = os.environ.get("CONCIERGE_NODE_MODULES") or "~/.cache/concierge-clients/node/node_modules"
    module = existing(pathlib.Path(named).expanduser() / "jmap-jam" / "dist" / "index.js")
    script = ROOT / "tests" / "clients" / "jam.mjs"
    url = "http://" + running.addresses["web"]
    command = [need("node"), script, module, url, running.ann]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "jmap-jam: all done\n"
