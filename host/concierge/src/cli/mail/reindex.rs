//! `concierge mail reindex`.

use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::{Common, counted};
use crate::admin::mail_index::MailIndex;
use crate::admin::{Call, Needs};
use crate::backend::Session;
use crate::cli::output::{print, print_json, read};
use crate::exit::Failure;

/// Between two looks at how far it is.
const INTERVAL: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub struct ReindexArgs {
    #[command(flatten)]
    common: Common,
}

impl ReindexArgs {
    pub async fn run(self) -> Result<(), Failure> {
        let session = self.common.data.session(Needs::MAIL).await?;
        let rebuilt = rebuild(&session).await;
        session.close().await;
        let index = rebuilt?;
        if let Some(why) = index.failure {
            return Err(Failure::failed(format!("the index is not whole: {why}")));
        }
        if self.common.output.json {
            return print_json(&serde_json::json!(index));
        }
        let messages = counted(index.fed.min(index.total));
        print(&format!("the index has {messages}\n"))
    }
}

async fn rebuild(session: &Session) -> Result<MailIndex, Failure> {
    let mut index: MailIndex = read(session.run(Call::RebuildMailIndex).await?)?;
    let bar = bar(index.total);
    while index.running {
        bar.set_position(index.fed.min(index.total));
        tokio::time::sleep(INTERVAL).await;
        index = read(session.run(Call::ShowMailIndex).await?)?;
    }
    bar.finish_and_clear();
    Ok(index)
}

/// How far it is; nothing where standard error is no terminal.
fn bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} messages, {per_sec}, {eta}");
    let bar = ProgressBar::new(total);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
