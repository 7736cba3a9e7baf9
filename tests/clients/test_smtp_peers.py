"""Mail from and to the servers and programs of others: postfix, swaks, dkimpy."""

import email
import json
import smtplib
import subprocess

import dkim
import pytest

from mail import ANN, Jmap, account, message, wait_for
from postfix import GUEST, POSTFIX_DOMAIN, Postfix
from programs import need
from server import Server
from smtp import DOMAIN, exchange, free_port, host_port, submission


@pytest.fixture(scope="module")
def peers():
    """Us and postfix, each the other's way out."""
    ours = free_port()
    with Postfix(ours) as postfix:
        route = f"{POSTFIX_DOMAIN}=127.0.0.1:{postfix.port}"
        with Server(
            "--smtp", f"127.0.0.1:{ours}", "--mail-domain", DOMAIN, "--mail-host-name", "mx.example.org", "--mail-route", route
        ) as server:
            server.ann = account(server, "ann", ANN)
            server.postfix = postfix
            yield server


@pytest.fixture
def ann(peers) -> Jmap:
    return Jmap(peers.addresses["web"], "ann", peers.ann)


def raw(client: Jmap, id: str) -> bytes:
    return client.download(client.email(id, "blobId")["blobId"])


def to_postfix(peers) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", peers.postfix.port, timeout=60)


def test_postfix_hands_in_over_tls(peers, ann):
    with to_postfix(peers) as client:
        client.sendmail(GUEST, [ANN], message("By postfix", "Grüße.", sender=GUEST), mail_options=["BODY=8BITMIME"])
    (id,) = wait_for(lambda: ann.find(subject="postfix"), 30)
    kept = b" ".join(raw(ann, id).split())
    assert b"from mx.postfix.example" in kept and b"with ESMTPS id" in kept
    assert "Grüße" in ann.email(id, "preview")["preview"]
    assert "TLS connection established to 127.0.0.1" in peers.postfix.log()


def test_postfix_is_handed_mail_over_tls(peers, ann):
    with submission(peers, "ann", peers.ann) as client:
        client.sendmail(ANN, [GUEST], message("To postfix", "Grüße.", sender=ANN, to=GUEST), mail_options=["BODY=8BITMIME"])
    arrived = peers.postfix.wait_for("To postfix")
    assert "with ESMTPS" in " ".join(arrived["Received"].split())
    assert arrived.get_payload(decode=True).decode().strip() == "Grüße."


