//! Facilities (X.25 section 7, annex G): what a call asks for and agrees to.
//!
//! ```text
//! code, 1 | parameter: 1, 2 or 3 octets by the first two bits of the code, or length, 1 | so many
//! ```
//!
//! Those that nobody here knows are kept as they are, so that they can be passed on.

use std::fmt;

use super::{Fault, MAX_FACILITIES, diagnostic};
use crate::ParseError;

/// Facility codes.
pub mod code {
    /// Between groups of facilities; the parameter is one of [`super::Section`].
    pub const MARKER: u8 = 0x00;
    /// Reverse charging and fast select.
    pub const CHARGING: u8 = 0x01;
    /// Throughput classes.
    pub const THROUGHPUT: u8 = 0x02;
    /// Closed user group, two digits.
    pub const CUG: u8 = 0x03;
    /// Charging information, wanted.
    pub const CHARGING_REQUEST: u8 = 0x04;
    /// Called line address modified notification.
    pub const CALLED_MODIFIED: u8 = 0x08;
    /// Closed user group with outgoing access, two digits.
    pub const CUG_OUTGOING: u8 = 0x09;
    /// Minimum throughput classes (DTE facility).
    pub const MINIMUM_THROUGHPUT: u8 = 0x0a;
    /// Expedited data negotiation (DTE facility).
    pub const EXPEDITED: u8 = 0x0b;
    /// Bilateral closed user group.
    pub const BILATERAL_CUG: u8 = 0x41;
    /// Packet sizes.
    pub const PACKET_SIZE: u8 = 0x42;
    /// Window sizes.
    pub const WINDOW_SIZE: u8 = 0x43;
    /// RPOA selection, one network.
    pub const RPOA: u8 = 0x44;
    /// Closed user group, four digits.
    pub const CUG_EXTENDED: u8 = 0x47;
    /// Closed user group with outgoing access, four digits.
    pub const CUG_OUTGOING_EXTENDED: u8 = 0x48;
    /// Transit delay selection and indication.
    pub const TRANSIT_DELAY: u8 = 0x49;
    /// Charging information: call duration.
    pub const CHARGING_DURATION: u8 = 0xc1;
    /// Charging information: segment count.
    pub const CHARGING_SEGMENTS: u8 = 0xc2;
    /// Call redirection or deflection notification.
    pub const REDIRECTION: u8 = 0xc3;
    /// RPOA selection, several networks.
    pub const RPOA_EXTENDED: u8 = 0xc4;
    /// Charging information: monetary unit.
    pub const CHARGING_UNIT: u8 = 0xc5;
    /// Network user identification.
    pub const NUI: u8 = 0xc6;
    /// Called address extension (DTE facility).
    pub const CALLED_EXTENSION: u8 = 0xc9;
    /// End-to-end transit delay (DTE facility).
    pub const END_TO_END_DELAY: u8 = 0xca;
    /// Calling address extension (DTE facility).
    pub const CALLING_EXTENSION: u8 = 0xcb;
    /// Call deflection selection.
    pub const DEFLECTION: u8 = 0xd1;
    /// Priority (DTE facility).
    pub const PRIORITY: u8 = 0xd2;
    /// Protection (DTE facility).
    pub const PROTECTION: u8 = 0xd3;
}

/// Whose facilities follow a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Section(pub u8);

impl Section {
    /// Non-X.25 facilities of the calling DTE's network, or of the only one.
    pub const CALLING_NETWORK: Self = Self(0x00);
    /// Non-X.25 facilities of the called DTE's network.
    pub const CALLED_NETWORK: Self = Self(0xff);
    /// CCITT-specified DTE facilities, which networks pass on.
    pub const DTE: Self = Self(0x0f);
}

/// The size of data packets, 16 to 4096 octets by powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PacketSize(u8);

impl PacketSize {
    /// 16 octets.
    pub const MIN: Self = Self(4);
    /// What holds where nothing was agreed: 128 octets.
    pub const STANDARD: Self = Self(7);
    /// 4096 octets.
    pub const MAX: Self = Self(12);

    /// The size with this logarithm to the base 2, if it is one.
    #[must_use]
    pub const fn from_log2(log2: u8) -> Option<Self> {
        if Self::MIN.0 <= log2 && log2 <= Self::MAX.0 {
            Some(Self(log2))
        } else {
            None
        }
    }

    /// The size of this many octets, if it is one.
    #[must_use]
    pub const fn from_octets(octets: usize) -> Option<Self> {
        if octets.is_power_of_two() && octets <= 4096 {
            Self::from_log2(octets.ilog2() as u8)
        } else {
            None
        }
    }

