//! SFM files: the firmware modules of Sangoma's SDLA adapters.
//!
//! Everything is little-endian and packed: a header of [`HEADER`] octets, then the image. What
//! names and sizes there are comes from the file alone; unknown adapters and codes are no error.
//! Parsing never panics and allocates nothing.

use std::fmt;

/// Octets before the image.
pub const HEADER: usize = 0x198;
/// How a module begins, up to the first NUL.
pub const SIGNATURE: &str = "SFM - Sangoma SDLA Firmware Module";
/// The version of the format.
pub const VERSION: u16 = 2;
/// The longest file: the size of the image is a 16-bit number.
pub const MAX_FILE: usize = HEADER + u16::MAX as usize;
/// Adapters that a module can name.
pub const ADAPTERS: usize = 16;

/// Where the octets begin that the checksum is over: the information block and the image.
const INFORMATION: usize = 0x160;

/// Why a file is no module, in the order of the loaders' checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SfmError {
    /// Shorter than a header.
    Short {
        /// Octets of the file.
        have: usize,
    },
    /// Another signature.
    Signature,
    /// Another version of the format.
    Version {
        /// The version found.
        found: u16,
    },
    /// The image is not as long as the header says.
    Size {
        /// What the header says, octets.
        claimed: u16,
        /// What is there, octets.
        have: usize,
    },
    /// The checksum is wrong.
    Checksum {
        /// What the header says.
        claimed: u16,
        /// What was computed.
        computed: u16,
    },
}

impl fmt::Display for SfmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Short { have } => write!(
                f,
                "not SDLA firmware: {have} octets, the header alone has {HEADER}"
            ),
            Self::Signature => write!(f, "not SDLA firmware: it does not begin with '{SIGNATURE}'"),
            Self::Version { found } => write!(
                f,
                "firmware format {found} is not known, only format {VERSION}"
            ),
            Self::Size { claimed, have } => write!(
                f,
                "firmware corrupted: the header says that the image has {claimed} octets, {have} \
                 are there"
            ),
            Self::Checksum { claimed, computed } => write!(
                f,
                "firmware corrupted: the header says checksum {claimed:04X}, it is {computed:04X}"
            ),
        }
    }
}

impl std::error::Error for SfmError {}

/// A module that passed every check.
#[derive(Clone, Copy, Debug)]
pub struct Module<'f> {
    header: &'f [u8; HEADER],
    /// The octets that are loaded.
    pub image: &'f [u8],
}

impl<'f> Module<'f> {
    /// Checks a file as the loaders did: signature, version, size, checksum.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn parse(file: &'f [u8]) -> Result<Self, SfmError> {
        let (header, image) = file
            .split_first_chunk()
            .ok_or(SfmError::Short { have: file.len() })?;
        let module = Self { header, image };
        let signature = header.get(..0x50).unwrap_or_default();
        if until_nul(signature) != SIGNATURE.as_bytes() {
            return Err(SfmError::Signature);
        }
        if module.version() != VERSION {
            return Err(SfmError::Version {
                found: module.version(),
            });
        }
        if usize::from(module.code_size()) != image.len() {
            return Err(SfmError::Size {
                claimed: module.code_size(),
                have: image.len(),
            });
        }
        let computed = checksum(file.get(INFORMATION..).unwrap_or_default());
        if computed != module.checksum() {
            return Err(SfmError::Checksum {
                claimed: module.checksum(),
                computed,
            });
        }
        Ok(module)
    }

    fn number(&self, place: usize) -> u16 {
        let octets = self.header.get(place..).and_then(|o| o.first_chunk());
        octets.map_or(0, |octets| u16::from_le_bytes(*octets))
    }

    /// The version of the format.
    pub fn version(&self) -> u16 {
        self.number(0x50)
    }

    /// The checksum in the header.
    pub fn checksum(&self) -> u16 {
        self.number(0x52)
    }

    /// What it is, for people: octets up to the first NUL, of no particular character set.
    pub fn description(&self) -> &'f [u8] {
        until_nul(self.header.get(0x60..INFORMATION).unwrap_or_default())
    }

    /// The number of the code.
    pub fn code_id(&self) -> u16 {
        self.number(0x160)
    }

    /// The version of the code, in hundredths.
    pub fn code_version(&self) -> u16 {
        self.number(0x162)
    }

    /// The types of adapters that it is for.
    pub fn adapters(&self) -> impl Iterator<Item = u16> {
        let types = (0..ADAPTERS).map(|n| self.number(0x164 + 2 * n));
        types.filter(|&adapter| adapter != 0)
    }

    /// The memory that an adapter needs, octets.
    pub fn memory(&self) -> u32 {
        u32::from(self.number(0x184)) | u32::from(self.number(0x186)) << 16
    }

    /// Where the code begins to run.
    pub fn start_offset(&self) -> u16 {
        self.number(0x18c)
    }

    /// Where the window with the mailbox is.
    pub fn window_offset(&self) -> u16 {
        self.number(0x18e)
    }

    /// Where the image is loaded.
    pub fn load_offset(&self) -> u16 {
        self.number(0x190)
    }

    /// Octets of the image.
    pub fn code_size(&self) -> u16 {
        self.number(0x192)
    }

    /// Where the boot configuration is.
    pub fn boot_offset(&self) -> u16 {
        self.number(0x194)
    }

    /// Octets of the boot configuration.
    pub fn boot_size(&self) -> u16 {
        self.number(0x196)
    }
}

