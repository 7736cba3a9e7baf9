"""What the tests of mail share: accounts, a small JMAP client, messages."""

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request

from server import Server

ANN = "ann@example.org"
BOB = "bob@example.org"

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
SUBMISSION = "urn:ietf:params:jmap:submission"
VACATION = "urn:ietf:params:jmap:vacationresponse"
BLOB = "urn:ietf:params:jmap:blob"
QUOTA = "urn:ietf:params:jmap:quota"
EVERYTHING = [CORE, MAIL, SUBMISSION, VACATION, BLOB, QUOTA]


def account(server: Server, name: str, *addresses: str) -> str:
    """An account with mail; gives an application password of it."""
    server.run("account", "create", name)
    flags = [part for address in addresses for part in ("--address", address)]
    server.run("mail", "account", name, *flags)
    made = server.run("app-password", "create", "tests", "--account", name, "--json")
    return json.loads(made.stdout)["password"]


def message(subject: str, text: str = "Hello.", sender=BOB, to=ANN, **fields: str) -> bytes:
    """A message, as it would come."""
    header = {"From": sender, "To": to, "Subject": subject} | {
        name.replace("_", "-"): value for name, value in fields.items()
    }
    lines = [f"{name}: {value}" for name, value in header.items()]
    return ("\r\n".join([*lines, "", text, ""])).encode()


class Jmap:
    """A client of one account."""

    def __init__(self, address: str, name: str, password: str):
        self.base = f"http://{address}"
        self.authorization = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()
        self.session = json.loads(self.get("/.well-known/jmap"))
        self.account = self.session["primaryAccounts"][MAIL]

    def http(self, method: str, url: str, body: bytes | None = None, **headers: str):
        url = url if url.startswith("http") else self.base + url
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            url, body, {"Authorization": self.authorization, **headers}, method=method
        )
        return urllib.request.urlopen(request, timeout=60)

    def get(self, url: str, **headers: str) -> bytes:
        with self.http("GET", url, **headers) as answer:
            return answer.read()

    def request(self, *calls, using=None) -> list:
        """Has calls answered; those without an id are given one."""
        calls = [[*call, str(number)][:3] for number, call in enumerate(calls)]
        body = json.dumps({"using": using or EVERYTHING, "methodCalls": calls}).encode()
        with self.http("POST", self.session["apiUrl"], body, Content_Type="application/json") as answer:
            return json.load(answer)["methodResponses"]

    def call(self, method: str, **arguments):
        """One call of this account; an error of the method fails."""
        arguments.setdefault("accountId", self.account)
        ((name, answer, _), *_) = self.request([method, arguments])
        assert name == method, answer
        return answer

    def upload(self, body: bytes, kind="message/rfc822") -> str:
        url = self.session["uploadUrl"].replace("{accountId}", self.account)
        with self.http("POST", url, body, Content_Type=kind) as answer:
            return json.load(answer)["blobId"]

    def download(self, blob: str, name="message.eml", kind="message/rfc822", **headers: str) -> bytes:
        values = {"accountId": self.account, "blobId": blob, "name": name, "type": kind}
        url = self.session["downloadUrl"]
        for key, value in values.items():
            url = url.replace("{" + key + "}", urllib.parse.quote(value, safe=""))
        return self.get(url, **headers)

    def mailbox(self, role: str) -> str:
        """The mailbox of a role."""
        mailboxes = self.call("Mailbox/get", ids=None)["list"]
        return next(mailbox["id"] for mailbox in mailboxes if mailbox["role"] == role)

    def put(self, body: bytes, role="inbox", **more) -> dict:
        """Takes a message into a mailbox; gives its ids."""
        email = {"blobId": self.upload(body), "mailboxIds": {self.mailbox(role): True}, **more}
        answer = self.call("Email/import", emails={"new": email})
        assert not answer.get("notCreated"), answer
        return answer["created"]["new"]

    def email(self, id: str, *properties: str) -> dict:
        (found,) = self.call("Email/get", ids=[id], properties=list(properties) or None)["list"]
        return found

    def find(self, **condition) -> list[str]:
        return self.call("Email/query", filter=condition)["ids"]


def status_of(call) -> int:
    """The status that a request fails with."""
    try:
        call()
    except urllib.error.HTTPError as error:
        return error.code
    raise AssertionError("it did not fail")


def wait_for(what, limit_s=10.0):
    """What `what` gives once it gives something; asks again until then."""
    end = time.monotonic() + limit_s
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