    /// Its logarithm to the base 2.
    #[must_use]
    pub const fn log2(self) -> u8 {
        self.0
    }

    /// Octets of user data.
    #[must_use]
    pub const fn octets(self) -> usize {
        1 << self.0
    }
}

impl Default for PacketSize {
    fn default() -> Self {
        Self::STANDARD
    }
}

/// A throughput class, 3 (75 bit/s) to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThroughputClass(u8);

impl ThroughputClass {
    const RATES: [u32; 13] = [
        75, 150, 300, 600, 1200, 2400, 4800, 9600, 19_200, 48_000, 64_000, 128_000, 192_000,
    ];

    /// The class with this number, if there is one.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number >= 3 && number <= 15 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Bits a second.
    #[must_use]
    pub fn rate(self) -> u32 {
        let at = usize::from(self.0).saturating_sub(3);
        Self::RATES.get(at).copied().unwrap_or_default()
    }
}

/// Something for each direction of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Directions<T> {
    /// For what the called DTE sends.
    pub called: T,
    /// For what the calling DTE sends.
    pub calling: T,
}

/// Whether the packets of call set-up and clearing carry up to 128 octets of user data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FastSelect {
    /// They do not.
    #[default]
    No,
    /// They do.
    Unrestricted,
    /// They do, and the called DTE may only answer by clearing.
    Restricted,
}

/// An address of OSI, or of what is behind a DTE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'p> {
    /// 0: an NSAP; 1: a part of one; 2: something else.
    pub kind: u8,
    /// How many halves of octets it has, 0 to 40.
    pub digits: u8,
    /// The digits, the first in the high half of the first octet; with an odd number of digits the
    /// last half has no meaning.
    pub octets: &'p [u8],
}

impl Extension<'_> {
    /// The most digits.
    pub const MAX: u8 = 40;
}

impl fmt::Display for Extension<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let halves = self
            .octets
            .iter()
            .flat_map(|octet| [octet >> 4, octet & 15]);
        for digit in halves.take(self.digits.into()) {
            write!(f, "{digit:x}")?;
        }
        Ok(())
    }
}

/// A facility that means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facility<'p> {
    /// What follows belongs to another section.
    Marker(Section),
    /// Reverse charging and fast select.
    Charging {
        /// The called DTE pays.
        reverse: bool,
        /// Fast select.
        fast_select: FastSelect,
    },
    /// Throughput classes.
    Throughput(Directions<ThroughputClass>),
    /// Closed user group, 0 to 9999.
    ClosedUserGroup(u16),
    /// Packet sizes.
    PacketSize(Directions<PacketSize>),
    /// Window sizes, 1 to 127 packets.
    WindowSize(Directions<u8>),
    /// Called address extension.
    CalledExtension(Extension<'p>),
    /// Calling address extension.
    CallingExtension(Extension<'p>),
    /// Another one.
    Unknown {
        /// Its code.
        code: u8,
        /// Its parameter, without the length octet that some have.
        parameter: &'p [u8],
    },
}

/// A facility as it stands in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFacility<'p> {
    /// The section that it stands in; the X.25 facilities, which come first, have none.
    pub section: Option<Section>,
    /// Its code, one of [`code`] or anything.
    pub code: u8,
    /// Its parameter, without the length octet that some have.
    pub parameter: &'p [u8],
}

fn not_allowed(what: &'static str, value: u8, expected: &'static str) -> Fault {
    Fault::invalid(diagnostic::PARAMETER_NOT_ALLOWED, what, value, expected)
}

