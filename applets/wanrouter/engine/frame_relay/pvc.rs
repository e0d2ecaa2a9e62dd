//! What is known of every DLCI.

use wanbox_wire::frame_relay::Address;

/// Status bits of a PVC as the management protocol shows them.
pub mod status {
    /// The switch took it away, or never had it.
    pub const DELETED: u8 = 0x01;
    /// It carries data.
    pub const ACTIVE: u8 = 0x02;
    /// No report came yet.
    pub const WAITING: u8 = 0x04;
    /// Just added.
    pub const NEW: u8 = 0x08;
    /// The switch reports it.
    pub const INCLUDED: u8 = 0x40;
}

/// One DLCI.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pvc {
    /// Bits of [`status`].
    pub bits: u8,
    /// Named by the full status report that is being read.
    pub seen: bool,
    /// The channel that has it, as index.
    pub channel: Option<u16>,
    /// Whether the owner was told of its presence; for DLCIs without channel.
    pub announced: bool,
    /// Waits in the queue of DLCIs to announce.
    pub queued: bool,
}

impl Pvc {
    /// Whether any of these status bits is set.
    pub fn is(&self, bits: u8) -> bool {
        self.bits & bits != 0
    }
}

/// All 1024 of them.
#[derive(Debug)]
pub(super) struct PvcTable {
    entries: Vec<Pvc>,
}

impl PvcTable {
    /// How many there are.
    pub const LEN: u16 = Address::MAX_DLCI + 1;

    /// Nothing known.
    pub fn new() -> Self {
        Self {
            entries: vec![Pvc::default(); usize::from(Self::LEN)],
        }
    }

    /// What is known of a DLCI; nothing of one beyond 1023.
    pub fn get(&self, dlci: u16) -> Pvc {
        self.entries
            .get(usize::from(dlci))
            .copied()
            .unwrap_or_default()
    }

    /// The entry of a DLCI.
    pub fn get_mut(&mut self, dlci: u16) -> Option<&mut Pvc> {
        self.entries.get_mut(usize::from(dlci))
    }

    /// All of them in the order of their DLCIs.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &Pvc)> {
        (0..).zip(&self.entries)
    }

    /// All of them to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u16, &mut Pvc)> {
        (0..).zip(&mut self.entries)
    }
}
