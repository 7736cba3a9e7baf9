//! The documents that clients send. Each is read into the contracts' own types; an element that S3 does not define there
//! is refused, since what is not understood must not be accepted and dropped.

use super::{Element, Malformed, parse_document};
use crate::bindings::concierge::objects::blobs::{DeleteRequest, Tag};
use crate::bindings::concierge::objects::buckets::{CorsRule, Versioning};
use crate::bindings::concierge::objects::multipart::CompletedPart;
use crate::headers::checksum;

/// The most keys of one DeleteObjects (API Reference, "DeleteObjects").
pub const MAX_DELETES: usize = 1000;

/// The most parts of an upload (User Guide, "Amazon S3 multipart upload limits").
pub const MAX_PARTS: usize = 10_000;

/// A `Delete` document.
#[derive(Debug, PartialEq)]
pub struct DeleteDocument {
    /// Only failures are to be answered.
    pub quiet: bool,
    /// What to delete, in order; from 1 to [`MAX_DELETES`].
    pub objects: Vec<DeleteRequest>,
}

/// Reads a `Delete` document (API Reference, "DeleteObjects").
pub fn parse_delete(bytes: &[u8]) -> Result<DeleteDocument, Malformed> {
    let root = parse_document(bytes, &["Delete"])?;
    root.only(&["Quiet", "Object"])?;
    let objects: Vec<DeleteRequest> = root
        .all("Object")
        .map(delete_request)
        .collect::<Result<_, _>>()?;
    if objects.is_empty() || objects.len() > MAX_DELETES {
        return Err(Malformed);
    }
    let quiet = root.text_of("Quiet")?.map_or(Ok(false), boolean)?;
    Ok(DeleteDocument { quiet, objects })
}

fn delete_request(object: &Element<'_>) -> Result<DeleteRequest, Malformed> {
    // Conditions on time and size are S3's for directory buckets alone.
    object.only(&["Key", "VersionId", "ETag"])?;
    let key = object
        .text_of("Key")?
        .filter(|key| !key.is_empty())
        .ok_or(Malformed)?;
    let version_id = object.text_of("VersionId")?.filter(|id| !id.is_empty());
    Ok(DeleteRequest {
        key: key.to_owned(),
        version_id: version_id.map(str::to_owned),
        if_match: object.text_of("ETag")?.map(unquoted),
    })
}

/// Reads a `CompleteMultipartUpload` document: at least one part, at most [`MAX_PARTS`], in the order sent.
pub fn parse_complete_multipart(bytes: &[u8]) -> Result<Vec<CompletedPart>, Malformed> {
    let root = parse_document(
        bytes,
        &["CompleteMultipartUpload", "CompleteMultipartUploadResult"],
    )?;
    root.only(&["Part"])?;
    let parts: Vec<CompletedPart> = root
        .all("Part")
        .map(completed_part)
        .collect::<Result<_, _>>()?;
    if parts.is_empty() || parts.len() > MAX_PARTS {
        Err(Malformed)
    } else {
        Ok(parts)
    }
}

fn completed_part(part: &Element<'_>) -> Result<CompletedPart, Malformed> {
    let mut checksum = None;
    for child in &part.children {
        if matches!(child.name, "PartNumber" | "ETag") {
            continue;
        }
        let known = checksum::ALGORITHMS
            .into_iter()
            .find(|algorithm| checksum::element_name(*algorithm) == child.name);
        let algorithm = known.ok_or(Malformed)?;
        let value = checksum::parse_value(algorithm, child.text.trim()).ok_or(Malformed)?;
        if checksum.replace((algorithm, value)).is_some() {
            return Err(Malformed);
        }
    }
    let number = part.text_of("PartNumber")?.ok_or(Malformed)?;
    let etag = part.text_of("ETag")?.ok_or(Malformed)?;
    Ok(CompletedPart {
        number: number.trim().parse().map_err(|_| Malformed)?,
        etag: unquoted(etag),
        checksum,
    })
}

