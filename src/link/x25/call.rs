//! What set-up and clearing say, kept.

use wanbox_wire::x25::{Address, FacilityList};

/// Addresses, facilities and user data of a call, of the answer to one, or of clearing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// The address of the called DTE.
    pub called: Address,
    /// The address of the calling DTE.
    pub calling: Address,
    /// What is asked for, or agreed to. Packet sizes and windows are negotiated by the layer: it
    /// adds them to the answer, and to a call where both ends need them.
    pub facilities: FacilityList,
    /// User data: up to 16 octets in a call, up to 128 with fast select.
    pub user_data: Vec<u8>,
    /// D: delivery confirmation is to be used on the circuit. Not in clearing.
    pub delivery: bool,
}
