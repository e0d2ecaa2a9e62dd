//! What set-up and clearing say, kept; and the flow control parameters that a call agrees on (X.25
//! section 6.12).

use wanbox_wire::x25::facility::{Directions, FastSelect, PacketSize, code};
use wanbox_wire::x25::facility::{DoesNotFit, Facilities, Facility};
use wanbox_wire::x25::{
    Address, CallFields, FacilityList, Fault, MAX_FAST_USER_DATA, MAX_USER_DATA, Modulo, diagnostic,
};

use super::FlowControl;

/// A window where none was agreed on anywhere (6.12).
const STANDARD_WINDOW: u8 = 2;

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

impl Call {
    pub(super) fn new(fields: &CallFields<'_>, delivery: bool) -> Box<Self> {
        let mut facilities = FacilityList::new();
        // They fitted into the packet.
        let _ = facilities.append(&fields.facilities, |_| true);
        Box::new(Self {
            called: fields.called,
            calling: fields.calling,
            facilities,
            user_data: fields.user_data.to_vec(),
            delivery,
        })
    }

    pub(super) fn fields(&self) -> CallFields<'_> {
        CallFields {
            called: self.called,
            calling: self.calling,
            facilities: self.facilities.get(),
            user_data: &self.user_data,
        }
    }
}

/// The most user data of a call.
pub(super) fn user_data_limit(fast_select: FastSelect) -> usize {
    match fast_select {
        FastSelect::No => MAX_USER_DATA,
        _ => MAX_FAST_USER_DATA,
    }
}

/// What the facilities of a packet say that the layer has to do with.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    pub(super) sizes: Option<Directions<PacketSize>>,
    pub(super) windows: Option<Directions<u8>>,
    pub(super) fast_select: FastSelect,
    pub(super) reverse_charging: bool,
}

impl Wishes {
    /// Reads them; all facilities must be such as can be.
    pub(super) fn read(facilities: &Facilities<'_>, modulo: Modulo) -> Result<Self, Fault> {
        let mut wishes = Self::default();
        for raw in facilities.iter() {
            match raw.value()? {
                Facility::PacketSize(sizes) => wishes.sizes = Some(sizes),
                Facility::WindowSize(windows) => {
                    if windows.called.max(windows.calling) > modulo.highest() {
                        return Err(Fault {
                            diagnostic: diagnostic::PARAMETER_NOT_ALLOWED,
                            error: wanbox_wire::ParseError::Invalid {
                                what: "X.25 window size",
                                value: windows.called.max(windows.calling).into(),
                                expected: "less than the modulo",
                            },
                        });
                    }
                    wishes.windows = Some(windows);
                }
                Facility::Charging {
                    reverse,
                    fast_select,
                } => {
                    wishes.reverse_charging = reverse;
                    wishes.fast_select = fast_select;
                }
                _ => {}
            }
        }
        Ok(wishes)
    }

    /// Whether packet sizes, and windows, are spoken of.
    pub(super) fn negotiates(&self) -> (bool, bool) {
        (self.sizes.is_some(), self.windows.is_some())
    }

    /// What the called end has when these are agreed on, and `default` where nothing is said.
    pub(super) fn called(&self, default: FlowControl) -> FlowControl {
        let sizes = self.sizes.unwrap_or(Directions {
            called: default.send_size,
            calling: default.receive_size,
        });
        let windows = self.windows.unwrap_or(Directions {
            called: default.send_window,
            calling: default.receive_window,
        });
        FlowControl {
            send_size: sizes.called,
            receive_size: sizes.calling,
            send_window: windows.called,
            receive_window: windows.calling,
        }
    }

    /// The same for the calling end.
    pub(super) fn calling(&self, default: FlowControl) -> FlowControl {
        turned(self.called(turned(default)))
    }
}

/// As the other end sees it.
pub(super) const fn turned(flow: FlowControl) -> FlowControl {
    FlowControl {
        send_size: flow.receive_size,
        receive_size: flow.send_size,
        send_window: flow.receive_window,
        receive_window: flow.send_window,
    }
}

/// `facilities` with the sizes, and the windows, of a called end instead of those that are there. In
/// front, for they are X.25 facilities, which come before any marker.
pub(super) fn with_flow(
    facilities: &Facilities<'_>,
    called: FlowControl,
    (sizes, windows): (bool, bool),
) -> Result<FacilityList, DoesNotFit> {
    let mut list = FacilityList::new();
    if sizes {
        list.push(&Facility::PacketSize(Directions {
            called: called.send_size,
            calling: called.receive_size,
        }))?;
    }
    if windows {
        list.push(&Facility::WindowSize(Directions {
            called: called.send_window,
            calling: called.receive_window,
        }))?;
    }
    let others = |kind| !matches!(kind, code::PACKET_SIZE | code::WINDOW_SIZE);
    list.append(facilities, others)?;
    Ok(list)
}

/// A value that is proposed may be answered by one between it and the standard one (6.12): the one
/// nearest to `limit`.
fn answer<T: Ord + Copy>(proposed: T, standard: T, limit: T) -> T {
    if proposed > standard {
        proposed.min(limit).max(standard)
    } else {
        proposed
    }
}

/// Both directions of what is proposed, each no more than these limits where that is allowed.
pub(super) fn limited(proposed: FlowControl, sizes: PacketSize, windows: u8) -> FlowControl {
    let size = |proposed| answer(proposed, PacketSize::STANDARD, sizes);
    let window = |proposed| answer(proposed, STANDARD_WINDOW, windows);
    FlowControl {
        send_size: size(proposed.send_size),
        receive_size: size(proposed.receive_size),
        send_window: window(proposed.send_window),
        receive_window: window(proposed.receive_window),
    }
}

/// Whether an answer lies between what was proposed and the standard.
pub(super) fn is_answer(answer: FlowControl, proposed: FlowControl) -> bool {
    fn between<T: Ord + Copy>(value: T, proposed: T, standard: T) -> bool {
        (proposed.min(standard)..=proposed.max(standard)).contains(&value)
    }
    let size = |value, proposed| between(value, proposed, PacketSize::STANDARD);
    let window = |value, proposed| between(value, proposed, STANDARD_WINDOW);
    size(answer.send_size, proposed.send_size)
        && size(answer.receive_size, proposed.receive_size)
        && window(answer.send_window, proposed.send_window)
        && window(answer.receive_window, proposed.receive_window)
}
