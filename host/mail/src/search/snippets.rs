//! Where the words of a filter are in emails (RFC 8621 §5).

use concierge_identity::AccountId;
use concierge_mail_search as index;
use futures::{StreamExt, TryStreamExt, stream};

use super::feeder::Feeder;
use super::terms;
use crate::error::Error;
use crate::types::calls::search::Snippet;
use crate::types::{EmailId, EmailRow};

/// Octets of a message that are read for a snippet: texts come before what is attached.
const READ_MAX_BYTES: u64 = 1 << 20;

/// Messages that are read at once for one call.
const AT_ONCE: usize = 8;

pub(super) async fn snippets(
    feeder: &Feeder,
    account: AccountId,
    filter: &[crate::types::Term],
    emails: Vec<EmailId>,
) -> Result<Vec<Snippet>, Error> {
    let terms = terms::shown(filter)?;
    let (rows, _) = feeder.emails.emails(account, emails).await?;
    let all = stream::iter(rows)
        .map(|row| snippet(feeder, account, row, &terms))
        .buffered(AT_ONCE);
    all.try_filter_map(async |found| Ok(found))
        .try_collect()
        .await
}

/// `None`: the email went meanwhile.
async fn snippet(
    feeder: &Feeder,
    account: AccountId,
    row: EmailRow,
    terms: &[index::Term],
) -> Result<Option<Snippet>, Error> {
    if terms.is_empty() {
        return Ok(Some(Snippet {
            email_id: row.id,
            subject: None,
            preview: None,
        }));
    }
    let message = feeder.message(account, row.blob, READ_MAX_BYTES).await?;
    let Some(message) = message else {
        return Ok(None);
    };
    let terms = terms.to_vec();
    let found = tokio::task::spawn_blocking(move || {
        let texts = concierge_mail_message::read(&message).search_text();
        index::snippet(&texts.subject, &texts.body, &terms)
    });
    let found = found.await.map_err(|error| {
        tracing::error!(%error, %account, blob = ?row.blob, "a message that cannot be read");
        Error::Internal
    })?;
    match found {
        Ok(found) => Ok(Some(Snippet {
            email_id: row.id,
            subject: found.subject,
            preview: found.preview,
        })),
        Err(error) => Err(Error::InvalidArguments(error.to_string())),
    }
}
