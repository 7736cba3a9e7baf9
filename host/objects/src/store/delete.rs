//! Deletion.

use concierge_identity::Principal;

use super::ObjectStore;
use super::lookup::version_of;
use crate::authorize::{Action, Resource, authorize};
use crate::catalogue::DeleteVersion;
use crate::error::Error;
use crate::types::{DeleteRequest, DeleteResult};
use crate::validate;

/// Deletions in one request (S3 API Reference, "DeleteObjects").
const DELETIONS_MAX: usize = 1000;

impl ObjectStore {
    /// Deletes one version, or the current one (a delete marker, if versioned).
    pub async fn delete(
        &self,
        principal: &Principal,
        bucket: &str,
        request: DeleteRequest,
    ) -> Result<DeleteResult, Error> {
        let mut answers = self.delete_many(principal, bucket, vec![request]).await?;
        answers.pop().unwrap_or(Err(Error::Internal))
    }

    /// Deletes up to 1,000; an answer for each, in their order.
    pub async fn delete_many(
        &self,
        principal: &Principal,
        bucket: &str,
        requests: Vec<DeleteRequest>,
    ) -> Result<Vec<Result<DeleteResult, Error>>, Error> {
        if requests.len() > DELETIONS_MAX {
            return Err(Error::InvalidArgument(format!(
                "At most {DELETIONS_MAX} objects can be deleted at once"
            )));
        }
        let bucket = self.inner.catalogue.bucket(bucket)?;
        let mut deletions = Vec::with_capacity(requests.len());
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            let allowed = authorize(
                principal,
                Action::DeleteObject,
                Resource::Object(&bucket, &request.key),
            );
            match allowed.and_then(|()| deletion(request)) {
                Ok(deletion) => {
                    deletions.push(deletion);
                    answers.push(None);
                }
                Err(error) => answers.push(Some(Err(error))),
            }
        }
        if deletions.is_empty() {
            return Ok(answers.into_iter().flatten().collect());
        }
        let now_us = self.inner.clock.now_us();
        let done = self
            .inner
            .catalogue
            .delete_versions(bucket.id, deletions, now_us)
            .await?;
        let mut done = done.into_iter();
        Ok(answers
            .into_iter()
            .map(|refused| {
                refused
                    .or_else(|| done.next())
                    .unwrap_or(Err(Error::Internal))
            })
            .collect())
    }
}

fn deletion(request: DeleteRequest) -> Result<DeleteVersion, Error> {
    validate::key(&request.key)?;
    Ok(DeleteVersion {
        version: version_of(request.version_id.as_deref())?,
        key: request.key,
        if_match: request.if_match,
    })
}
