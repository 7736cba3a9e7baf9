//! Addresses: their form, whose they are, and who may write as whom.

use concierge_identity::AccountId;

use super::Mail;
use crate::error::Error;

/// Longest address, octets (RFC 5321 §4.5.3.1.3, without the brackets).
const ADDRESS_MAX_BYTES: usize = 254;
/// Longest local part, octets (RFC 5321 §4.5.3.1.1).
const LOCAL_MAX_BYTES: usize = 64;
/// What stands in place of the local part where an account has all of a domain.
const ALL: &str = "*";

/// The local part and the domain of an address; `None`: it is none.
pub(super) fn parts(address: &str) -> Option<(&str, &str)> {
    let (local, domain) = address.rsplit_once('@')?;
    let is_local = (1..=LOCAL_MAX_BYTES).contains(&local.len()) && local.chars().all(is_plain);
    let in_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '[' | ']' | ':');
    let is_domain = !domain.is_empty() && domain.chars().all(in_domain);
    let fits = is_local && is_domain && address.len() <= ADDRESS_MAX_BYTES;
    fits.then_some((local, domain))
}

fn is_plain(c: char) -> bool {
    !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>' | ',' | '@')
}

/// An address without what was added to it: `ann+lists@example.org` is `ann@example.org` (RFC 5233).
fn without_detail(address: &str) -> Option<String> {
    let (local, domain) = parts(address)?;
    let (user, _) = local.split_once('+')?;
    (!user.is_empty()).then(|| format!("{user}@{domain}"))
}

/// Whether an account of these addresses may write as an address.
pub(super) fn may_write_as(own: &[String], address: &str) -> bool {
    let Some((_, domain)) = parts(address) else {
        return false;
    };
    let plain = without_detail(address);
    let all = format!("{ALL}@{domain}");
    let names = [Some(address), plain.as_deref(), Some(&all)];
    let mut names = names.into_iter().flatten();
    names.any(|name| own.iter().any(|own| own.eq_ignore_ascii_case(name)))
}

impl Mail {
    /// The addresses of an account that the principal may see.
    pub(super) async fn addresses(
        &self,
        principal: AccountId,
        account: AccountId,
    ) -> Result<Vec<String>, Error> {
        let accounts = self.store.accounts_of(principal).await?;
        let found = accounts.into_iter().find(|found| found.id == account);
        Ok(found.ok_or(Error::AccountNotFound)?.addresses)
    }

    /// The account whose an address is: by the address itself, without its detail, or by its domain.
    pub(super) async fn recipient(&self, address: &str) -> Result<Option<AccountId>, Error> {
        let Some((_, domain)) = parts(address) else {
            return Ok(None);
        };
        let plain = without_detail(address);
        let all = format!("{ALL}@{domain}");
        for name in [Some(address), plain.as_deref(), Some(&all)] {
            if let Some(name) = name
                && let Some(account) = self.store.account_of_address(name).await?
            {
                return Ok(Some(account));
            }
        }
        Ok(None)
    }
}

impl Mail {
    /// Whether mail for an address stays here: it is somebody's, or nobody's of a domain that is ours.
    pub(crate) async fn is_local(&self, address: &str) -> Result<bool, Error> {
        let is_ours = |domain: &str| {
            let mut ours = self.options.domains.iter();
            ours.any(|ours| ours.eq_ignore_ascii_case(domain))
        };
        if parts(address).is_some_and(|(_, domain)| is_ours(domain)) {
            return Ok(true);
        }
        Ok(self.recipient(address).await?.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_form() {
        assert_eq!(parts("ann@example.org"), Some(("ann", "example.org")));
        assert_eq!(parts("ä@bücher.example"), Some(("ä", "bücher.example")));
        let long = format!("{}@example.org", "a".repeat(LOCAL_MAX_BYTES + 1));
        for wrong in [
            "",
            "ann",
            "@example.org",
            "ann@",
            "a b@c",
            "a@b>\r\n",
            "a\n@b",
            "a@b@c",
            &long,
        ] {
            assert_eq!(parts(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn nobody_writes_as_another() {
        let own = ["ann@example.org".to_owned(), "*@ann.example".to_owned()];
        for mine in ["Ann@example.org", "ann+x@EXAMPLE.org", "any@ann.example"] {
            assert!(may_write_as(&own, mine), "{mine}");
        }
        for other in [
            "bob@example.org",
            "bob+ann@example.org",
            "+ann@example.org",
            "ann",
            "*@example.org",
        ] {
            assert!(!may_write_as(&own, other), "{other}");
        }
    }
}
