//! What came, went and was dropped.

/// Frames and packets, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received.
    pub received: u64,
    /// Frames sent.
    pub sent: u64,
    /// Frames repeated for others.
    pub repeated: u64,
    /// Frames for others, which is no error.
    pub for_others: u64,
    /// Without a whole header, or without a control field.
    pub bad_headers: u64,
    /// On a line without a call sign.
    pub no_port: u64,
    /// Not repeated: `digipeat 0`, or for everybody.
    pub not_repeated: u64,
    /// Not sent: no line leads there, or through too many digipeaters.
    pub no_path: u64,
    /// UI frames not sent: too many wait for the line.
    pub queue_full: u64,
    /// Connections refused: there are as many as there can be.
    pub too_many_links: u64,
    /// Frames without a connection, which were answered with DM or not at all.
    pub no_link: u64,
    /// Packets of protocols that nobody here speaks.
    pub unknown_pids: u64,
    /// Pieces of packets that do not belong together.
    pub bad_segments: u64,
    /// Packets that wait for a connection in vain, or are too many.
    pub packets_lost: u64,
    /// Packets longer than 128 pieces.
    pub too_long: u64,
    /// Packets received that nobody took in time.
    pub inbox_full: u64,
    /// Events that nobody took in time.
    pub events_lost: u64,
}

impl Counters {
    /// Their names, for listings.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, u64); 17] {
        [
            ("received", self.received),
            ("sent", self.sent),
            ("repeated", self.repeated),
            ("for_others", self.for_others),
            ("bad_headers", self.bad_headers),
            ("no_port", self.no_port),
            ("not_repeated", self.not_repeated),
            ("no_path", self.no_path),
            ("queue_full", self.queue_full),
            ("too_many_links", self.too_many_links),
            ("no_link", self.no_link),
            ("unknown_pids", self.unknown_pids),
            ("bad_segments", self.bad_segments),
            ("packets_lost", self.packets_lost),
            ("too_long", self.too_long),
            ("inbox_full", self.inbox_full),
            ("events_lost", self.events_lost),
        ]
    }
}
