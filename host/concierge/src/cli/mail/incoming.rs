//! `concierge mail incoming`: what came in and is not delivered yet.

use super::{Common, at};
use crate::admin::Call;
use crate::admin::mail_incoming::IncomingList;
use crate::cli::output::{print_json, print_table, read};
use crate::exit::Failure;

/// Prints the list.
pub async fn run(common: Common) -> Result<(), Failure> {
    let list: IncomingList = read(common.data.call(Call::ListIncomingMail).await?)?;
    if common.output.json {
        return print_json(&serde_json::json!(list));
    }
    let rows: Vec<_> = list
        .messages
        .into_iter()
        .map(|message| {
            [
                message.id,
                message.octets.to_string(),
                at(message.received_us),
            ]
        })
        .collect();
    print_table(["ID", "SIZE", "RECEIVED"], &rows)
}