impl<'p> RawFacility<'p> {
    /// What it means. In the sections of networks only markers are known.
    ///
    /// # Errors
    /// A parameter that its facility does not allow.
    pub fn value(&self) -> Result<Facility<'p>, Fault> {
        let Self {
            section,
            code,
            parameter,
        } = *self;
        let known = match section {
            None => !matches!(code, code::CALLED_EXTENSION | code::CALLING_EXTENSION),
            Some(Section::DTE) => matches!(code, code::CALLED_EXTENSION | code::CALLING_EXTENSION),
            Some(_) => false,
        };
        Ok(match (code, parameter) {
            (code::MARKER, &[section]) => Facility::Marker(Section(section)),
            _ if !known => Facility::Unknown { code, parameter },
            (code::CHARGING, &[bits]) => Facility::Charging {
                reverse: bits & 1 != 0,
                fast_select: match bits >> 6 {
                    2 => FastSelect::Unrestricted,
                    3 => FastSelect::Restricted,
                    _ => FastSelect::No,
                },
            },
            (code::THROUGHPUT, &[both]) => {
                let class = |number| {
                    ThroughputClass::new(number).ok_or(not_allowed(
                        "X.25 throughput class",
                        number,
                        "3 (75 bit/s) to 15",
                    ))
                };
                Facility::Throughput(Directions {
                    called: class(both >> 4)?,
                    calling: class(both & 15)?,
                })
            }
            (code::CUG | code::CUG_EXTENDED, digits) => {
                let mut group = 0;
                for digit in digits.iter().flat_map(|octet| [octet >> 4, octet & 15]) {
                    if digit > 9 {
                        let what = "X.25 closed user group";
                        return Err(not_allowed(what, digit, "decimal digits"));
                    }
                    group = group * 10 + u16::from(digit);
                }
                Facility::ClosedUserGroup(group)
            }
            (code::PACKET_SIZE, &[called, calling]) => {
                let size = |log2| {
                    PacketSize::from_log2(log2).ok_or(not_allowed(
                        "X.25 packet size",
                        log2,
                        "4 to 12 (16 to 4096 octets)",
                    ))
                };
                Facility::PacketSize(Directions {
                    called: size(called)?,
                    calling: size(calling)?,
                })
            }
            (code::WINDOW_SIZE, &[called, calling]) => {
                for window in [called, calling] {
                    if !(1..=127).contains(&window) {
                        return Err(not_allowed("X.25 window size", window, "1 to 127"));
                    }
                }
                Facility::WindowSize(Directions { called, calling })
            }
            (code::CALLED_EXTENSION, parameter) => Facility::CalledExtension(extension(parameter)?),
            (code::CALLING_EXTENSION, parameter) => {
                Facility::CallingExtension(extension(parameter)?)
            }
            _ => Facility::Unknown { code, parameter },
        })
    }
}

fn extension(parameter: &[u8]) -> Result<Extension<'_>, Fault> {
    let what = "X.25 address extension";
    let fault = |error| Fault {
        diagnostic: diagnostic::INVALID_DTE_FACILITY,
        error,
    };
    let Some((&first, octets)) = parameter.split_first() else {
        return Err(fault(ParseError::Truncated {
            what,
            need: 1,
            have: 0,
        }));
    };
    let digits = first & 0x3f;
    if digits > Extension::MAX || octets.len() != usize::from(digits).div_ceil(2) {
        return Err(fault(ParseError::Length {
            what,
            claimed: usize::from(digits).div_ceil(2),
            have: octets.len(),
        }));
    }
    Ok(Extension {
        kind: first >> 6,
        digits,
        octets,
    })
}

/// The facilities of a packet, whose lengths are right. What they say may be anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facilities<'p> {
    octets: &'p [u8],
}

impl<'p> Facilities<'p> {
    /// None.
    pub const NONE: Self = Self { octets: &[] };

    /// Checks the lengths.
    ///
    /// # Errors
    /// More than [`MAX_FACILITIES`] octets; a facility that ends behind the last one.
    pub fn parse(octets: &'p [u8]) -> Result<Self, Fault> {
        let fault = |error| Fault {
            diagnostic: diagnostic::INVALID_FACILITY_LENGTH,
            error,
        };
        if octets.len() > MAX_FACILITIES {
            return Err(fault(ParseError::Length {
                what: "X.25 facilities",
                claimed: octets.len(),
                have: MAX_FACILITIES,
            }));
        }
        let mut rest = octets;
        while let Some(&code) = rest.first() {
            (_, _, rest) = split(rest).ok_or(fault(ParseError::Truncated {
                what: match code >> 6 {
                    3 => "X.25 facility of class D",
                    2 => "X.25 facility of class C",
                    1 => "X.25 facility of class B",
                    _ => "X.25 facility of class A",
                },
                need: 2 + usize::from(code >> 6),
                have: rest.len(),
            }))?;
        }
        Ok(Self { octets })
    }

    /// The octets behind the facility length.
    #[must_use]
    pub const fn octets(&self) -> &'p [u8] {
        self.octets
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// All of them in order, markers included.
    pub fn iter(&self) -> impl Iterator<Item = RawFacility<'p>> {
        let mut rest = self.octets;
        let mut section = None;
        std::iter::from_fn(move || {
            let (code, parameter, behind) = split(rest)?;
            rest = behind;
            let raw = RawFacility {
                section,
                code,
                parameter,
            };
            if let (code::MARKER, &[marker]) = (code, parameter) {
                section = Some(Section(marker));
            }
            Some(raw)
        })
    }

    /// What the X.25 facilities before any marker say of fast select. A facility that stands there
    /// twice means what it says last.
    #[must_use]
    pub fn fast_select(&self) -> FastSelect {
        let mut found = FastSelect::No;
        for raw in self.iter() {
            if let Ok(Facility::Charging { fast_select, .. }) = raw.value() {
                found = fast_select;
            }
        }
        found
    }
}

