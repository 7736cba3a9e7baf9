//! Who may do what: the one place where that is decided.
//!
//! Today an account may do everything with its own buckets and nothing with
//! those of others, and an administrator may do everything. Bucket policies,
//! access control lists and anonymous access will be decided here too; that is
//! why each call names its action and its resource in full.

use concierge_identity::Principal;

use crate::catalogue::Bucket;
use crate::error::Error;

/// What is asked for, by the names of S3's policy actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// `s3:CreateBucket`.
    CreateBucket,
    /// `s3:DeleteBucket`.
    DeleteBucket,
    /// `s3:ListAllMyBuckets`, over the caller's own.
    ListOwnBuckets,
    /// The same over everybody's.
    ListEveryBucket,
    /// `s3:ListBucket`: listing, and seeing that a bucket is there.
    ListBucket,
    /// `s3:ListBucketVersions`.
    ListBucketVersions,
    /// `s3:ListBucketMultipartUploads`.
    ListBucketMultipartUploads,
    /// `s3:PutBucketVersioning`.
    PutBucketVersioning,
    /// `s3:GetBucketTagging`.
    GetBucketTagging,
    /// `s3:PutBucketTagging`.
    PutBucketTagging,
    /// `s3:GetBucketCORS`.
    GetBucketCors,
    /// `s3:PutBucketCORS`.
    PutBucketCors,
    /// `s3:GetObject`, `s3:GetObjectVersion`, `s3:GetObjectAttributes`.
    GetObject,
    /// `s3:PutObject`.
    PutObject,
    /// `s3:DeleteObject`, `s3:DeleteObjectVersion`.
    DeleteObject,
    /// `s3:GetObjectTagging`.
    GetObjectTagging,
    /// `s3:PutObjectTagging`, `s3:DeleteObjectTagging`.
    PutObjectTagging,
    /// `s3:AbortMultipartUpload`.
    AbortMultipartUpload,
    /// `s3:ListMultipartUploadParts`.
    ListMultipartUploadParts,
}

/// What it is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Resource<'a> {
    /// The service as a whole.
    Service,
    /// A bucket.
    Bucket(&'a Bucket),
    /// What is, or may come, under a key.
    Object(&'a Bucket, &'a str),
}

/// Whether this principal may do this to that.
pub fn authorize(
    principal: &Principal,
    action: Action,
    resource: Resource<'_>,
) -> Result<(), Error> {
    if principal.is_administrator() {
        return Ok(());
    }
    let allowed = match resource {
        Resource::Service => matches!(action, Action::CreateBucket | Action::ListOwnBuckets),
        Resource::Bucket(bucket) | Resource::Object(bucket, _) => bucket.owner == principal.account,
    };
    if allowed {
        return Ok(());
    }
    if let Resource::Object(bucket, key) = resource {
        tracing::debug!(account = %principal.account, ?action, bucket = &*bucket.name, key, "access denied");
    } else {
        tracing::debug!(account = %principal.account, ?action, "access denied");
    }
    Err(Error::AccessDenied)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use concierge_identity::{AccountId, Role};
    use uuid::Uuid;

    use super::*;
    use crate::catalogue::BucketId;
    use crate::types::Versioning;

    fn account(n: u128) -> AccountId {
        AccountId(Uuid::from_u128(n))
    }

    fn bucket_of(owner: AccountId) -> Bucket {
        Bucket {
            id: BucketId(Uuid::nil()),
            name: "b".into(),
            owner,
            owner_name: "o".into(),
            created_us: 0,
            region: "r".into(),
            versioning: Versioning::Unversioned,
            tags: Arc::new([]),
            cors: Arc::new([]),
        }
    }

    #[test]
    fn accounts_have_their_own_buckets_and_no_others() {
        let bucket = bucket_of(account(1));
        let owner = Principal::trusted(account(1), "one".into(), Role::User);
        let other = Principal::trusted(account(2), "two".into(), Role::Staff);
        let administrator = Principal::trusted(account(3), "three".into(), Role::Administrator);
        for resource in [Resource::Bucket(&bucket), Resource::Object(&bucket, "k")] {
            for action in [
                Action::GetObject,
                Action::PutObject,
                Action::ListBucket,
                Action::DeleteBucket,
            ] {
                assert_eq!(authorize(&owner, action, resource), Ok(()));
                assert_eq!(
                    authorize(&other, action, resource),
                    Err(Error::AccessDenied)
                );
                assert_eq!(authorize(&administrator, action, resource), Ok(()));
            }
        }
        assert_eq!(
            authorize(&other, Action::CreateBucket, Resource::Service),
            Ok(())
        );
        assert_eq!(
            authorize(&other, Action::ListEveryBucket, Resource::Service),
            Err(Error::AccessDenied)
        );
    }
}
