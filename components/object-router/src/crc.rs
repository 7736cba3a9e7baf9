//! The cyclic redundancy checks of S3, over the documents that are read here; those of objects are the host's.
//!
//! Not crc-fast, which the host uses: it brings tables for a hundred kinds, 0.7 MB of a component of 1.9.

/// A check in its reflected form, which begins with all bits set and is inverted in the end (all three of S3's are).
#[derive(Debug)]
pub struct Crc {
    /// Bits of the check, all set.
    mask: u64,
    /// What each value of a byte adds.
    table: [u64; 256],
}

/// ISO-HDLC, as in gzip (RFC 1952 §8).
pub static CRC32: Crc = Crc::new(32, 0xEDB8_8320);

/// Castagnoli (RFC 3720 §12.1).
pub static CRC32C: Crc = Crc::new(32, 0x82F6_3B78);

/// NVM Express ("NVM Command Set Specification", 64b CRC).
pub static CRC64NVME: Crc = Crc::new(64, 0x9A6C_9329_AC4B_C9B5);

impl Crc {
    const fn new(bits: u32, reflected_polynomial: u64) -> Self {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut value = byte as u64;
            let mut bit = 0;
            while bit < 8 {
                let carry = value & 1;
                value >>= 1;
                if carry == 1 {
                    value ^= reflected_polynomial;
                }
                bit += 1;
            }
            table[byte] = value;
            byte += 1;
        }
        Self {
            mask: u64::MAX >> (64 - bits),
            table,
        }
    }

    /// The check of some bytes, in the low bits.
    pub fn of(&self, bytes: &[u8]) -> u64 {
        let state = bytes.iter().fold(self.mask, |state, byte| {
            let [low, ..] = (state ^ u64::from(*byte)).to_le_bytes();
            let added = self.table.get(usize::from(low)).copied();
            state >> 8 ^ added.unwrap_or_default()
        });
        state ^ self.mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the "Catalogue of parametrised CRC algorithms".
    #[test]
    fn of_the_check_string() {
        assert_eq!(CRC32.of(b"123456789"), 0xCBF4_3926);
        assert_eq!(CRC32C.of(b"123456789"), 0xE306_9283);
        assert_eq!(CRC64NVME.of(b"123456789"), 0xAE8B_1486_0A79_9888);
        for crc in [&CRC32, &CRC32C, &CRC64NVME] {
            assert_eq!(crc.of(b""), 0);
        }
    }
}
