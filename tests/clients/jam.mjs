// What a web page or a program with jmap-jam does: signs in, files a message, finds and reads it, changes it, is told.
//
//     node jam.mjs MODULE URL TOKEN
//
// MODULE is the file of jmap-jam. EventSource is the browser's; Node has none before version 24, so that what it does is
// done by fetch here.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const [module, url, bearerToken] = process.argv.slice(2);
const { default: JamClient } = await import(pathToFileURL(module));

const jam = new JamClient({ sessionUrl: `${url}/.well-known/jmap`, bearerToken });
const session = await jam.session;
const accountId = await jam.getPrimaryAccount();
assert.ok(session.accounts[accountId]);

const [{ list: mailboxes }] = await jam.api.Mailbox.get({ accountId });
const inbox = mailboxes.find((mailbox) => mailbox.role === "inbox");
assert.ok(inbox);

const message = "From: b@example.org\r\nTo: a@example.org\r\nSubject: Jam\r\n\r\nStrawberries and apricots.\r\n";
const blob = new Blob([message], { type: "message/rfc822" });
const { blobId } = await jam.uploadBlob(accountId, blob);

const events = session.eventSourceUrl
  .replace("{types}", "*")
  .replace("{closeafter}", "state")
  .replace("{ping}", "0");
const told = await fetch(events, { headers: { Authorization: `Bearer ${bearerToken}` } });
assert.equal(told.headers.get("content-type"), "text/event-stream");

const [imported] = await jam.request([
  "Email/import",
  { accountId, emails: { jam: { blobId, mailboxIds: { [inbox.id]: true } } } },
]);
const { id } = imported.created.jam;
assert.match(await told.text(), /"@type":"StateChange"/);

const [{ found, emails }] = await jam.requestMany((r) => {
  const found = r.Email.query({ accountId, filter: { text: "apricots" } });
  const emails = r.Email.get({ accountId, ids: found.$ref("/ids"), properties: ["id", "subject", "preview"] });
  return { found, emails };
});
assert.deepEqual(found.ids, [id]);
assert.equal(emails.list[0].subject, "Jam");
assert.equal(emails.list[0].preview, "Strawberries and apricots.");

const got = await jam.downloadBlob({ accountId, blobId, mimeType: "message/rfc822", fileName: "jam.eml" });
assert.equal(await got.text(), message);

const [changed] = await jam.api.Email.set({ accountId, update: { [id]: { "keywords/$seen": true } } });
assert.ok(id in changed.updated);
const [destroyed] = await jam.api.Email.set({ accountId, destroy: [id] });
assert.deepEqual(destroyed.destroyed, [id]);
console.log("jmap-jam: all done");