fn until_nul(field: &[u8]) -> &[u8] {
    let end = field.iter().position(|&octet| octet == 0);
    field.get(..end.unwrap_or(field.len())).unwrap_or_default()
}

/// The checksum of a module: the plain remainder of the polynomial 0x1021, most significant bit
/// first. Unlike CRC-16/XMODEM no zeroes are appended: each bit goes in at the low end.
pub fn checksum(octets: &[u8]) -> u16 {
    let mut remainder = 0_u16;
    for octet in octets {
        for bit in (0..8).rev() {
            let carry = remainder & 0x8000 != 0;
            remainder = remainder << 1 | u16::from(octet >> bit & 1);
            if carry {
                remainder ^= 0x1021;
            }
        }
    }
    remainder
}

/// The name of an adapter of this type.
pub fn adapter_name(adapter: u16) -> Option<&'static str> {
    Some(match adapter {
        5020 => "S502A",
        5021 => "S502E",
        5030 => "S503",
        5070 => "S507",
        5080 => "S508",
        5090 => "S509",
        5140 => "S514",
        _ => return None,
    })
}

/// What code of this number is for.
pub fn code_family(code_id: u16) -> Option<&'static str> {
    Some(match code_id {
        0..1000 => "test",
        1000..2000 => "HDLC streaming",
        2000..3000 => "bisync",
        3000..4000 => "SDLC",
        4000..5000 => "HDLC",
        5000..6000 => "X.25",
        6000..7000 => "Frame Relay",
        7000..8000 => "PPP",
        8000..9000 => "Cisco HDLC",
        _ => return None,
    })
}

