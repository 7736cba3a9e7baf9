//! `concierge:objects/buckets`.

use std::sync::Arc;

use concierge_identity::Principal;

use super::ObjectStore;
use crate::authorize::{Action, Resource, authorize};
use crate::catalogue::{Bucket, NewBucket};
use crate::error::Error;
use crate::types::{BucketInfo, BucketPage, CorsRule, Tag, Versioning};
use crate::validate;

/// Buckets an account may have. S3's own default is 10,000 since 2024; this is
/// what one host keeps in memory for each account without thinking about it.
pub const BUCKETS_PER_ACCOUNT_MAX: u32 = 1000;

/// Buckets in a page (S3 API Reference, "ListBuckets").
const BUCKET_PAGE_MAX: u32 = 10_000;

impl ObjectStore {
    /// Creates a bucket that belongs to the principal.
    pub async fn create_bucket(
        &self,
        principal: &Principal,
        name: &str,
        region: &str,
    ) -> Result<(), Error> {
        authorize(principal, Action::CreateBucket, Resource::Service)?;
        validate::bucket_name(name)?;
        let new = NewBucket {
            name: name.to_owned(),
            owner: principal.account,
            owner_name: Arc::clone(&principal.account_name),
            region: region.to_owned(),
            created_us: self.inner.clock.now_us(),
            limit: BUCKETS_PER_ACCOUNT_MAX,
        };
        self.inner.catalogue.create_bucket(new).await.map(drop)
    }

    /// What is known of a bucket.
    pub async fn get_bucket(&self, principal: &Principal, name: &str) -> Result<BucketInfo, Error> {
        let bucket = self.inner.bucket(principal, Action::ListBucket, name)?;
        Ok(info(&bucket))
    }

    /// Deletes an empty bucket. Uploads in progress go with it.
    pub async fn delete_bucket(&self, principal: &Principal, name: &str) -> Result<(), Error> {
        let bucket = self.inner.bucket(principal, Action::DeleteBucket, name)?;
        self.inner.catalogue.delete_bucket(bucket).await
    }

    /// The principal's buckets (the administrator's: all) that begin with
    /// `prefix` and come after `after`, at most `max` (up to 10,000).
    pub async fn list_buckets(
        &self,
        principal: &Principal,
        prefix: &str,
        after: &str,
        max: u32,
    ) -> Result<BucketPage, Error> {
        let (action, owner) = match principal.is_administrator() {
            true => (Action::ListEveryBucket, None),
            false => (Action::ListOwnBuckets, Some(principal.account)),
        };
        authorize(principal, action, Resource::Service)?;
        let max = max.min(BUCKET_PAGE_MAX) as usize;
        let (buckets, more) = self
            .inner
            .catalogue
            .list_buckets(owner, prefix, after, max)?;
        let next = buckets
            .last()
            .filter(|_| more)
            .map(|last| last.name.to_string());
        Ok(BucketPage {
            buckets: buckets.iter().map(|bucket| info(bucket)).collect(),
            next,
        })
    }

    /// Enables or suspends versioning; `Unversioned` is refused.
    pub async fn set_versioning(
        &self,
        principal: &Principal,
        name: &str,
        state: Versioning,
    ) -> Result<(), Error> {
        let bucket = self
            .inner
            .bucket(principal, Action::PutBucketVersioning, name)?;
        if state == Versioning::Unversioned {
            return Err(Error::InvalidArgument(
                "Versioning can be enabled or suspended, not taken away".to_owned(),
            ));
        }
        self.inner.catalogue.set_versioning(bucket, state).await
    }

    /// The bucket's tags.
    pub async fn get_bucket_tags(
        &self,
        principal: &Principal,
        name: &str,
    ) -> Result<Vec<Tag>, Error> {
        let bucket = self
            .inner
            .bucket(principal, Action::GetBucketTagging, name)?;
        match &*bucket.tags {
            [] => Err(Error::NoSuchTagSet),
            tags => Ok(tags.to_vec()),
        }
    }

