//! `concierge:mail/search`.

use concierge_identity::AccountId;

use super::Mail;
use super::ids::{at_most, id, ids, known};
use crate::error::Error;
use crate::store::Answer;
use crate::types::calls::emails::IDS_MAX;
use crate::types::calls::search::{Query, Snippet, Term, Window};
use crate::types::{
    self, EmailId, FILTER_TERMS_MAX, Page, QueryChanges, SORT_LEVELS_MAX, StateNumber, WINDOW_MAX,
};

/// Finds texts. The filters are those of [`crate::types::Query`], in postfix order.
pub trait TextSearch: Send + Sync {
    /// Puts a [`types::Term::Matches`] in the place of each term from [`types::Term::Text`] on, and leaves the others.
    /// Everything that was delivered before is seen. [`Error::UnsupportedFilter`] for header fields that are not
    /// searched.
    fn resolve(&self, account: AccountId, filter: Vec<types::Term>)
    -> Answer<'_, Vec<types::Term>>;

    /// Where a filter's words are in emails, in the order of `emails`; those that are not there are left out.
    fn snippets(
        &self,
        account: AccountId,
        filter: Vec<types::Term>,
        emails: Vec<EmailId>,
    ) -> Answer<'_, Vec<Snippet>>;
}

impl Mail {
    /// Emails that match.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], [`Error::AnchorNotFound`], [`Error::UnsupportedFilter`], [`Error::TooLarge`] for
    /// more terms or levels than there may be.
    pub async fn search_emails(
        &self,
        principal: AccountId,
        account: &str,
        query: Query,
        window: Window,
    ) -> Result<Page, Error> {
        let account = self.read(principal, account).await?;
        let query = self.resolved(account, query).await?;
        let window = types::Window {
            position: window.position,
            anchor: window.anchor.as_deref().map(id),
            anchor_offset: window.anchor_offset,
            limit: window.limit.min(WINDOW_MAX),
            calculate_total: window.calculate_total,
        };
        self.store.query(account, query, window).await
    }

    /// How the results of a query changed since a state (RFC 8620 §5.6). The leave to tell less
    /// (`up-to`) is not taken: all is told.
    ///
    /// # Errors
    /// Those of [`Self::search_emails`]; [`Error::CannotCalculateChanges`], [`Error::TooManyChanges`].
    #[expect(clippy::too_many_arguments, reason = "the contract's")]
    pub async fn search_changes(
        &self,
        principal: AccountId,
        account: &str,
        query: Query,
        since: StateNumber,
        max: Option<u32>,
        _up_to: Option<String>,
        calculate_total: bool,
    ) -> Result<QueryChanges, Error> {
        let account = self.read(principal, account).await?;
        let query = self.resolved(account, query).await?;
        self.store
            .query_changes(account, query, since, max, calculate_total)
            .await
    }

    /// Where the filter's words are in emails, at most [`IDS_MAX`]; those that are not there are left out.
    ///
    /// # Errors
    /// Those of [`Self::search_emails`].
    pub async fn search_snippets(
        &self,
        principal: AccountId,
        account: &str,
        filter: Vec<Term>,
        emails: Vec<String>,
    ) -> Result<Vec<Snippet>, Error> {
        let account = self.read(principal, account).await?;
        at_most(emails.len(), IDS_MAX)?;
        at_most(filter.len(), FILTER_TERMS_MAX)?;
        let filter = filter.into_iter().map(term).collect();
        self.search.snippets(account, filter, known(&emails)).await
    }

    async fn resolved(&self, account: AccountId, query: Query) -> Result<types::Query, Error> {
        at_most(query.filter.len(), FILTER_TERMS_MAX)?;
        at_most(query.sort.len(), SORT_LEVELS_MAX)?;
        let filter: Vec<_> = query.filter.into_iter().map(term).collect();
        let filter = match filter.iter().any(is_text) {
            true => self.search.resolve(account, filter).await?,
            false => filter,
        };
        Ok(types::Query {
            filter,
            sort: query.sort,
            collapse_threads: query.collapse_threads,
        })
    }
}

fn is_text(term: &types::Term) -> bool {
    use types::Term as T;
    matches!(
        term,
        T::Text(_)
            | T::From(_)
            | T::To(_)
            | T::Cc(_)
            | T::Bcc(_)
            | T::Subject(_)
            | T::Body(_)
            | T::AttachmentName(_)
            | T::Header(_)
    )
}

fn term(term: Term) -> types::Term {
    use types::Term as T;
    match term {
        Term::All(count) => T::All(count),
        Term::Any(count) => T::Any(count),
        Term::None(count) => T::None(count),
        Term::InMailbox(mailbox) => T::InMailbox(id(&mailbox)),
        Term::InMailboxOtherThan(mailboxes) => T::InMailboxOtherThan(ids(&mailboxes)),
        Term::Before(at_us) => T::Before(at_us),
        Term::After(at_us) => T::After(at_us),
        Term::MinSize(size) => T::MinSize(size),
        Term::MaxSize(size) => T::MaxSize(size),
        Term::AllInThreadHaveKeyword(keyword) => T::AllInThreadHaveKeyword(lower(&keyword)),
        Term::SomeInThreadHaveKeyword(keyword) => T::SomeInThreadHaveKeyword(lower(&keyword)),
        Term::NoneInThreadHaveKeyword(keyword) => T::NoneInThreadHaveKeyword(lower(&keyword)),
        Term::HasKeyword(keyword) => T::HasKeyword(lower(&keyword)),
        Term::NotKeyword(keyword) => T::NotKeyword(lower(&keyword)),
        Term::HasAttachment(has) => T::HasAttachment(has),
        Term::Text(text) => T::Text(text),
        Term::From(text) => T::From(text),
        Term::To(text) => T::To(text),
        Term::Cc(text) => T::Cc(text),
        Term::Bcc(text) => T::Bcc(text),
        Term::Subject(text) => T::Subject(text),
        Term::Body(text) => T::Body(text),
        Term::AttachmentName(text) => T::AttachmentName(text),
        Term::Header(header) => T::Header(header),
    }
}

/// Keywords are kept in lower case (RFC 8621 §4.1.1).
fn lower(keyword: &str) -> String {
    keyword.to_ascii_lowercase()
}