/// Fuzz entry: a module that passes is whole, and no change of one octet that is checked passes.
pub fn fuzz_sfm(file: &[u8]) {
    let Ok(module) = Module::parse(file) else {
        return;
    };
    assert_eq!(HEADER + module.image.len(), file.len());
    assert_eq!(module.image.len(), usize::from(module.code_size()));
    assert!(module.adapters().count() <= ADAPTERS);
    assert!(module.description().len() <= 256);
    let mut changed = file.to_vec();
    if let Some(octet) = changed.last_mut() {
        *octet ^= 1;
    }
    assert!(Module::parse(&changed).is_err());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A module of our own, for an S508 and an S514.
    fn module(image: &[u8]) -> Vec<u8> {
        let mut file = vec![0; HEADER];
        let mut put = |place: usize, octets: &[u8]| {
            file[place..place + octets.len()].copy_from_slice(octets);
        };
        put(0, SIGNATURE.as_bytes());
        put(0x50, &2_u16.to_le_bytes());
        put(0x60, b"made for a test ");
        let numbers: [(usize, u16); 10] = [
            (0x160, 6800),
            (0x162, 105),
            (0x164, 5080),
            (0x166, 5140),
            (0x186, 2),
            (0x18c, 0x100),
            (0x18e, 0xe000),
            (0x190, 0x100),
            (0x192, image.len() as u16),
            (0x194, 0x10),
        ];
        for (place, number) in numbers {
            put(place, &number.to_le_bytes());
        }
        file.extend_from_slice(image);
        let sum = checksum(&file[INFORMATION..]);
        file[0x52..0x54].copy_from_slice(&sum.to_le_bytes());
        file
    }

    #[test]
    fn the_checksums_that_are_known() {
        assert_eq!(checksum(b"123456789"), 0xbeef);
        assert_eq!(checksum(&[0, 1, 2, 3]), 0x1222);
        assert_eq!(checksum(&[0xff; 4]), 0xe2f0);
        assert_eq!(checksum(b"A"), 0x0041);
        assert_eq!(checksum(&[]), 0);
    }

    #[test]
    fn every_field() {
        let file = module(&[1, 2, 3, 4, 5]);
        let module = Module::parse(&file).unwrap();
        assert_eq!(module.description(), b"made for a test ");
        assert_eq!((module.code_id(), module.code_version()), (6800, 105));
        assert_eq!(module.adapters().collect::<Vec<_>>(), [5080, 5140]);
        assert_eq!(module.memory(), 131_072);
        assert_eq!(module.start_offset(), 0x100);
        assert_eq!(module.window_offset(), 0xe000);
        assert_eq!(module.load_offset(), 0x100);
        assert_eq!((module.boot_offset(), module.boot_size()), (0x10, 0));
        assert_eq!(
            (module.code_size(), module.image),
            (5, &[1, 2, 3, 4, 5][..])
        );
        assert_eq!(adapter_name(5140), Some("S514"));
        assert_eq!(adapter_name(5141), None);
        assert_eq!(code_family(6800), Some("Frame Relay"));
        assert_eq!(code_family(13_000), None);
    }

    #[test]
    fn what_is_wrong_is_named_in_the_order_of_the_loaders() {
        let good = module(&[7; 40]);
        let changed = |place: usize, octet: u8| {
            let mut file = good.clone();
            file[place] = octet;
            Module::parse(&file).unwrap_err()
        };
        assert_eq!(
            Module::parse(&good[..HEADER - 1]).unwrap_err(),
            SfmError::Short { have: HEADER - 1 }
        );
        assert_eq!(changed(0, b's'), SfmError::Signature);
        assert_eq!(changed(SIGNATURE.len(), b'!'), SfmError::Signature);
        assert_eq!(changed(0x50, 3), SfmError::Version { found: 3 });
        assert_eq!(
            Module::parse(&good[..good.len() - 1]).unwrap_err(),
            SfmError::Size {
                claimed: 40,
                have: 39
            }
        );
        for place in [0x52, 0x160, 0x164, 0x185, 0x196, HEADER, HEADER + 39] {
            let error = changed(place, !good[place]);
            assert!(matches!(error, SfmError::Checksum { .. }), "{place:#x}");
        }
        let text = changed(0x50, 3).to_string();
        assert_eq!(text, "firmware format 3 is not known, only format 2");
        // What the checksum leaves out may be anything: reserved octets, the description, what
        // follows the NUL of the signature.
        for place in [SIGNATURE.len() + 1, 0x54, 0x15f] {
            let mut file = good.clone();
            file[place] = 0xff;
            assert!(Module::parse(&file).is_ok(), "{place:#x}");
        }
        assert!(
            Module::parse(&module(&vec![1; 0xffff])).is_ok(),
            "the longest"
        );
        assert!(Module::parse(&module(&[])).is_ok(), "the shortest");
    }

    proptest! {
        #[test]
        fn hostile_modules_do_no_harm(
            image in proptest::collection::vec(any::<u8>(), 1..200),
            changes in proptest::collection::vec((0..HEADER, any::<u8>()), 0..3),
        ) {
            let mut file = module(&image);
            fuzz_sfm(&file);
            for (place, octet) in changes {
                file[place] = octet;
            }
            fuzz_sfm(&file);
            fuzz_sfm(&file[..file.len() / 2]);
        }

        #[test]
        fn the_checksum_is_the_other_crc_two_octets_earlier(
            octets in proptest::collection::vec(any::<u8>(), 2..100),
        ) {
            let (head, tail) = octets.split_at(octets.len() - 2);
            let mut xmodem = 0_u16;
            for octet in head {
                xmodem ^= u16::from(*octet) << 8;
                for _ in 0..8 {
                    let carry = xmodem & 0x8000 != 0;
                    xmodem <<= 1;
                    if carry {
                        xmodem ^= 0x1021;
                    }
                }
            }
            let last = u16::from_be_bytes([tail[0], tail[1]]);
            prop_assert_eq!(checksum(&octets), xmodem ^ last);
        }
    }
}
