//! Addresses, facilities and user data: what the packets that set up and clear a call have in
//! common (X.25 sections 5.2.1 to 5.2.4).

use super::address::Block;
use super::{Address, Facilities, Fault, MAX_FAST_USER_DATA, diagnostic};

/// The fields of a call. A call request always has the first two; the other packets may end before
/// any of them, and then say the same as with empty ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallFields<'p> {
    /// The address of the called DTE.
    pub called: Address,
    /// The address of the calling DTE.
    pub calling: Address,
    /// What is asked for, or agreed to.
    pub facilities: Facilities<'p>,
    /// Call user data, called user data or clear user data.
    pub user_data: &'p [u8],
}

impl<'p> CallFields<'p> {
    /// Whether nothing is in them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of a call request behind the type.
    pub(super) fn parse(octets: &'p [u8]) -> Result<Self, Fault> {
        let (Block { called, calling }, rest) = Block::parse(octets)?;
        let Some((&length, rest)) = rest.split_first() else {
            return Err(Fault::truncated("X.25 facility length", 1, 0));
        };
        let Some((facilities, user_data)) = rest.split_at_checked(length.into()) else {
            return Err(Fault {
                diagnostic: diagnostic::INVALID_FACILITY_LENGTH,
                ..Fault::truncated("X.25 facilities", length.into(), rest.len())
            });
        };
        if user_data.len() > MAX_FAST_USER_DATA {
            return Err(Fault::too_long(
                "X.25 call user data",
                MAX_FAST_USER_DATA,
                user_data.len(),
            ));
        }
        Ok(Self {
            called,
            calling,
            facilities: Facilities::parse(facilities)?,
            user_data,
        })
    }

    /// The fields of the other packets, which may be missing or end with the addresses.
    pub(super) fn parse_optional(octets: &'p [u8]) -> Result<Self, Fault> {
        if octets.is_empty() {
            return Ok(Self::default());
        }
        match Block::parse(octets)? {
            (Block { called, calling }, []) => Ok(Self {
                called,
                calling,
                ..Self::default()
            }),
            _ => Self::parse(octets),
        }
    }

    pub(super) fn append(&self, octets: &mut Vec<u8>) {
        let Self {
            called, calling, ..
        } = *self;
        Block { called, calling }.append(octets);
        let facilities = self.facilities.octets();
        // They were counted when they were put together.
        octets.push(facilities.len().try_into().unwrap_or(u8::MAX));
        octets.extend_from_slice(facilities);
        octets.extend_from_slice(self.user_data);
    }

    pub(super) fn append_optional(&self, octets: &mut Vec<u8>) {
        if !self.is_empty() {
            self.append(octets);
        }
    }
}
