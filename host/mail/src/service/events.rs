//! `concierge:mail/events`.

use std::sync::Arc;

use concierge_identity::AccountId;

use super::Mail;
use crate::error::Error;
use crate::events::Listener;
use crate::store::KeptPush;
use crate::types::calls::ByteStream;
use crate::types::calls::events::{NewPush, PushPatch, Subscription};
use crate::types::{Push, PushId, TimeUs, US_PER_DAY};

/// Push subscriptions of a principal: one for each device (RFC 8620 §7.2).
pub const PUSHES_MAX: usize = 32;
/// How long a push subscription lasts, at most: a device that is in use extends it (RFC 8620 §7.2: 48 hours at least).
pub const PUSH_LIFE_MAX_US: TimeUs = 30 * US_PER_DAY;
/// Longest target, bytes.
const URL_MAX_BYTES: usize = 2_048;
/// Longest name of a device, key or secret, bytes.
const NAME_MAX_BYTES: usize = 255;

impl Mail {
    /// Changes of all accounts that the principal may see, as they happen, as an event stream of StateChange objects.
    /// Accounts that it may see later come with the next stream.
    ///
    /// # Errors
    /// [`Error::SlowDown`] where there are too many listeners, [`Error::Unavailable`] once the service ends.
    pub async fn listen(
        &self,
        principal: AccountId,
        subscription: Subscription,
    ) -> Result<ByteStream, Error> {
        let accounts = self.store.accounts_of(principal).await?;
        let accounts: Vec<_> = accounts.into_iter().map(|account| account.id).collect();
        let seat = self.hub.seat(principal, accounts.clone())?;
        let store = Arc::clone(&self.store);
        Listener::open(store, principal, subscription, seat, &accounts).await
    }

    /// Ends all event streams, and opens no more.
    pub fn end_listeners(&self) {
        self.hub.end();
    }

    /// The push subscriptions of the principal. Those whose time is over go.
    ///
    /// # Errors
    /// What the store says.
    pub async fn pushes(&self, principal: AccountId) -> Result<Vec<Push>, Error> {
        let kept = self.kept_pushes(principal).await?;
        Ok(kept.into_iter().map(shown).collect())
    }

    async fn kept_pushes(&self, principal: AccountId) -> Result<Vec<KeptPush>, Error> {
        let now_us = self.now_us();
        let mut present = Vec::new();
        for kept in self.store.pushes(principal).await? {
            match kept.push.expires_us > now_us {
                true => present.push(kept),
                false => self.forget_push(&kept).await?,
            }
        }
        Ok(present)
    }

    /// Ends a subscription, if it is there.
    pub(crate) async fn forget_push(&self, kept: &KeptPush) -> Result<(), Error> {
        match self.store.delete_push(kept.principal, kept.push.id).await {
            Err(Error::NotFound) => Ok(()),
            done => done,
        }
    }

    /// Makes one. The target must confirm it with the code that it is sent (RFC 8620 §7.2.2).
    ///
    /// # Errors
    /// [`Error::InvalidArguments`]; [`Error::TooLarge`] for more than [`PUSHES_MAX`].
    pub async fn create_push(&self, principal: AccountId, new: NewPush) -> Result<Push, Error> {
        check(&new, self.options.private_pushes)?;
        if self.kept_pushes(principal).await?.len() >= PUSHES_MAX {
            return Err(Error::TooLarge(PUSHES_MAX as u64));
        }
        let code = hex::encode(rand::random::<[u8; 16]>());
        let kept = KeptPush {
            principal,
            push: Push {
                id: PushId::generate(),
                device_client_id: new.device_client_id,
                url: new.url,
                keys: new.keys,
                verification_code: None,
                expires_us: self.expires_us(new.expires_us),
                types: new.types,
            },
            code,
        };
        self.store.put_push(kept.clone()).await?;
        self.outbox.verify(kept.clone());
        self.bells.pushes.notify_one();
        Ok(kept.push)
    }

    fn expires_us(&self, wanted_us: TimeUs) -> TimeUs {
        let latest_us = self.now_us().saturating_add(PUSH_LIFE_MAX_US);
        match wanted_us {
            0 => latest_us,
            wanted_us => wanted_us.min(latest_us),
        }
    }

    /// Changes one, or confirms it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidArguments`] for another code than the target was sent.
    pub async fn update_push(&self, principal: AccountId, patch: PushPatch) -> Result<Push, Error> {
        let id: PushId = patch.id.parse().map_err(|_| Error::NotFound)?;
        let kept = self.kept_pushes(principal).await?.into_iter();
        let mut kept = kept.filter(|kept| kept.push.id == id);
        let mut kept = kept.next().ok_or(Error::NotFound)?;
        if let Some(code) = patch.verification_code {
            if code != kept.code {
                return Err(Error::InvalidArguments("verificationCode".to_owned()));
            }
            kept.push.verification_code = Some(code);
        }
        if let Some(expires_us) = patch.expires_us {
            kept.push.expires_us = self.expires_us(expires_us);
        }
        if let Some(types) = patch.types {
            kept.push.types = types;
        }
        self.store.put_push(kept.clone()).await?;
        Ok(shown(kept))
    }

    /// Ends one.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn delete_push(&self, principal: AccountId, id: &str) -> Result<(), Error> {
        let id: PushId = id.parse().map_err(|_| Error::NotFound)?;
        self.store.delete_push(principal, id).await
    }
}

/// Target and keys are not told again (RFC 8620 §7.2.1).
fn shown(kept: KeptPush) -> Push {
    Push {
        url: String::new(),
        keys: None,
        ..kept.push
    }
}

fn check(new: &NewPush, private: bool) -> Result<(), Error> {
    let wrong = |what: &str| Err(Error::InvalidArguments(what.to_owned()));
    let is_printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    // RFC 8620 §7.2: https alone.
    let is_web = new.url.starts_with("https://") || private && new.url.starts_with("http://");
    if !is_web || new.url.len() > URL_MAX_BYTES || !is_printable(&new.url) {
        return wrong("url");
    }
    if new.device_client_id.is_empty() || new.device_client_id.len() > NAME_MAX_BYTES {
        return wrong("deviceClientId");
    }
    if let Some((public_key, secret)) = &new.keys
        && (public_key.len() > NAME_MAX_BYTES || secret.len() > NAME_MAX_BYTES)
    {
        return wrong("keys");
    }
    Ok(())
}