    /// Replaces the bucket's tags (up to 50); an empty list deletes them.
    pub async fn set_bucket_tags(
        &self,
        principal: &Principal,
        name: &str,
        tags: Vec<Tag>,
    ) -> Result<(), Error> {
        let bucket = self
            .inner
            .bucket(principal, Action::PutBucketTagging, name)?;
        validate::bucket_tags(&tags)?;
        self.inner.catalogue.set_bucket_tags(bucket, tags).await
    }

    /// The bucket's CORS rules.
    pub async fn get_cors(
        &self,
        principal: &Principal,
        name: &str,
    ) -> Result<Vec<CorsRule>, Error> {
        let bucket = self.inner.bucket(principal, Action::GetBucketCors, name)?;
        match &*bucket.cors {
            [] => Err(Error::NoSuchCorsConfiguration),
            rules => Ok(rules.to_vec()),
        }
    }

    /// Replaces the CORS rules (up to 100); an empty list deletes them.
    pub async fn set_cors(
        &self,
        principal: &Principal,
        name: &str,
        rules: Vec<CorsRule>,
    ) -> Result<(), Error> {
        let bucket = self.inner.bucket(principal, Action::PutBucketCors, name)?;
        validate::cors(&rules)?;
        self.inner.catalogue.set_cors(bucket, rules).await
    }

    /// The first rule of a bucket that allows `method` from `origin` with
    /// `headers` (lower case), if any (S3 User Guide, "How does Amazon S3
    /// evaluate the CORS configuration on a bucket?").
    pub async fn match_cors(
        &self,
        name: &str,
        origin: &str,
        method: &str,
        headers: &[String],
    ) -> Result<Option<CorsRule>, Error> {
        let bucket = self.inner.catalogue.bucket(name)?;
        let matching = bucket
            .cors
            .iter()
            .find(|rule| allows(rule, origin, method, headers));
        Ok(matching.cloned())
    }
}

fn info(bucket: &Bucket) -> BucketInfo {
    BucketInfo {
        name: bucket.name.to_string(),
        owner_id: bucket.owner.to_string(),
        owner_name: bucket.owner_name.to_string(),
        created_us: bucket.created_us,
        versioning: bucket.versioning,
        region: bucket.region.to_string(),
    }
}

fn allows(rule: &CorsRule, origin: &str, method: &str, headers: &[String]) -> bool {
    let header_allowed = |header: &String| {
        let mut allowed = rule.allowed_headers.iter();
        allowed.any(|pattern| matches_wildcard(&pattern.to_ascii_lowercase(), header))
    };
    rule.allowed_methods.iter().any(|allowed| allowed == method)
        && rule
            .allowed_origins
            .iter()
            .any(|pattern| matches_wildcard(pattern, origin))
        && headers.iter().all(header_allowed)
}

/// Whether a text is of a pattern in which `*` stands for any run of
/// characters, at most once.
fn matches_wildcard(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_any_run() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("https://example.com", "https://example.com.evil", false),
            ("ab*ba", "aba", false),
            ("x-amz-*", "x-amz-date", true),
        ] {
            assert_eq!(matches_wildcard(pattern, text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn a_rule_must_allow_origin_method_and_every_header() {
        let rule = CorsRule {
            allowed_origins: vec!["https://a".to_owned()],
            allowed_methods: vec!["PUT".to_owned()],
            allowed_headers: vec!["X-Amz-*".to_owned()],
            ..CorsRule::default()
        };
        let headers = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert!(allows(&rule, "https://a", "PUT", &headers(&["x-amz-date"])));
        assert!(!allows(&rule, "https://b", "PUT", &[]));
        assert!(!allows(&rule, "https://a", "GET", &[]));
        assert!(!allows(
            &rule,
            "https://a",
            "PUT",
            &headers(&["x-amz-date", "x-other"])
        ));
    }
}
