"""Mail in and out by SMTP, with smtplib and by hand."""

import email
import json
import smtplib
import ssl

import pytest

from mail import ANN, BOB, Jmap, account, message, wait_for
from server import Server
from smtp import DOMAIN, OTHER, Line, Pair, exchange, host_port, submission, unchecked

STRANGER = "stranger@elsewhere.example"


@pytest.fixture(scope="module")
def running():
    with Server("--mail-domain", DOMAIN, "--mail-host-name", "mx.example.org") as server:
        server.ann = account(server, "ann", ANN)
        server.bob = account(server, "bob", BOB)
        yield server


@pytest.fixture(scope="module")
def pair():
    with Pair() as pair:
        yield pair


@pytest.fixture
def ann(running) -> Jmap:
    return Jmap(running.addresses["web"], "ann", running.ann)


def raw(client: Jmap, id: str) -> bytes:
    return client.download(client.email(id, "blobId")["blobId"])


def test_what_a_stranger_sends_arrives_with_its_trace(running, ann):
    sent = message("From afar", "A view of the sea.", sender=STRANGER, Message_ID="<afar@elsewhere.example>")
    with exchange(running) as client:
        client.ehlo("mail.elsewhere.example")
        assert {"starttls", "size", "pipelining", "8bitmime", "smtputf8", "chunking", "dsn"} <= set(client.esmtp_features)
        assert "auth" not in client.esmtp_features, "nobody signs in where servers hand mail in"
        assert client.sendmail(STRANGER, [ANN], sent) == {}
    (id,) = wait_for(lambda: ann.find(subject="afar"))
    kept = raw(ann, id)
    assert kept.endswith(sent), "the trace is all that is new"
    trace = email.message_from_bytes(kept[: -len(sent)] + b"\r\n")
    assert trace["Return-Path"] == f"<{STRANGER}>"
    assert "from mail.elsewhere.example" in trace["Received"] and "by mx.example.org" in trace["Received"]
    assert "with ESMTP id" in " ".join(trace["Received"].split())
    assert trace["Authentication-Results"].startswith("mx.example.org;")


def test_what_others_claim_of_us_is_taken_out(running, ann):
    forged = "mx.example.org; dkim=pass header.d=bank.example"
    sent = message("Forged", sender=STRANGER, Authentication_Results=forged)
    with exchange(running) as client:
        client.sendmail(STRANGER, [ANN], sent)
    (id,) = wait_for(lambda: ann.find(subject="Forged"))
    results = email.message_from_bytes(raw(ann, id)).get_all("Authentication-Results")
    assert len(results) == 1 and "bank.example" not in results[0]


def test_over_tls_and_what_was_before_it_is_forgotten(running):
    with exchange(running) as client:
        client.ehlo("mail.elsewhere.example")
        assert client.mail(STRANGER)[0] == 250
        assert client.starttls(context=unchecked())[0] == 220
        assert client.rcpt(ANN)[0] == 503, "there is no sender after STARTTLS"
        assert "starttls" not in (client.ehlo() and client.esmtp_features)
        assert client.sendmail(STRANGER, [ANN], message("In secret", sender=STRANGER)) == {}