/// Reads a `Tagging` document (API Reference, "Tagging"); the limits are the host's.
pub fn parse_tagging(bytes: &[u8]) -> Result<Vec<Tag>, Malformed> {
    let root = parse_document(bytes, &["Tagging"])?;
    root.only(&["TagSet"])?;
    let set = root.one("TagSet")?.ok_or(Malformed)?;
    set.only(&["Tag"])?;
    set.all("Tag").map(tag).collect()
}

fn tag(tag: &Element<'_>) -> Result<Tag, Malformed> {
    tag.only(&["Key", "Value"])?;
    let key = tag.text_of("Key")?.ok_or(Malformed)?.to_owned();
    let value = tag.text_of("Value")?.ok_or(Malformed)?.to_owned();
    Ok(Tag { key, value })
}

/// Reads a `VersioningConfiguration`: the state asked for, `None` where the document names none. Deletion under
/// multi-factor authentication may be `Disabled` only.
pub fn parse_versioning(bytes: &[u8]) -> Result<Option<Versioning>, VersioningError> {
    let root = parse_document(bytes, &["VersioningConfiguration"])?;
    root.only(&["Status", "MfaDelete", "MFADelete"])?;
    for name in ["MfaDelete", "MFADelete"] {
        match root.text_of(name)?.map(str::trim) {
            None | Some("Disabled") => {}
            Some("Enabled") => return Err(VersioningError::MfaDelete),
            Some(_) => return Err(VersioningError::Malformed),
        }
    }
    match root.text_of("Status")?.map(str::trim) {
        None => Ok(None),
        Some("Enabled") => Ok(Some(Versioning::Enabled)),
        Some("Suspended") => Ok(Some(Versioning::Suspended)),
        Some(_) => Err(VersioningError::Malformed),
    }
}

/// Why a `VersioningConfiguration` cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersioningError {
    /// It is not one.
    Malformed,
    /// It asks for deletion under multi-factor authentication, which is not there.
    MfaDelete,
}

impl From<Malformed> for VersioningError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Reads a `CreateBucketConfiguration`: the region and the tags of the new bucket.
pub fn parse_create_bucket(bytes: &[u8]) -> Result<(Option<String>, Vec<Tag>), Malformed> {
    let root = parse_document(bytes, &["CreateBucketConfiguration"])?;
    root.only(&["LocationConstraint", "Tags"])?;
    let location = root
        .text_of("LocationConstraint")?
        .map(str::trim)
        .filter(|text| !text.is_empty());
    let tags = match root.one("Tags")? {
        Some(tags) => {
            tags.only(&["Tag"])?;
            tags.all("Tag").map(tag).collect::<Result<_, _>>()?
        }
        None => Vec::new(),
    };
    Ok((location.map(str::to_owned), tags))
}

/// Reads a `CORSConfiguration` with at least one rule; the limits are the host's.
pub fn parse_cors(bytes: &[u8]) -> Result<Vec<CorsRule>, Malformed> {
    let root = parse_document(bytes, &["CORSConfiguration"])?;
    root.only(&["CORSRule"])?;
    let rules: Vec<CorsRule> = root
        .all("CORSRule")
        .map(cors_rule)
        .collect::<Result<_, _>>()?;
    if rules.is_empty() {
        Err(Malformed)
    } else {
        Ok(rules)
    }
}

