//! GetObjectAttributes.

use crate::bindings::concierge::objects::blobs::{Attributes, Part};
use crate::call::{Call, Outcome};
use crate::error::S3Error;
use crate::headers::checksum;
use crate::host::Host;
use crate::http::date;
use crate::http::reply::Reply;
use crate::http::request::parse_decimal;
use crate::xml::Writer;

/// The most parts of an answer (API Reference, "GetObjectAttributes", x-amz-max-parts).
const MAX_PARTS_PAGE: u32 = 1000;

/// Which attributes are asked for.
#[derive(Debug, Default)]
struct Wanted {
    etag: bool,
    checksum: bool,
    parts: bool,
    storage_class: bool,
    size: bool,
}

/// Tells what the header x-amz-object-attributes asks for.
pub async fn get<H: Host>(call: &Call<'_, H>) -> Outcome<H> {
    let named = call.named()?;
    let wanted = parse_wanted(call)?;
    let marker = number(call, "x-amz-part-number-marker", 0)?;
    let max = number(call, "x-amz-max-parts", MAX_PARTS_PAGE)?.min(MAX_PARTS_PAGE);
    let attributes = call
        .host
        .get_attributes(call.token(), named, marker, max)
        .await?;
    let mut reply = Reply::xml(document(&attributes, &wanted, marker, max));
    reply.set("last-modified", &date::http(attributes.info.modified_us));
    reply.set_some("x-amz-version-id", attributes.info.version_id.as_deref());
    Ok(reply)
}

fn parse_wanted<H: Host>(call: &Call<'_, H>) -> Result<Wanted, S3Error> {
    let name = "x-amz-object-attributes";
    let mut wanted = Wanted::default();
    let lines = call
        .request
        .headers
        .all(name)
        .flat_map(|line| line.split(','));
    for attribute in lines.map(str::trim).filter(|text| !text.is_empty()) {
        match attribute {
            "ETag" => wanted.etag = true,
            "Checksum" => wanted.checksum = true,
            "ObjectParts" => wanted.parts = true,
            "StorageClass" => wanted.storage_class = true,
            "ObjectSize" => wanted.size = true,
            other => {
                return Err(S3Error::argument(
                    "Invalid attribute name specified.",
                    name,
                    other,
                ));
            }
        }
    }
    let Wanted {
        etag,
        checksum,
        parts,
        storage_class,
        size,
    } = wanted;
    if etag || checksum || parts || storage_class || size {
        return Ok(wanted);
    }
    Err(S3Error::request(
        "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
    ))
}

fn number<H: Host>(call: &Call<'_, H>, name: &'static str, default: u32) -> Result<u32, S3Error> {
    let Some(text) = call.request.headers.single(name)? else {
        return Ok(default);
    };
    match parse_decimal(text).map(u32::try_from) {
        Some(Ok(number)) => Ok(number),
        _ => Err(S3Error::argument(
            format!("Provided {name} not an integer or within integer range"),
            name,
            text,
        )),
    }
}

fn document(attributes: &Attributes, wanted: &Wanted, marker: u32, max: u32) -> String {
    let info = &attributes.info;
    let mut xml = Writer::new();
    xml.root("GetObjectAttributesResponse");
    if wanted.etag {
        // Without quotes, as the service answers here and nowhere else.
        xml.text("ETag", &info.etag);
    }
    if wanted.checksum
        && let Some(stored) = &info.checksum
    {
        xml.element("Checksum", |xml| {
            xml.text(
                checksum::element_name(stored.algorithm),
                &checksum::show(stored, info.parts),
            );
            xml.text("ChecksumType", checksum::kind_name(stored.kind));
        });
    }
    if wanted.parts
        && let Some(count) = info.parts
    {
        xml.element("ObjectParts", |xml| {
            push_parts(xml, attributes, count, marker, max)
        });
    }
    if wanted.storage_class {
        xml.text("StorageClass", &info.storage_class);
    }
    if wanted.size {
        xml.number("ObjectSize", info.size);
    }
    xml.close("GetObjectAttributesResponse");
    xml.finish()
}

/// The parts themselves are listed only where each has a checksum (API Reference, "GetObjectAttributesParts").
fn push_parts(xml: &mut Writer, attributes: &Attributes, count: u32, marker: u32, max: u32) {
    // `TotalPartsCount` is what the SDKs call it; on the wire it is `PartsCount` (the same page, "Response Syntax").
    xml.number("PartsCount", count.into());
    xml.number("PartNumberMarker", marker.into());
    let last = attributes.parts.last().map_or(marker, |part| part.number);
    xml.number("NextPartNumberMarker", last.into());
    xml.number("MaxParts", max.into());
    xml.boolean("IsTruncated", attributes.truncated);
    for part in &attributes.parts {
        xml.element("Part", |xml| push_part(xml, part));
    }
}

fn push_part(xml: &mut Writer, part: &Part) {
    xml.number("PartNumber", part.number.into());
    xml.number("Size", part.size);
    if let Some(stored) = &part.checksum {
        xml.text(
            checksum::element_name(stored.algorithm),
            &checksum::show(stored, None),
        );
    }
}
