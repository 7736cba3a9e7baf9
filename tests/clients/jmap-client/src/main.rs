//! What a program that uses jmap-client does: signs in, files a message, finds, reads, changes and destroys it, sends a
//! draft, and is told of changes by EventSource and WebSocket.
//!
//! `jmap-client-session URL NAME PASSWORD ADDRESS`; the address is the account's own.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use jmap_client::DataType;
use jmap_client::client::Client;
use jmap_client::client_ws::WebSocketMessage;
use jmap_client::core::query::Filter;
use jmap_client::core::set::SetObject as _;
use jmap_client::email::{self, Property};
use jmap_client::event_source::PushNotification;
use jmap_client::mailbox::{self, Role};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, name, password, address] = arguments.as_slice() else {
        anyhow::bail!("jmap-client-session URL NAME PASSWORD ADDRESS");
    };
    let client = Client::new()
        .credentials((name.as_str(), password.as_str()))
        .connect(url)
        .await?;
    let inbox = folder(&client, Role::Inbox).await?;
    let trash = folder(&client, Role::Trash).await?;
    file(&client, &inbox, &trash).await?;
    send(&client, &inbox, address).await?;
    events(&client, &inbox).await?;
    websocket(&client).await?;
    println!("jmap-client: all done");
    Ok(())
}

async fn folder(client: &Client, role: Role) -> Result<String> {
    let filter = mailbox::query::Filter::role(role);
    let mut found = client.mailbox_query(filter.into(), None::<Vec<_>>).await?;
    found.take_ids().pop().context("there is no such folder")
}

async fn file(client: &Client, inbox: &str, trash: &str) -> Result<()> {
    let message = b"From: john@example.org\r\nTo: jane@example.org\r\nSubject: Filing\r\n\r\nOf cabinets.\r\n";
    client
        .email_import(message.to_vec(), [inbox], ["$draft"].into(), None)
        .await?;
    let conditions = [
        email::query::Filter::subject("filing"),
        email::query::Filter::in_mailbox(inbox),
        email::query::Filter::has_keyword("$draft"),
    ];
    let mut found = client
        .email_query(
            Filter::and(conditions).into(),
            [email::query::Comparator::from()].into(),
        )
        .await?;
    let id = found.take_ids().pop().context("it is not found")?;
    let wanted = [Property::Subject, Property::Preview, Property::Keywords];
    let read = client
        .email_get(&id, wanted.into())
        .await?
        .context("it is gone")?;
    ensure!(read.subject() == Some("Filing"), "{read:?}");
    ensure!(read.preview() == Some("Of cabinets."), "{read:?}");
    client.email_set_keyword(&id, "$draft", false).await?;
    client.email_set_mailbox(&id, trash, true).await?;
    client.email_destroy(&id).await?;
    ensure!(
        client.email_get(&id, None::<Vec<_>>).await?.is_none(),
        "it is still there"
    );
    Ok(())
}

/// A message to oneself.
async fn send(client: &Client, inbox: &str, address: &str) -> Result<()> {
    let message =
        format!("From: {address}\r\nTo: {address}\r\nSubject: To myself\r\n\r\nRemember.\r\n");
    let mut made = client
        .email_import(message.into_bytes(), [inbox], None::<Vec<String>>, None)
        .await?;
    let identity = {
        let mut request = client.build();
        request.get_identity();
        let mut answer = request
            .send_single::<jmap_client::core::response::IdentityGetResponse>()
            .await?;
        answer.take_list().pop().context("there is no identity")?
    };
    let identity = identity
        .id()
        .context("an identity without an id")?
        .to_owned();
    client
        .email_submission_create(made.take_id(), identity)
        .await?;
    let all = async {
        loop {
            let filter = email::query::Filter::subject("To myself");
            let mut found = client
                .email_query(Filter::from(filter).into(), None::<Vec<_>>)
                .await?;
            if found.take_ids().len() == 2 {
                return anyhow::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, all).await.context("it did not arrive")?
}

async fn events(client: &Client, inbox: &str) -> Result<()> {
    let types = [DataType::Email, DataType::Mailbox];
    let mut stream = client
        .event_source(types.into(), false, 60.into(), None)
        .await?;
    client.mailbox_update_sort_order(inbox, 7).await?;
    // An event without data, which tells a browser where it is, is an error to jmap-client 0.4; a browser passes it over.
    let event = async {
        loop {
            match stream.next().await.context("the stream ended")? {
                Err(jmap_client::Error::Parse(_)) => {}
                event => return anyhow::Ok(event?),
            }
        }
    };
    match timeout(PATIENCE, event).await.context("no event came")?? {
        PushNotification::StateChange(changes) => {
            let account = client.default_account_id();
            let changed = changes
                .changes(account)
                .context("no change of this account")?;
            ensure!(
                changed
                    .into_iter()
                    .any(|(kind, _)| *kind == DataType::Mailbox),
                "not of mailboxes"
            );
        }
        other => anyhow::bail!("another event: {other:?}"),
    }
    Ok(())
}

async fn websocket(client: &Client) -> Result<()> {
    let mut stream = client.connect_ws().await?;
    let mut request = client.build();
    let made = request
        .set_mailbox()
        .create()
        .name("Over WebSocket")
        .create_id()
        .context("no id")?;
    let asked = request.send_ws().await?;
    let mailbox = match timeout(PATIENCE, stream.next())
        .await?
        .context("it ended")??
    {
        WebSocketMessage::Response(mut response) => {
            ensure!(
                response.request_id() == Some(asked.as_str()),
                "the answer to another request"
            );
            let answer = response.pop_method_response().context("no answer")?;
            answer.unwrap_set_mailbox()?.created(&made)?.take_id()
        }
        _ => anyhow::bail!("no answer to the request"),
    };
    client.enable_push_ws(None::<Vec<_>>, None::<&str>).await?;
    client.mailbox_update_sort_order(&mailbox, 1).await?;
    match timeout(PATIENCE, stream.next())
        .await
        .context("no push came")?
        .context("it ended")??
    {
        WebSocketMessage::PushNotification(_) => Ok(()),
        _ => anyhow::bail!("another message than a push"),
    }
}
