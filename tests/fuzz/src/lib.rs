//! What each fuzz target does with its bytes. A panic is a finding.

/// The volume file reader: finds what it can in any bytes, within them.
pub fn volume(data: &[u8]) {
    let Ok(volume) = concierge_storage_nodes::scan_bytes(data) else {
        return;
    };
    let length = data.len() as u64;
    for record in &volume.records {
        assert!(
            record.header.offset < length,
            "a record begins behind the end"
        );
        if let Some(payload) = &record.payload {
            assert_eq!(
                payload.len() as u64,
                record.trailer.length,
                "a payload is not as long as its trailer says"
            );
            assert!(
                payload.len() <= data.len(),
                "a payload is longer than the file"
            );
        }
    }
    for (from, to) in &volume.gaps {
        assert!(from <= to && *to <= length, "a gap lies outside");
    }
}
