"""The methods of JMAP that the other tests of mail do not call, each as a client would."""

import base64
import hashlib

import pytest

from mail import ANN, BOB, Jmap, account, message
from server import Server


@pytest.fixture(scope="module")
def ann():
    with Server() as server:
        password = account(server, "ann", ANN)
        account(server, "bob", BOB)
        yield Jmap(server.addresses["web"], "ann", password)


def test_mailboxes_are_made_found_and_their_changes_told(ann):
    query = {"filter": {"name": "Lamps"}, "sort": [{"property": "name"}]}
    before = ann.call("Mailbox/query", **query)
    state = ann.call("Mailbox/get", ids=[])["state"]
    made = ann.call("Mailbox/set", create={"m": {"name": "Lamps"}})["created"]["m"]["id"]
    assert made in ann.call("Mailbox/changes", sinceState=state)["created"]
    assert ann.call("Mailbox/query", **query)["ids"] == [made]
    (name, answer, _), = ann.request(
        [
            "Mailbox/queryChanges",
            {"accountId": ann.account, **query, "sinceQueryState": before["queryState"]},
        ]
    )
    if before["canCalculateChanges"]:
        assert answer["added"] == [{"id": made, "index": 0}], answer
    else:
        assert (name, answer["type"]) == ("error", "cannotCalculateChanges")


def test_queries_of_email_tell_what_came_and_what_matched(ann):
    state = ann.call("Thread/get", ids=[])["state"]
    query = {"filter": {"subject": "Candle"}}
    before = ann.call("Email/query", **query)
    made = ann.put(message("Candle", "The candlestick is brass."))
    assert made["threadId"] in ann.call("Thread/changes", sinceState=state)["created"]
    changes = ann.call("Email/queryChanges", **query, sinceQueryState=before["queryState"])
    assert changes["added"] == [{"id": made["id"], "index": 0}]
    snippets = ann.call("SearchSnippet/get", filter={"body": "brass"}, emailIds=[made["id"]])
    assert "<mark>brass</mark>" in snippets["list"][0]["preview"]


def test_a_blob_is_parsed_without_being_kept(ann):
    blob = ann.upload(message("Unkept"))
    parsed = ann.call("Email/parse", blobIds=[blob], properties=["subject"])
    assert parsed["parsed"] == {blob: {"subject": "Unkept"}}
    assert ann.find(subject="Unkept") == []


def test_identities_are_made_and_destroyed(ann):
    state = ann.call("Identity/get", ids=[])["state"]
    made = ann.call("Identity/set", create={"i": {"name": "Desk", "email": ANN}})["created"]["i"]["id"]
    assert ann.call("Identity/changes", sinceState=state)["created"] == [made]
    assert ann.call("Identity/set", destroy=[made])["destroyed"] == [made]


def test_a_submission_that_waits_is_undone(ann):
    identity = ann.call("Identity/get", ids=None)["list"][0]["id"]
    email = ann.put(message("Later", sender=ANN, to=BOB), role="drafts")["id"]
    state = ann.call("EmailSubmission/get", ids=[])["state"]
    envelope = {
        "mailFrom": {"email": ANN, "parameters": {"HOLDFOR": "3600"}},
        "rcptTo": [{"email": BOB, "parameters": None}],
    }
    asked = {"identityId": identity, "emailId": email, "envelope": envelope}
    made = ann.call("EmailSubmission/set", create={"s": asked})["created"]["s"]["id"]
    assert ann.call("EmailSubmission/changes", sinceState=state)["created"] == [made]
    assert ann.call("EmailSubmission/query", filter={"undoStatus": "pending"})["ids"] == [made]
    ann.call("EmailSubmission/set", update={made: {"undoStatus": "canceled"}})
    (kept,) = ann.call("EmailSubmission/get", ids=[made])["list"]
    assert kept["undoStatus"] == "canceled"


def test_a_vacation_is_kept(ann):
    ann.call("VacationResponse/set", update={"singleton": {"isEnabled": True, "textBody": "Away."}})
    (kept,) = ann.call("VacationResponse/get", ids=None)["list"]
    assert (kept["id"], kept["isEnabled"], kept["textBody"]) == ("singleton", True, "Away.")


def test_blobs_are_put_together_read_and_looked_up(ann):
    pieces = [{"data:asText": "lamp"}, {"data:asBase64": base64.b64encode(b"s").decode()}]
    made = ann.call("Blob/upload", create={"b": {"data": pieces}})["created"]["b"]["id"]
    asked = ["data:asText", "digest:sha-256", "size"]
    (found,) = ann.call("Blob/get", ids=[made], properties=asked)["list"]
    assert (found["data:asText"], found["size"]) == ("lamps", 5)
    assert base64.b64decode(found["digest:sha-256"]) == hashlib.sha256(b"lamps").digest()
    email = ann.put(message("Owner"))["id"]
    blob = ann.email(email, "blobId")["blobId"]
    (owner,) = ann.call("Blob/lookup", typeNames=["Email"], ids=[blob])["list"]
    assert owner["matchedIds"] == {"Email": [email]}


def test_quotas_tell_what_is_used(ann):
    got = ann.call("Quota/get", ids=None)
    assert {quota["id"] for quota in got["list"]} == set(ann.call("Quota/query")["ids"])
    assert ann.call("Quota/changes", sinceState=got["state"])["newState"] == got["state"]