def test_addresses_beyond_ascii_cross_both_ways(peers, ann):
    with submission(peers, "ann", peers.ann) as client:
        there = f"gäste@{POSTFIX_DOMAIN}"
        client.ehlo()
        text = message("An die Gäste", sender=ANN, to=there)
        assert client.mail(ANN, ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
        assert rcpt(client, there)[0] == 250
        assert client.data(text)[0] == 250
    assert peers.postfix.wait_for("An die G")
    with to_postfix(peers) as client:
        client.ehlo()
        assert client.mail(GUEST, ["SMTPUTF8", "BODY=8BITMIME"])[0] == 250
        assert rcpt(client, "ann+gäste@example.org")[0] == 250
        assert client.data(message("Von den Gästen", sender=GUEST))[0] == 250
    assert wait_for(lambda: ann.find(subject="Gästen"), 30)


def rcpt(client: smtplib.SMTP, address: str) -> tuple[int, bytes]:
    """RCPT with an address that smtplib would not write."""
    client.send(f"RCPT TO:<{address}>\r\n".encode())
    return client.getreply()


def test_who_wants_to_know_is_told(peers, ann):
    """NOTIFY crosses to postfix, which tells of success itself; and from postfix to us, who do."""
    with submission(peers, "ann", peers.ann) as client:
        client.ehlo()
        client.mail(ANN, ["RET=HDRS", "ENVID=QQ314159"])
        assert client.rcpt(GUEST, ["NOTIFY=SUCCESS,FAILURE", f"ORCPT=rfc822;{GUEST}"])[0] == 250
        assert client.data(message("Told", sender=ANN, to=GUEST))[0] == 250
    (id,) = wait_for(lambda: ann.find(subject="Successful Mail Delivery Report"), 30)
    status = email.message_from_bytes(raw(ann, id)).get_payload()[1].as_string()
    assert "Original-Envelope-Id: QQ314159" in status and "Action: delivered" in status

    with to_postfix(peers) as client:
        client.ehlo()
        client.mail(GUEST, ["RET=HDRS", "ENVID=QQ271828"])
        assert client.rcpt(ANN, ["NOTIFY=SUCCESS"])[0] == 250
        assert client.data(message("Told too", sender=GUEST))[0] == 250
    report = wait_for(lambda: [one for one in peers.postfix.messages() if "QQ271828" in one.as_string()], 30)[0]
    assert "Action: delivered" in report.as_string() or "Action: relayed" in report.as_string()


def test_what_postfix_does_not_take_comes_back(peers, ann):
    gone = f"nobody@{POSTFIX_DOMAIN}"
    with submission(peers, "ann", peers.ann) as client:
        client.sendmail(ANN, [gone], message("Nobody there", sender=ANN, to=gone))
    (id,) = wait_for(lambda: ann.find(text=gone, **{"from": "mailer-daemon"}), 30)
    status = email.message_from_bytes(raw(ann, id)).get_payload()[1].as_string()
    assert "Action: failed" in status and "Status: 5.1.1" in status and "Remote-MTA: dns;" in status


def test_a_message_of_25_mb_crosses_both_ways(peers, ann):
    large = "\r\n".join(["x" * 76] * 330_000)
    with to_postfix(peers) as client:
        client.sendmail(GUEST, [ANN], message("Large in", large, sender=GUEST))
    (id,) = wait_for(lambda: ann.find(subject="\"Large in\""), 60)
    assert ann.email(id, "size")["size"] > 25_000_000
    with submission(peers, "ann", peers.ann) as client:
        client.sendmail(ANN, [GUEST], message("Large out", large, sender=ANN, to=GUEST))
    assert len(peers.postfix.wait_for("Large out").as_bytes()) > 25_000_000


def test_swaks_hands_in_and_submits(peers, ann):
    swaks = need("swaks")
    common = ["--server", "127.0.0.1", "--to", ANN, "--h-Subject"]
    smtp = host_port(peers.addresses["smtp"])[1]
    done = subprocess.run(
        [swaks, *common, "By swaks", "--port", str(smtp), "--from", "s@elsewhere.example", "--tls"],
        capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout
    port = host_port(peers.addresses["submissions"])[1]
    done = subprocess.run(
        [swaks, *common, "By swaks, signed in", "--port", str(port), "--from", ANN, "--tlsc",
         "--auth", "PLAIN", "--auth-user", "ann", "--auth-password", peers.ann],
        capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stdout
    assert wait_for(lambda: len(ann.find(subject="swaks")) == 2)


def test_dkimpy_verifies_what_we_sign(peers, ann):
    """With the record that the command prints, and not when a word is another."""
    made = [
        json.loads(peers.run("mail", "dkim", "create", DOMAIN, "--algorithm", algorithm, "--json").stdout)
        for algorithm in ("rsa", "ed25519")
    ]
    records = {one["name"].rstrip(".") + ".": one["value"].encode() for one in made}
    with submission(peers, "ann", peers.ann) as client:
        client.sendmail(ANN, [GUEST], message("Signed", "Every word.", sender=ANN, to=GUEST))
    arrived = peers.postfix.wait_for("Signed")
    signed = arrived.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    signed = signed[signed.index(b"DKIM-Signature") :]

    def lookup(name, **_):
        name = name.decode() if isinstance(name, bytes) else name
        return records.get(name if name.endswith(".") else name + ".")

    def verifies(message: bytes, number: int) -> bool:
        try:
            return dkim.DKIM(message).verify(idx=number, dnsfunc=lookup)
        except dkim.ValidationError:
            return False

    other = signed.replace(b"Every word", b"Other word")
    assert [verifies(signed, number) for number in range(2)] == [True, True]
    assert [verifies(other, number) for number in range(2)] == [False, False]