/// The first facility: code and parameter, and what is behind.
fn split(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&code, rest) = octets.split_first()?;
    let (length, rest) = match code >> 6 {
        3 => {
            let (&length, rest) = rest.split_first()?;
            (length, rest)
        }
        class => (class + 1, rest),
    };
    let (parameter, rest) = rest.split_at_checked(length.into())?;
    Some((code, parameter, rest))
}

/// Facilities that are put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FacilityList {
    octets: Vec<u8>,
}

/// A facility does not fit: with it there would be more than [`MAX_FACILITIES`] octets, or its
/// parameter has not the length that its code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoesNotFit;

impl fmt::Display for DoesNotFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a facility of a wrong length, or more than 109 octets of facilities")
    }
}

impl std::error::Error for DoesNotFit {}

impl FacilityList {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { octets: Vec::new() }
    }

    /// Adds one at the end.
    ///
    /// # Errors
    /// It does not fit; then nothing is added.
    pub fn push(&mut self, facility: &Facility<'_>) -> Result<(), DoesNotFit> {
        let digits = |number: u16| (((number / 10 % 10) << 4) | (number % 10)) as u8;
        match *facility {
            Facility::Marker(Section(section)) => self.push_raw(code::MARKER, &[section]),
            Facility::Charging {
                reverse,
                fast_select,
            } => {
                let fast = match fast_select {
                    FastSelect::No => 0,
                    FastSelect::Unrestricted => 0x80,
                    FastSelect::Restricted => 0xc0,
                };
                self.push_raw(code::CHARGING, &[fast | u8::from(reverse)])
            }
            Facility::Throughput(Directions { called, calling }) => {
                self.push_raw(code::THROUGHPUT, &[called.0 << 4 | calling.0])
            }
            Facility::ClosedUserGroup(group @ 0..100) => self.push_raw(code::CUG, &[digits(group)]),
            Facility::ClosedUserGroup(group @ 100..10_000) => {
                self.push_raw(code::CUG_EXTENDED, &[digits(group / 100), digits(group)])
            }
            Facility::ClosedUserGroup(_) => Err(DoesNotFit),
            Facility::PacketSize(Directions { called, calling }) => {
                self.push_raw(code::PACKET_SIZE, &[called.0, calling.0])
            }
            Facility::WindowSize(Directions { called, calling }) => {
                self.push_raw(code::WINDOW_SIZE, &[called, calling])
            }
            Facility::CalledExtension(extension) => {
                self.push_extension(code::CALLED_EXTENSION, &extension)
            }
            Facility::CallingExtension(extension) => {
                self.push_extension(code::CALLING_EXTENSION, &extension)
            }
            Facility::Unknown { code, parameter } => self.push_raw(code, parameter),
        }
    }

    fn push_extension(&mut self, code: u8, extension: &Extension<'_>) -> Result<(), DoesNotFit> {
        let mut parameter = vec![extension.kind << 6 | extension.digits & 0x3f];
        parameter.extend_from_slice(extension.octets);
        self::extension(&parameter).map_err(|_| DoesNotFit)?;
        self.push_raw(code, &parameter)
    }

    /// Adds one by its code at the end.
    ///
    /// # Errors
    /// It does not fit; then nothing is added.
    pub fn push_raw(&mut self, code: u8, parameter: &[u8]) -> Result<(), DoesNotFit> {
        let before = self.octets.len();
        self.octets.push(code);
        match (code >> 6, u8::try_from(parameter.len())) {
            (3, Ok(length)) => self.octets.push(length),
            (class, Ok(length)) if length == class + 1 => {}
            _ => {
                self.octets.truncate(before);
                return Err(DoesNotFit);
            }
        }
        self.octets.extend_from_slice(parameter);
        if self.octets.len() > MAX_FACILITIES {
            self.octets.truncate(before);
            return Err(DoesNotFit);
        }
        Ok(())
    }

    /// Adds those of these whose codes are wanted at the end, as they are.
    ///
    /// # Errors
    /// One does not fit; those before it are added.
    pub fn append(
        &mut self,
        facilities: &Facilities<'_>,
        wanted: impl Fn(u8) -> bool,
    ) -> Result<(), DoesNotFit> {
        let mut raw = facilities.iter().filter(|raw| wanted(raw.code));
        raw.try_for_each(|raw| self.push_raw(raw.code, raw.parameter))
    }

    /// What is there so far.
    #[must_use]
    pub fn get(&self) -> Facilities<'_> {
        Facilities {
            octets: &self.octets,
        }
    }
}