def test_commands_behind_starttls_are_never_run(running):
    with Line(running.addresses["smtp"]) as line:
        assert line.say("EHLO x")[0] == 250
        line.send(b"STARTTLS\r\nMAIL FROM:<injected@elsewhere.example>\r\nRCPT TO:<ann@example.org>\r\n")
        assert line.reply()[0] == 220
        secret = unchecked().wrap_socket(line.socket, server_hostname="x")
        secret.sendall(b"RCPT TO:<ann@example.org>\r\n")
        assert secret.recv(100).startswith(b"503"), "nothing was said in the open"
        secret.close()


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n"], ids=lambda end: repr(end)
)
@pytest.mark.parametrize("chunked", [False, True], ids=["DATA", "BDAT"])
def test_nobody_smuggles(running, ann, end, chunked):
    """Two servers that disagree about where a message ends let a sender put a second one inside (2023)."""
    inner = b"MAIL FROM:<smuggled@elsewhere.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
    body = b"Subject: outer\r\n\r\nbefore" + end + inner
    with Line(running.addresses["smtp"]) as line:
        for command in ["EHLO x", f"MAIL FROM:<{STRANGER}>", f"RCPT TO:<{ANN}>"]:
            assert line.say(command)[0] == 250
        if chunked:
            line.send(f"BDAT {len(body)} LAST\r\n".encode() + body)
        else:
            assert line.say("DATA")[0] == 354
            line.send(body + b"\r\n.\r\n")
        code, text = line.reply()
        assert 500 <= code < 600, (code, text)
        assert line.say("NOOP")[0] == 250, "no reply to what was inside"
    assert not ann.find(subject="smuggled") and not ann.find(subject="outer")


def test_refusals_say_why(running):
    with exchange(running) as client:
        client.ehlo("x")
        client.mail(STRANGER)
        assert client.rcpt("nobody@example.org")[0] == 550
        code, text = client.rcpt("someone@far.example")
        assert code == 550 and b"5.7.1" in text, "we are no open relay"
        assert client.rcpt(ANN)[0] == 250
        client.rset()
        code, text = client.docmd("MAIL", f"FROM:<{STRANGER}> SIZE=99999999999")
        assert (code, text[:5]) == (552, b"5.3.4")
        assert client.docmd("VRFY ann")[0] == 252
        assert client.docmd("TURN")[0] in (500, 502)
        assert client.docmd("AUTH PLAIN AGFubgB4")[0] in (502, 503)


def test_detail_is_part_of_no_address(running, ann):
    with exchange(running) as client:
        client.sendmail(STRANGER, ["ann+lists@example.org"], message("Detail", sender=STRANGER))
    assert wait_for(lambda: ann.find(subject="Detail"))


def test_programs_hand_mail_in(running, ann):
    """By STARTTLS and by TLS from the start, with what RFC 6409 lets us add."""
    with submission(running, "bob", running.bob) as client:
        client.sendmail(BOB, [ANN], message("Handed in"))
    with smtplib.SMTP_SSL(*host_port(running.addresses["submissions"]), context=unchecked(), timeout=60) as client:
        client.login(BOB, running.bob)
        client.sendmail(BOB, [ANN], message("Handed in over TLS"))
    for subject in ("Handed in over TLS", "Handed"):
        id = wait_for(lambda subject=subject: ann.find(subject=subject))[0]
        kept = email.message_from_bytes(raw(ann, id))
        assert kept["Date"] and kept["Message-ID"]
        assert "with ESMTPSA id" in " ".join(kept["Received"].split())


def test_who_hands_mail_in_is_who_they_say(running):
    with smtplib.SMTP(*host_port(running.addresses["submission"]), timeout=60) as client:
        client.ehlo()
        assert client.docmd(f"MAIL FROM:<{BOB}>")[0] == 530
        client.starttls(context=unchecked())
        client.ehlo()
        assert {"PLAIN", "LOGIN"} <= set(client.esmtp_features["auth"].split())
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("bob", "wrong")
        client.login("bob", running.bob)
        code, text = client.docmd(f"MAIL FROM:<{ANN}>")
        assert (code, text[:5]) == (553, b"5.7.1")
        with pytest.raises(smtplib.SMTPDataError) as refused:
            client.sendmail(BOB, [ANN], message("As another", sender=ANN))
        assert refused.value.smtp_code == 550


