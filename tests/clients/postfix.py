"""Debian's postfix as the other side: mail for `postfix.example` ends in a Maildir, mail for `example.org` goes to us."""

import mailbox
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

from mail import wait_for
from programs import need
from server import ROOT
from smtp import free_port

POSTFIX_DOMAIN = "postfix.example"
GUEST = f"guest@{POSTFIX_DOMAIN}"

CONFIGURATION = ROOT / "tests" / "postfix"
"""What all instances for tests have in common."""
MAIN = """\
smtputf8_enable = yes
virtual_mailbox_maps = inline:{{ {{ guest@postfix.example = guest/ }}, {{ gäste@postfix.example = guest/ }} }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
transport_maps = inline:{{ {{ example.org = smtp:[127.0.0.1]:{ours} }} }}
smtpd_tls_security_level = may
smtpd_tls_cert_file = {root}/cert.pem
smtpd_tls_key_file = {root}/key.pem
smtp_tls_security_level = {tls}
smtp_tls_loglevel = 1
message_size_limit = 60000000
mailbox_size_limit = 0
virtual_mailbox_limit = 0
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
"""
"""What this one has of its own."""


class Postfix:
    """One instance of its own; a context manager. `ours` is the port that mail for us goes to."""

    def __init__(self, ours: int, tls: str = "encrypt"):
        need("postfix")
        self.port = free_port()
        self.ours, self.tls = ours, tls

    def __enter__(self) -> "Postfix":
        if os.geteuid() != 0:
            import pytest

            assert not os.environ.get("CI"), "postfix starts as root alone"
            pytest.skip("postfix starts as root alone")
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="concierge-postfix-"))
        self.root.chmod(0o755)
        user = pwd.getpwnam("postfix")
        for name in ("conf", "queue", "data", "boxes"):
            (self.root / name).mkdir()
        for name in ("data", "boxes"):
            os.chown(self.root / name, user.pw_uid, user.pw_gid)
        subprocess.run(
            [need("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=mx.postfix.example", "-keyout", self.root / "key.pem", "-out", self.root / "cert.pem"],
            check=True, capture_output=True,
        )
        values = {
            "root": self.root, "ours": self.ours, "tls": self.tls, "uid": user.pw_uid, "gid": user.pw_gid,
        }
        master = (CONFIGURATION / "master.cf").read_text().replace("PORT", str(self.port))
        common = (CONFIGURATION / "main.cf").read_text().replace("ROOT", str(self.root))
        (self.root / "conf" / "master.cf").write_text(master)
        (self.root / "conf" / "main.cf").write_text(common + MAIN.format(**values))
        started = self.command("start", check=False)
        if started.returncode != 0:
            log = self.log()
            shutil.rmtree(self.root, ignore_errors=True)
            raise RuntimeError(started.stderr + log)
        return self

    def command(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        command = ["postfix", "-c", str(self.root / "conf"), *words]
        return subprocess.run(command, check=check, capture_output=True, text=True)

    def log(self) -> str:
        log = self.root / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def messages(self) -> list[mailbox.MaildirMessage]:
        box = self.root / "boxes" / "guest"
        is_made = all((box / part).exists() for part in ("cur", "new", "tmp"))
        return list(mailbox.Maildir(box, create=False)) if is_made else []

    def wait_for(self, subject: str) -> mailbox.MaildirMessage:
        """The message with a subject, once it is there."""

        def found():
            return [message for message in self.messages() if subject in str(message["Subject"])]

        try:
            return wait_for(found, 30)[0]
        except AssertionError:
            raise AssertionError(self.log()) from None

    def wait_log(self, text: str) -> str:
        """The line of the log that has a text, once it is there."""
        return wait_for(lambda: next((line for line in self.log().splitlines() if text in line), None), 30)

    def __exit__(self, *_):
        self.command("stop", check=False)
        shutil.rmtree(self.root, ignore_errors=True)