fn cors_rule(rule: &Element<'_>) -> Result<CorsRule, Malformed> {
    rule.only(&[
        "ID",
        "AllowedOrigin",
        "AllowedMethod",
        "AllowedHeader",
        "ExposeHeader",
        "MaxAgeSeconds",
    ])?;
    let texts = |name| {
        rule.all(name)
            .map(|element| element.text.trim().to_owned())
            .collect::<Vec<_>>()
    };
    let max_age = rule
        .text_of("MaxAgeSeconds")?
        .map(|text| text.trim().parse().map_err(|_| Malformed))
        .transpose()?;
    let rule = CorsRule {
        id: rule.text_of("ID")?.map(str::to_owned),
        allowed_origins: texts("AllowedOrigin"),
        allowed_methods: texts("AllowedMethod"),
        allowed_headers: texts("AllowedHeader"),
        expose_headers: texts("ExposeHeader"),
        max_age_s: max_age,
    };
    if rule.allowed_origins.is_empty() || rule.allowed_methods.is_empty() {
        Err(Malformed)
    } else {
        Ok(rule)
    }
}

/// A grant of an access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The canonical id of an account; `None` for a group or a mail address.
    pub account_id: Option<String>,
    /// `FULL_CONTROL` and the like.
    pub permission: String,
}

/// Reads the grants of an `AccessControlPolicy`.
pub fn parse_access_control(bytes: &[u8]) -> Result<Vec<Grant>, Malformed> {
    let root = parse_document(bytes, &["AccessControlPolicy"])?;
    root.only(&["Owner", "AccessControlList"])?;
    let list = root.one("AccessControlList")?.ok_or(Malformed)?;
    list.only(&["Grant"])?;
    list.all("Grant").map(grant).collect()
}

fn grant(grant: &Element<'_>) -> Result<Grant, Malformed> {
    grant.only(&["Grantee", "Permission"])?;
    let grantee = grant.one("Grantee")?.ok_or(Malformed)?;
    let permission = grant.text_of("Permission")?.ok_or(Malformed)?;
    let account_id = grantee.text_of("ID")?.map(|id| id.trim().to_owned());
    Ok(Grant {
        account_id,
        permission: permission.trim().to_owned(),
    })
}

fn boolean(text: &str) -> Result<bool, Malformed> {
    match text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Malformed),
    }
}