def test_a_message_out_and_its_answer_are_one_thread(pair):
    ann = Jmap(pair.here.addresses["web"], "ann", pair.ann)
    carol = Jmap(pair.there.addresses["web"], "carol", pair.carol)
    with submission(pair.here, "ann", pair.ann) as client:
        client.sendmail(ANN, [OTHER], message("Rooms", "Two, please.", sender=ANN, to=OTHER, Message_ID="<r1@example.org>"))
    (there,) = wait_for(lambda: carol.find(subject="Rooms"))
    assert b"with ESMTPS id" in b" ".join(raw(carol, there).split()), "between servers in secret"
    reply = message(
        "Re: Rooms", "They are yours.", sender=OTHER, to=ANN,
        Message_ID="<r2@other.example>", In_Reply_To="<r1@example.org>", References="<r1@example.org>",
    )
    with submission(pair.there, "carol", pair.carol) as client:
        client.sendmail(OTHER, [ANN], reply)
    (here,) = wait_for(lambda: ann.find(subject="Rooms", **{"from": OTHER}))
    ann.put(message("Rooms", "Two, please.", sender=ANN, to=OTHER, Message_ID="<r1@example.org>"), role="sent")
    thread = ann.email(ann.find(subject="Rooms", **{"from": OTHER})[0], "threadId")["threadId"]
    assert len(ann.call("Thread/get", ids=[thread])["list"][0]["emailIds"]) == 2


def test_what_another_server_refuses_comes_back_as_a_report(pair):
    ann = Jmap(pair.here.addresses["web"], "ann", pair.ann)
    with submission(pair.here, "ann", pair.ann) as client:
        client.sendmail(ANN, ["nobody@other.example"], message("Lost", sender=ANN, to="nobody@other.example"))
    (id,) = wait_for(lambda: ann.find(text="nobody@other.example", **{"from": "mailer-daemon"}))
    report = email.message_from_bytes(raw(ann, id))
    assert report.get_content_type() == "multipart/report" and report["Return-Path"] in (None, "<>")
    status = report.get_payload()[1].as_string()
    assert "Action: failed" in status and "Status: 5.1.1" in status and "Remote-MTA: dns" in status


def test_the_certificate_is_kept(tmp_path):
    """The one that the first start signs is there at the second too: who trusts it once trusts it then."""
    seen = []
    for _ in range(2):
        with Server("--mail-domain", DOMAIN, data=tmp_path / "data") as server:
            seen.append(ssl.get_server_certificate(host_port(server.addresses["submissions"])))
    assert seen[0] == seen[1]


def test_what_was_accepted_outlives_a_kill(tmp_path):
    with Server("--mail-domain", DOMAIN, data=tmp_path / "data") as server:
        password = account(server, "ann", ANN)
        with exchange(server) as client:
            for number in range(50):
                client.sendmail(STRANGER, [ANN], message(f"Number {number}", sender=STRANGER))
            server.process.kill()
            server.process.wait()
    with Server("--mail-domain", DOMAIN, data=tmp_path / "data") as server:
        ann = Jmap(server.addresses["web"], "ann", password)

        def subjects():
            ids = ann.call("Email/query", limit=1000)["ids"]
            found = ann.call("Email/get", ids=ids, properties=["subject"])["list"]
            return sorted(one["subject"] for one in found)

        wait_for(lambda: len(subjects()) >= 50)
        assert subjects() == sorted(f"Number {number}" for number in range(50))


def test_rules_are_seen_and_changed_by_commands(running, ann):
    running.run("mail", "block", "add", "spam.example")
    with exchange(running) as client:
        client.ehlo("x")
        code, text = client.mail("offers@spam.example")
        code, text = client.rcpt(ANN) if code == 250 else (code, text)
        assert code in (550, 554), text
    rules = json.loads(running.run("mail", "block", "list", "--json").stdout)
    assert "spam.example" in json.dumps(rules)
    running.run("mail", "block", "remove", "spam.example")
    with exchange(running) as client:
        client.sendmail("offers@spam.example", [ANN], message("Offer", sender="offers@spam.example"))
    assert wait_for(lambda: ann.find(subject="Offer"))
