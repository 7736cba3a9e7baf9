"""Who mail is from: domains that say in DNS what is theirs, and dkimpy that signs for them.

Clients come through a load balancer, which tells their addresses: those of this machine are asked nothing.
"""

import base64
import ipaddress
import smtplib
import socket
import struct
import subprocess

import dkim
import nacl.signing
import pytest

from mail import ANN, Jmap, account, message, wait_for
from names import Names
from programs import need
from server import Server
from smtp import DOMAIN, host_port

STRICT, SOFT = "strict.example", "soft.example"
THEIRS, OTHERS = "192.0.2.1", "192.0.2.9"
SELECTORS = {"rsa": b"rsa", "ed25519": b"ed"}


def made_keys() -> tuple[dict[str, bytes], dict[str, str]]:
    """Private keys as dkimpy has them, and their records, by algorithm."""
    openssl = need("openssl")
    pem = subprocess.run([openssl, "genrsa", "-traditional", "2048"], capture_output=True, check=True).stdout
    public = subprocess.run(
        [openssl, "rsa", "-pubout", "-outform", "DER"], input=pem, capture_output=True, check=True
    ).stdout
    seed = nacl.signing.SigningKey.generate()
    keys = {"rsa": pem, "ed25519": base64.b64encode(bytes(seed))}
    records = {
        "rsa": f"v=DKIM1; k=rsa; p={base64.b64encode(public).decode()}",
        "ed25519": f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(seed.verify_key)).decode()}",
    }
    return keys, records


@pytest.fixture(scope="module")
def world():
    """A server that asks a DNS server of ours, and keys of a domain."""
    keys, records = made_keys()
    texts = {
        f"{STRICT}.": f"v=spf1 ip4:{THEIRS} -all",
        f"_dmarc.{STRICT}.": "v=DMARC1; p=reject",
        f"{SOFT}.": f"v=spf1 ip4:{THEIRS} -all",
        f"_dmarc.{SOFT}.": "v=DMARC1; p=quarantine",
    }
    texts |= {f"{SELECTORS[name].decode()}._domainkey.{STRICT}.": text for name, text in records.items()}
    with Names(texts) as names:
        with Server(
            "--mail-domain", DOMAIN, "--mail-host-name", "mx.example.org", "--mail-resolver", names.address,
            "--mail-proxy", "127.0.0.1",
        ) as server:
            server.keys = keys
            server.ann = account(server, "ann", ANN)
            yield server


@pytest.fixture
def ann(world) -> Jmap:
    return Jmap(world.addresses["web"], "ann", world.ann)


class Balanced(smtplib.SMTP):
    """A session of a client whose address a load balancer tells (PROXY protocol, version 2)."""

    def __init__(self, address: str, client: str):
        self.client = client
        super().__init__(*host_port(address), timeout=60)

    def _get_socket(self, host, port, timeout):
        made = socket.create_connection((host, port), timeout)
        addresses = ipaddress.ip_address(self.client).packed + ipaddress.ip_address("192.0.2.200").packed
        body = addresses + struct.pack("!HH", 40_000, 25)
        made.sendall(b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, 0x11]) + struct.pack("!H", len(body)) + body)
        return made


def deliver(world, client: str, sender: str, octets: bytes):
    with Balanced(world.addresses["smtp"], client) as session:
        session.sendmail(sender, [ANN], octets)


def results(ann: Jmap, subject: str) -> str:
    """What the message with a subject is told to be."""
    (id,) = wait_for(lambda: ann.find(subject=subject))
    field = "header:Authentication-Results:asText"
    return ann.email(id, field)[field]


def of(domain: str, subject: str, text="Every word.") -> bytes:
    return message(subject, text, sender=f"guest@{domain}")


def sign(world, algorithm: str, octets: bytes) -> bytes:
    signature = dkim.sign(
        octets, SELECTORS[algorithm], STRICT.encode(), world.keys[algorithm],
        signature_algorithm=b"rsa-sha256" if algorithm == "rsa" else b"ed25519-sha256",
        canonicalize=(b"relaxed", b"relaxed"), include_headers=[b"from", b"to", b"subject"],
    )
    return signature + octets


def test_a_client_that_its_domain_names(world, ann):
    deliver(world, THEIRS, f"guest@{STRICT}", of(STRICT, "Named"))
    told = results(ann, "Named")
    assert told.startswith("mx.example.org;") and "spf=pass" in told and "dmarc=pass" in told


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
def test_what_dkimpy_signed_is_verified(world, ann, algorithm):
    signed = sign(world, algorithm, of(STRICT, f"Signed by {algorithm}"))
    deliver(world, OTHERS, "list@far.example", signed)
    told = results(ann, f"\"Signed by {algorithm}\"")
    assert "dkim=pass" in told and "dmarc=pass" in told
    with pytest.raises(smtplib.SMTPDataError) as refused:
        deliver(world, OTHERS, "list@far.example", signed.replace(b"Every word", b"Other word"))
    assert refused.value.smtp_code == 550 and refused.value.smtp_error.startswith(b"5.7.26")


def test_what_a_domain_did_not_send_is_refused_or_junk(world, ann):
    with pytest.raises(smtplib.SMTPDataError) as refused:
        deliver(world, OTHERS, "s@far.example", of(STRICT, "Forged"))
    assert refused.value.smtp_code == 550 and refused.value.smtp_error.startswith(b"5.7.26")
    # A second author does not help.
    crowd = of(STRICT, "Forged").replace(b"From: ", b"From: <s@far.example>, ")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        deliver(world, OTHERS, "s@far.example", crowd)
    assert refused.value.smtp_error.startswith(b"5.7.26")
    deliver(world, OTHERS, "s@far.example", of(SOFT, "Doubtful"))
    (id,) = wait_for(lambda: ann.find(subject="Doubtful"))
    assert list(ann.email(id, "mailboxIds")["mailboxIds"]) == [ann.mailbox("junk")]
    assert not ann.find(subject="Forged")