fn unquoted(etag: &str) -> String {
    etag.trim().trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::concierge::objects::blobs::ChecksumAlgorithm;

    #[test]
    fn delete() {
        let text = b"<Delete xmlns='x'><Quiet>true</Quiet><Object><Key> a&amp;b </Key></Object>\
            <Object><Key>c</Key><VersionId>v</VersionId><ETag>\"e\"</ETag></Object></Delete>";
        let document = parse_delete(text).unwrap();
        assert!(document.quiet);
        let request = |key: &str, version: Option<&str>, etag: Option<&str>| DeleteRequest {
            key: key.into(),
            version_id: version.map(Into::into),
            if_match: etag.map(Into::into),
        };
        assert_eq!(
            document.objects,
            [
                request(" a&b ", None, None),
                request("c", Some("v"), Some("e"))
            ]
        );
        let many = |n: usize| {
            format!(
                "<Delete>{}</Delete>",
                "<Object><Key>k</Key></Object>".repeat(n)
            )
        };
        assert!(parse_delete(many(1000).as_bytes()).is_ok());
        for text in [
            &many(1001),
            &many(0),
            "<Delete><Object/></Delete>",
            "<Delete><Object><Key/></Object></Delete>",
        ] {
            assert_eq!(parse_delete(text.as_bytes()), Err(Malformed));
        }
        assert!(
            parse_delete(b"<Delete><Object><Key>k</Key><Size>1</Size></Object></Delete>").is_err()
        );
    }

    #[test]
    fn complete() {
        let text =
            b"<CompleteMultipartUpload><Part><PartNumber>2</PartNumber><ETag>&quot;e&quot;</ETag>\
            <ChecksumCRC32>AAAAAQ==</ChecksumCRC32></Part></CompleteMultipartUpload>";
        let parts = parse_complete_multipart(text).unwrap();
        let [part] = parts.as_slice() else {
            panic!("{parts:?}")
        };
        assert_eq!((part.number, part.etag.as_str()), (2, "e"));
        assert_eq!(
            part.checksum,
            Some((ChecksumAlgorithm::Crc32, vec![0, 0, 0, 1]))
        );
        for part in [
            "",
            "<PartNumber>1</PartNumber>",
            "<ETag>e</ETag>",
            "<PartNumber>-1</PartNumber><ETag>e</ETag>",
            "<PartNumber>1</PartNumber><ETag>e</ETag><ChecksumMD5>AA==</ChecksumMD5>",
            "<PartNumber>1</PartNumber><ETag>e</ETag><ChecksumCRC32>AA==</ChecksumCRC32>",
        ] {
            let text =
                format!("<CompleteMultipartUpload><Part>{part}</Part></CompleteMultipartUpload>");
            assert!(parse_complete_multipart(text.as_bytes()).is_err(), "{part}");
        }
        assert!(parse_complete_multipart(b"<CompleteMultipartUpload/>").is_err());
    }

    #[test]
    fn tagging_and_creation() {
        let tag = Tag {
            key: "a".into(),
            value: "".into(),
        };
        let text = b"<Tagging><TagSet><Tag><Key>a</Key><Value></Value></Tag></TagSet></Tagging>";
        assert_eq!(parse_tagging(text).unwrap(), [tag]);
        assert_eq!(parse_tagging(b"<Tagging><TagSet/></Tagging>").unwrap(), []);
        assert!(parse_tagging(b"<Tagging/>").is_err());
        assert!(
            parse_tagging(b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>").is_err()
        );
        let text = b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
        assert_eq!(
            parse_create_bucket(text).unwrap(),
            (Some("eu-west-1".into()), vec![])
        );
        assert!(
            parse_create_bucket(
                b"<CreateBucketConfiguration><Bucket/></CreateBucketConfiguration>"
            )
            .is_err()
        );
    }

    #[test]
    fn versioning() {
        let read = |inner: &str| {
            parse_versioning(
                format!("<VersioningConfiguration>{inner}</VersioningConfiguration>").as_bytes(),
            )
        };
        assert_eq!(
            read("<Status>Enabled</Status>"),
            Ok(Some(Versioning::Enabled))
        );
        assert_eq!(
            read("<Status>Suspended</Status><MfaDelete>Disabled</MfaDelete>"),
            Ok(Some(Versioning::Suspended))
        );
        assert_eq!(read(""), Ok(None));
        assert_eq!(
            read("<Status>enabled</Status>"),
            Err(VersioningError::Malformed)
        );
        assert_eq!(
            read("<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"),
            Err(VersioningError::MfaDelete)
        );
    }

    #[test]
    fn cors() {
        let read = |rule: &str| {
            parse_cors(format!("<CORSConfiguration>{rule}</CORSConfiguration>").as_bytes())
        };
        let rules = read(
            "<CORSRule><ID>i</ID><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
             <AllowedMethod>PUT</AllowedMethod><MaxAgeSeconds>30</MaxAgeSeconds></CORSRule>",
        )
        .unwrap();
        assert_eq!(
            rules
                .first()
                .map(|rule| (rule.allowed_methods.len(), rule.max_age_s)),
            Some((2, Some(30)))
        );
        for broken in [
            "",
            "<CORSRule/>",
            "<CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule>",
            "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod><MaxAgeSeconds>x</MaxAgeSeconds></CORSRule>",
        ] {
            assert!(read(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn access_control() {
        let text = b"<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList><Grant>\
            <Grantee xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='CanonicalUser'><ID>o</ID></Grantee>\
            <Permission>FULL_CONTROL</Permission></Grant><Grant><Grantee><URI>u</URI></Grantee>\
            <Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>";
        let grants = parse_access_control(text).unwrap();
        let ids: Vec<_> = grants
            .iter()
            .map(|grant| (grant.account_id.as_deref(), grant.permission.as_str()))
            .collect();
        assert_eq!(ids, [(Some("o"), "FULL_CONTROL"), (None, "READ")]);
    }
}
