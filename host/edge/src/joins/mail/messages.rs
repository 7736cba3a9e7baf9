//! `concierge:mail/messages`, answered by the domain crate in this process.

use super::convert::To;
use super::{answered, to_the_end};
use crate::joins::Services;
use crate::joins::bindings::mail::messages::{
    Blob, Content, Digests, Error, Found, Piece, Range, References, Refusal,
};
use crate::joins::body::Output;
use concierge_objects::BodyStream;
use futures::StreamExt;
use std::io;

pub(in crate::joins) async fn upload(
    services: &Services,
    token: String,
    account: String,
    bytes: BodyStream,
) -> Result<Blob, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    let bytes = bytes.map(|data| data.map_err(|error| io::Error::other(error.0)));
    answered(mail.upload(principal, &account, Box::pin(bytes)).await)
}

pub(in crate::joins) async fn download(
    services: &Services,
    token: String,
    account: String,
    blob: String,
    range: Range,
) -> Result<(Content, Output), Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    let found = mail.download(principal, &account, &blob, range.to()).await;
    let (content, bytes) = found.map_err(To::to)?;
    Ok((content.to(), Output::Mail(bytes)))
}

pub(in crate::joins) async fn assemble(
    services: &Services,
    token: String,
    account: String,
    blobs: Vec<Vec<Piece>>,
) -> Result<Vec<Result<Blob, Refusal>>, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move {
        let assembled = mail.assemble_blobs(principal, &account, blobs.to());
        assembled.await
    })
    .await
}

pub(in crate::joins) async fn get(
    services: &Services,
    token: String,
    account: String,
    blobs: Vec<String>,
    range: Range,
    data: bool,
    digests: Digests,
) -> Result<Vec<Found>, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    let (range, digests) = (range.to(), digests.to());
    let found = mail.blobs(principal, &account, blobs, range, data, digests);
    answered(found.await)
}

pub(in crate::joins) async fn lookup(
    services: &Services,
    token: String,
    account: String,
    blobs: Vec<String>,
) -> Result<Vec<References>, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    answered(mail.lookup_blobs(principal, &account, blobs).await)
}

pub(in crate::joins) async fn copy(
    services: &Services,
    token: String,
    from_account: String,
    account: String,
    blobs: Vec<String>,
) -> Result<Vec<Result<Blob, Refusal>>, Error> {
    let (mail, principal) = services.mail_by_principal(&token)?;
    to_the_end(async move {
        let copied = mail.copy_blobs(principal, &from_account, &account, blobs);
        copied.await
    })
    .await
}
